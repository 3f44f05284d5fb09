"""Addresses of the projects room (DESIGN 5)."""

from django.urls import path

from orgs.projects import api, views

app_name = "projects"
urlpatterns = [
    path("", views.HomeView.as_view(), name="home"),
    path("projects/new/", views.NewProjectView.as_view(), name="new"),
    path("projects/<str:project_id>/", views.ProjectView.as_view(), name="project"),
    path("projects/<str:project_id>/change/", views.ChangeProjectView.as_view(), name="change"),
    path("projects/<str:project_id>/delete/", views.DeleteProjectView.as_view(), name="delete"),
    path("projects/<str:project_id>/invite/", views.InviteView.as_view(), name="invite"),
    path("projects/<str:project_id>/leave/", views.LeaveProjectView.as_view(), name="leave"),
    path("projects/<str:project_id>/members/<str:username>/", views.ChangeMemberView.as_view(), name="change-member"),
    path("projects/<str:project_id>/members/<str:username>/remove/", views.RemoveMemberView.as_view(), name="remove-member"),
]

api_urlpatterns = [
    path("projects/", api.ProjectsView.as_view(), name="projects"),
    path("projects/<str:public_id>/", api.ProjectView.as_view(), name="project"),
    path("projects/<str:public_id>/members/", api.MembersView.as_view(), name="members"),
    path("projects/<str:public_id>/members/<str:user>/", api.MemberView.as_view(), name="member"),
]
