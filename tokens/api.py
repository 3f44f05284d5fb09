"""Scripts' door to oneself and one's tokens (DRF): JSON in, one act, JSON out."""

from rest_framework.generics import GenericAPIView
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts.errors import InvalidInput
from orgs.projects.api import caller_of
from tokens import flows
from tokens.caller import Caller
from tokens.models import EndReason, Token, TokenKind, TokenQuerySet, TokenState
from tokens.serializers import MeOutput, NewTokenInput, TokenOutput

_NO_TRACE = {"Cache-Control": "no-store", "Referrer-Policy": "no-referrer"}  # TOK-03


def presenter_of(request: Request) -> Token | None:
    """Return the token that asks; None for a web session."""
    return request.auth.token if isinstance(request.auth, Caller) else None


class MeView(APIView):
    """GET /api/v1/me/: the person, and the token that asks (null: a web session)."""

    def get(self, request: Request) -> Response:
        """Return who asks."""
        caller, presenter = caller_of(request), presenter_of(request)
        token = TokenOutput(presenter).data if presenter else None
        return Response({**MeOutput(caller.user).data, "token": token})


class TokensView(GenericAPIView[Token]):
    """GET and POST /api/v1/tokens/."""

    ordering = ("-created", "-id")

    def get(self, request: Request) -> Response:
        """Return one's tokens that can still act, the newest first; `?state=` asks for another state, or for "all"."""
        tokens = _in_state(Token.objects.of(caller_of(request).user), request.query_params.get("state", ""))
        page = self.paginate_queryset(tokens) or []
        return self.get_paginated_response([TokenOutput(token).data for token in page])

    def post(self, request: Request) -> Response:
        """Make a token; this answer alone has its text."""
        asked = NewTokenInput(data=request.data)
        asked.is_valid(raise_exception=True)
        caller, values = caller_of(request), asked.validated_data
        minted = flows.create(
            user=caller.user, label=values["label"], expires=values["expires"], kind=TokenKind.API,
            actor=caller.actor, presenter=presenter_of(request), reach=values["projects"],
        )  # fmt: skip
        return Response({**TokenOutput(minted.token).data, "token": minted.text}, status=201, headers=_NO_TRACE)


class TokenView(APIView):
    """GET and DELETE /api/v1/tokens/<id>/."""

    def get(self, request: Request, public_id: str) -> Response:
        """Return one of one's tokens, in whatever state."""
        return Response(TokenOutput(_own(request, public_id)).data)

    def delete(self, request: Request, public_id: str) -> Response:
        """Revoke it; the second time changes nothing and answers the same."""
        flows.revoke(tokens=[_own(request, public_id)], actor=caller_of(request).actor, why=EndReason.REVOKED.value)
        return Response(status=204)


def _own(request: Request, public_id: str) -> Token:
    return Token.objects.of(caller_of(request).user).pick([public_id])[0]


def _in_state(tokens: TokenQuerySet, state: str) -> TokenQuerySet:
    if state == "all":
        return tokens
    if state in (TokenState.REVOKED, TokenState.EXPIRED):
        return tokens.ended_as(TokenState(state))
    with_authority = tokens.with_authority()
    if state in (TokenState.ACTIVE, TokenState.RETIRED):
        return with_authority.filter(state=state)
    if state:
        raise InvalidInput(reason=f"There is no such state. Choose one of: {', '.join([*TokenState.values, 'all'])}")
    return with_authority
