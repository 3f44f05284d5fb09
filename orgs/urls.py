"""Addresses of organizations (DESIGN 5)."""

from django.urls import path

from orgs.api import log as log_api
from orgs.api import organizations as api
from orgs.api import policies as policies_api
from orgs.views import front, invitations, log, members, organizations

app_name = "orgs"
urlpatterns = [
    path("orgs/", organizations.OrganizationsView.as_view(), name="list"),
    path("orgs/<str:handle>/", front.OrganizationView.as_view(), name="organization"),
    path("orgs/<str:handle>/leave/", organizations.LeaveView.as_view(), name="leave"),
    path("orgs/<str:handle>/log/", log.LogView.as_view(), name="log"),
    path("orgs/<str:handle>/log/export/", log.ExportLogView.as_view(), name="export-log"),
    path("orgs/<str:handle>/members/", members.MembersView.as_view(), name="members"),
    path("orgs/<str:handle>/members/invite/", members.InviteView.as_view(), name="invite"),
    path("orgs/<str:handle>/members/<str:username>/", members.ChangeLevelView.as_view(), name="change-level"),
    path("orgs/<str:handle>/members/<str:username>/remove/", members.RemoveMemberView.as_view(), name="remove-member"),
    path("orgs/<str:handle>/invitations/<str:public_id>/withdraw/", members.WithdrawInvitationView.as_view(), name="withdraw"),
    path("invitations/<str:key>/", invitations.InvitationView.as_view(), name="invitation"),
]

api_urlpatterns = [
    path("orgs/", api.OrganizationsView.as_view(), name="orgs"),
    path("orgs/<str:handle>/", api.OrganizationView.as_view(), name="org"),
    path("orgs/<str:handle>/security-log/", log_api.SecurityLogView.as_view(), name="org-security-log"),
    path("orgs/<str:handle>/security-log/export/", log_api.SecurityLogExportView.as_view(), name="org-security-log-export"),
    path("orgs/<str:handle>/policies/", policies_api.PoliciesView.as_view(), name="org-policies"),
    path("orgs/<str:handle>/members/", api.MembersView.as_view(), name="org-members"),
    path("orgs/<str:handle>/members/<str:user>/", api.MemberView.as_view(), name="org-member"),
    path("orgs/<str:handle>/invitations/", api.InvitationsView.as_view(), name="org-invitations"),
    path("orgs/<str:handle>/invitations/<str:public_id>/", api.InvitationView.as_view(), name="org-invitation"),
]
