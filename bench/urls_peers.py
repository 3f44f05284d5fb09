"""The peers' addresses."""

from django.urls import path

from bench import views_peers

urlpatterns = [
    path("authtoken/me/", views_peers.AuthtokenMe.as_view()),
    path("knox/me/", views_peers.KnoxMe.as_view()),
]
