"""Routes of this room."""

from django.urls import path

from twofactor import views

app_name = "twofactor"

urlpatterns = [
    path("security/2fa/enable/", views.EnableView.as_view(), name="enable"),
    path("security/2fa/disable/", views.DisableView.as_view(), name="disable"),
    path("security/2fa/backup-codes/", views.BackupCodesView.as_view(), name="codes"),
]
