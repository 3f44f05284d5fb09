"""The views that both kinds of Django answer with."""

from django.urls import path

from bench import views

urlpatterns = [
    path("bench/bare/", views.bare),
    path("bench/user/", views.user),
]
