"""Addresses of this room (DESIGN 5): pages, and REST."""

from django.urls import path

from tokens import api, views

app_name = "tokens"

urlpatterns = [
    path("profile/tokens/", views.TokenListView.as_view(), name="list"),
    path("profile/tokens/new/", views.NewTokenView.as_view(), name="new"),
    path("profile/tokens/revoke/", views.RevokeTokensView.as_view(), name="revoke"),
    path("profile/tokens/rotate/", views.ChooseRotationView.as_view(), name="choose-rotation"),
    path("profile/tokens/<str:public_id>/", views.TokenDetailView.as_view(), name="detail"),
    path("profile/tokens/<str:public_id>/rename/", views.RenameTokenView.as_view(), name="rename"),
    path("profile/tokens/<str:public_id>/rotate/", views.RotateTokenView.as_view(), name="rotate"),
]

api_urlpatterns = [
    path("me/", api.MeView.as_view(), name="me"),
    path("tokens/", api.TokensView.as_view(), name="tokens"),
    path("tokens/revoke/", api.RevokeTokensView.as_view(), name="revoke"),
    path("tokens/<str:public_id>/", api.TokenView.as_view(), name="token"),
    path("tokens/<str:public_id>/rotate/", api.RotateTokenView.as_view(), name="rotate"),
]
