"""Scripts' door to the security log of an organization (DRF)."""

from django.http import StreamingHttpResponse
from rest_framework.generics import GenericAPIView
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts import exporting, flows, history, logbook
from accounts.errors import AccountOutOfReach, FilterRefused, GatehouseError, TooManyAttempts
from accounts.models import SecurityEvent
from accounts.rest import Answers, LinesRenderer
from orgs import access, errors
from orgs.api.organizations import caller_of
from orgs.serializers import OrgEventOutput, OrgLogQuery

_REFUSES: list[type[GatehouseError]] = [errors.OrgNotFound, errors.AdminNeeded, AccountOutOfReach, FilterRefused]


class SecurityLogView(GenericAPIView[SecurityEvent]):
    """GET /api/v1/orgs/<handle>/security-log/."""

    ordering = logbook.NEWEST_FIRST

    @Answers(OrgEventOutput, many=True, query=OrgLogQuery, refuses=_REFUSES, name="org_security_log_list")
    def get(self, request: Request, handle: str) -> Response:
        """Return what happened in the organization and fits the filters, the newest first; for its admins."""
        org = access.find_as_admin(caller_of(request), handle).org
        events = logbook.parse(request.query_params, logbook.OF_ORG).of(history.of_thing(org.public_id))
        return self.get_paginated_response(OrgEventOutput.rows(self.paginate_queryset(events) or []))


class SecurityLogExportView(APIView):
    """GET /api/v1/orgs/<handle>/security-log/export/."""

    renderer_classes = (LinesRenderer,)

    @Answers(OrgEventOutput, query=OrgLogQuery, refuses=[*_REFUSES, TooManyAttempts], name="org_security_log_export")
    def get(self, request: Request, handle: str) -> StreamingHttpResponse:
        """Return all of them as JSON Lines, the oldest first; the last line is `{"end":true,"count":…}`, or not all have come."""
        caller = caller_of(request)
        org = access.find_as_admin(caller, handle).org
        filters = logbook.parse(request.query_params, logbook.OF_ORG)
        flows.begin_export(
            whose=f"that of “{org.name}”", filters=filters, subject=caller.user, actor=caller.actor, org_id=org.public_id
        )  # fmt: skip
        return exporting.answer(history.of_thing(org.public_id), filters, OrgEventOutput.of, name=f"security-log-{org.public_id}")
