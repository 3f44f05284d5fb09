"""Scripts' door of this room: one's sessions and one's security log."""

from typing import Any, cast

from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.utils import timezone
from rest_framework import status
from rest_framework.generics import GenericAPIView, ListAPIView
from rest_framework.permissions import IsAuthenticated
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts import exporting, flows, history, logbook
from accounts.audit import Actor
from accounts.errors import AccountOutOfReach, FilterRefused, NotAuthenticated, SessionNotFound, TooManyAttempts
from accounts.logbook import Events
from accounts.models import SecurityEvent, Session, User
from accounts.rest import Answers, LinesRenderer, ReachesAccount
from accounts.serializers import SecurityEventOutput, SecurityLogQuery, SessionOutput
from accounts.sessions import SessionStore


def actor_of(request: Request) -> Actor:
    """Return who acts through REST."""
    return Actor.from_request(request._request, door="rest", user=cast(User, request.user))


class SessionsView(ListAPIView[Session]):
    """GET /api/v1/sessions/: where one is signed in."""

    permission_classes = (IsAuthenticated, ReachesAccount)
    serializer_class, ordering = SessionOutput, ("-created", "pk")

    def get_queryset(self) -> QuerySet[Session]:
        """Return the person's live sessions."""
        return Session.objects.of(cast(User, self.request.user)).live(timezone.now())

    def get_serializer_context(self) -> dict[str, Any]:
        """Say which session is the present one, if the request has one."""
        store = cast(SessionStore, self.request._request.session)
        return {**super().get_serializer_context(), "current": store.row}


class SessionDetailView(APIView):
    """DELETE /api/v1/sessions/<id>/: ends one session of one's own; 404 for any other id."""

    permission_classes = (IsAuthenticated, ReachesAccount)

    @Answers(None, status=204, refuses=[SessionNotFound, AccountOutOfReach])
    def delete(self, request: Request, public_id: str) -> Response:
        """End a session; where it is the present one, its cookie goes too."""
        ended = flows.end_session(user=cast(User, request.user), public_id=public_id, actor=actor_of(request))
        store = cast(SessionStore, request._request.session)
        if store.row is not None and store.row.pk == ended.pk:
            store.flush()
        return Response(status=status.HTTP_204_NO_CONTENT)


class SecurityLogView(GenericAPIView[SecurityEvent]):
    """GET /api/v1/security-log/."""

    permission_classes = (IsAuthenticated, ReachesAccount)
    ordering = logbook.NEWEST_FIRST  # by time first: a cursor shows its position, and a row number would tell how many events there are

    @Answers(SecurityEventOutput, many=True, query=SecurityLogQuery, refuses=[AccountOutOfReach, FilterRefused])
    def get(self, request: Request) -> Response:
        """Return one's own events that fit the filters, the newest first."""
        events = logbook.parse(request.query_params, logbook.OWN).of(_own(request))
        return self.get_paginated_response(SecurityEventOutput.rows(self.paginate_queryset(events) or []))


class SecurityLogExportView(APIView):
    """GET /api/v1/security-log/export/."""

    permission_classes = (IsAuthenticated, ReachesAccount)
    renderer_classes = (LinesRenderer,)

    @Answers(
        SecurityEventOutput, query=SecurityLogQuery, name="security_log_export", refuses=[AccountOutOfReach, FilterRefused, TooManyAttempts]
    )
    def get(self, request: Request) -> StreamingHttpResponse:
        """Return all of them as JSON Lines, the oldest first; the last line is `{"end":true,"count":…}`, or not all have come."""
        filters, actor = logbook.parse(request.query_params, logbook.OWN), actor_of(request)
        flows.begin_export(whose="your own", filters=filters, subject=actor.user, actor=actor)
        return exporting.answer(_own(request), filters, SecurityEventOutput.of, name=f"security-log-{request.user.get_username()}")


def _own(request: Request) -> Events:
    return history.of(cast(User, request.user)).select_related("actor")


class SignedOutView(APIView):
    """What every route of REST answers whose session ended while the request ran (SES-04)."""

    authentication_classes = permission_classes = ()

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        """Refuse, whatever the method. Raises NotAuthenticated."""
        raise NotAuthenticated()


def is_rest(request: HttpRequest) -> bool:
    """Return whether a view of REST answered the request."""
    view = request.resolver_match.func if request.resolver_match else None
    return issubclass(getattr(view, "view_class", object), APIView)


def refusal(request: HttpRequest) -> HttpResponse:
    """Return the answer of REST to somebody who is signed in no longer."""
    answer = SignedOutView.as_view()(request)
    answer.render()
    return answer
