"""Addresses of this room: pages, REST (DESIGN 5), and where bytes go and come from."""

from django.urls import path

from tokens.work import api, streams, views

app_name = "work"

urlpatterns = [
    path("work/running/", views.RunningView.as_view(), name="running"),
    path("work/<str:public_id>/", views.WorkView.as_view(), name="one"),
    path("work/<str:public_id>/end/", views.EndWorkView.as_view(), name="end"),
    path("transfers/<str:public_id>/part", streams.part, name="part"),
    path("transfers/<str:public_id>/dead-end", streams.dead_end, name="dead-end"),
    path("transfers/<str:public_id>/content", streams.content, name="bytes"),
    path("transfers/<str:public_id>/content/<str:grant>", streams.content, name="link"),
]

api_urlpatterns = [
    path("jobs/", api.JobsView.as_view(), name="jobs"),
    path("jobs/<str:public_id>/", api.JobView.as_view(), name="job"),
    path("jobs/<str:public_id>/heartbeat/", api.HeartbeatView.as_view(), name="heartbeat"),
    path("jobs/<str:public_id>/finish/", api.FinishView.as_view(), name="finish"),
    path("transfers/", api.TransfersView.as_view(), name="transfers"),
    path("transfers/<str:public_id>/", api.TransferView.as_view(), name="transfer"),
]
