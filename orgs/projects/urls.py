"""Addresses of the projects room."""

from django.urls import path

from orgs.projects import views

app_name = "projects"
urlpatterns = [
    path("", views.HomeView.as_view(), name="home"),
]
