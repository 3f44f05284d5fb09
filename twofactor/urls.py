"""Routes of this room."""

from django.urls import path

from twofactor.views import resetting, securing, setting_up

app_name = "twofactor"

urlpatterns = [
    path("security/2fa/enable/", setting_up.EnableView.as_view(), name="enable"),
    path("security/2fa/disable/", setting_up.DisableView.as_view(), name="disable"),
    path("security/2fa/backup-codes/", setting_up.BackupCodesView.as_view(), name="codes"),
    path("security/2fa/object/", resetting.ObjectHereView.as_view(), name="object-here"),
    path("security/2fa/object/<str:key>/", resetting.ObjectView.as_view(), name="object"),
    path("security/compromised/", securing.CompromisedView.as_view(), name="compromised"),
]
