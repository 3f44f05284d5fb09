"""Routes of this room: pages, and under /api/v1/ what scripts use."""

from django.contrib.auth.decorators import login_not_required
from django.urls import path

from accounts import api
from accounts.views import help, log, recovery, report, security, signin

app_name = "accounts"

urlpatterns = [
    path("login/", signin.LoginView.as_view(), name="login"),
    path("login/verify/", signin.VerifyView.as_view(), name="verify"),
    path("logout/", signin.LogoutView.as_view(), name="logout"),
    path("session/", signin.SessionView.as_view(), name="session"),
    path("password/reset/", recovery.ResetPasswordView.as_view(), name="reset-password"),
    path("password/reset/<str:uid>/<str:key>/", recovery.ChoosePasswordView.as_view(), name="choose-password"),
    path("email/confirm/<str:key>/", recovery.ConfirmEmailView.as_view(), name="confirm-email"),
    path("email/cancel/<str:key>/", recovery.CancelEmailView.as_view(), name="cancel-email"),
    path("profile/", security.ProfileView.as_view(), name="profile"),
    path("security/", security.SecurityView.as_view(), name="security"),
    path("security/password/", security.ChangePasswordView.as_view(), name="change-password"),
    path("security/email/", security.ChangeEmailView.as_view(), name="change-email"),
    path("security/email/cancel/", security.WithdrawEmailView.as_view(), name="withdraw-email"),
    path("security/sessions/", security.SessionsView.as_view(), name="sessions"),
    path("security/history/", log.HistoryView.as_view(), name="history"),
    path("security/history/export/", log.ExportHistoryView.as_view(), name="export-history"),
    path("security/report/", report.ReportView.as_view(), name="report"),
    path("help/", help.HelpView.as_view(), name="help"),
    path(".well-known/change-password", login_not_required(security.change_password_shortcut)),
]

api_urlpatterns = [
    path("sessions/", api.SessionsView.as_view(), name="api-sessions"),
    path("sessions/<str:public_id>/", api.SessionDetailView.as_view(), name="api-session"),
    path("security-log/", api.SecurityLogView.as_view(), name="api-security-log"),
    path("security-log/export/", api.SecurityLogExportView.as_view(), name="api-security-log-export"),
]
