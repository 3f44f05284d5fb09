"""Scripts' door to oneself and one's tokens (DRF): JSON in, one act, JSON out."""

from django.db.models import QuerySet
from rest_framework.generics import GenericAPIView
from rest_framework.permissions import IsAuthenticated
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.throttling import BaseThrottle
from rest_framework.views import APIView

from accounts.callers import require_account
from accounts.errors import AccountOutOfReach, ConfirmationNeeded, GatehouseError, InvalidInput, StaleProof, TooManyAttempts
from accounts.rest import Answers, LimitedSearch, ReachesAccount, is_confirmed
from orgs.projects.api import caller_of
from orgs.projects.errors import ProjectNotFound
from tokens import errors, flows, idempotency, limits, running
from tokens.caller import Caller
from tokens.models import EndReason, Token, TokenKind, TokenQuerySet, TokenState
from tokens.serializers import (
    MeOutput,
    MintedOutput,
    NewTokenHeaders,
    NewTokenInput,
    RevocationInput,
    RevocationOutput,
    RotationInput,
    TokenChangesInput,
    TokenOutput,
    TokensQuery,
)

_NO_TRACE = {"Cache-Control": "no-store", "Referrer-Policy": "no-referrer"}  # TOK-03
_MINT_REFUSES: list[type[GatehouseError]] = [
    errors.ExpiryRefused, errors.TokensNotAllowed, errors.WiderThanToken, errors.JobTokenMakesNone, errors.TooManyGenerations,
    errors.TokenLimit, errors.LabelTaken, AccountOutOfReach, ConfirmationNeeded, TooManyAttempts, StaleProof,
]  # fmt: skip
_CREATE_REFUSES: list[type[GatehouseError]] = [
    *_MINT_REFUSES, errors.LabelRefused, errors.ScopeRefused, errors.ScopeTooWide, ProjectNotFound, errors.KeyShapeRefused,
    errors.KeyReused, errors.AlreadyMade,
]  # fmt: skip
_OWN_REFUSES: list[type[GatehouseError]] = [errors.TokenNotFound, AccountOutOfReach]


def presenter_of(request: Request) -> Token | None:
    """Return the token that asks; None for a web session."""
    return request.auth.token if isinstance(request.auth, Caller) else None


class MeView(APIView):
    """GET /api/v1/me/: the person, and the token that asks (null: a web session)."""

    @Answers(MeOutput)
    def get(self, request: Request) -> Response:
        """Return who asks."""
        return Response(MeOutput.of((caller_of(request).user, presenter_of(request))))


class TokensView(LimitedSearch, GenericAPIView[Token]):
    """GET and POST /api/v1/tokens/."""

    ordering = ("-created", "-id")

    @Answers(TokenOutput, many=True, query=TokensQuery, refuses=[InvalidInput, AccountOutOfReach])
    def get(self, request: Request) -> Response:
        """Return one's tokens that can still act, the newest first; `?state=` asks for another state, or for "all"."""
        caller = caller_of(request)
        require_account(caller, to_change=False)
        search = request.query_params.get("q", "").replace("\x00", "")[: limits.SEARCH_MAX_CHARS]
        tokens = _in_state(Token.objects.of(caller.user), request.query_params.get("state")).matching(search)
        return self.get_paginated_response(TokenOutput.rows(self.paginate_queryset(_whole(tokens)) or []))

    @Answers(MintedOutput, status=201, takes=NewTokenInput, headers=NewTokenHeaders, refuses=_CREATE_REFUSES)
    def post(self, request: Request) -> Response:
        """Make a token; this answer alone has its text."""
        caller = caller_of(request)
        require_account(caller, to_change=False)
        asked = NewTokenInput(data=request.data)
        asked.is_valid(raise_exception=True)
        values = asked.validated_data
        minted = flows.create(
            user=caller.user, label=values["label"], expires=values["expires"], reach=values["projects"], kind=TokenKind.API,
            presenter=presenter_of(request), confirmed=is_confirmed(request), actor=caller.actor,
            once=idempotency.repeatable(request.headers.get("Idempotency-Key"), request.data),
        )  # fmt: skip
        return Response(MintedOutput.of(minted), status=201, headers=_NO_TRACE)


class TokenView(APIView):
    """GET, PATCH and DELETE /api/v1/tokens/<id>/."""

    @Answers(TokenOutput, refuses=_OWN_REFUSES)
    def get(self, request: Request, public_id: str) -> Response:
        """Return one of one's tokens, in whatever state."""
        require_account(caller_of(request), to_change=False)
        return Response(TokenOutput.of(_own(request, public_id)))

    @Answers(TokenOutput, takes=TokenChangesInput, refuses=[*_OWN_REFUSES, errors.LabelRefused, errors.LabelTaken])
    def patch(self, request: Request, public_id: str) -> Response:
        """Rename a token that can still act; nothing else of it can be changed."""
        caller = caller_of(request)
        require_account(caller, to_change=True)
        asked = TokenChangesInput(data=request.data)
        asked.is_valid(raise_exception=True)
        flows.rename(user=caller.user, token=_own(request, public_id), label=asked.validated_data["label"], actor=caller.actor)
        return Response(TokenOutput.of(_own(request, public_id)))

    @Answers(None, status=204, refuses=_OWN_REFUSES)
    def delete(self, request: Request, public_id: str) -> Response:
        """Revoke a token, and what was made with it; the second time changes nothing and answers the same."""
        _require_control(request, public_id)
        flows.revoke(tokens=[_own(request, public_id)], actor=caller_of(request).actor, why=EndReason.REVOKED.value)
        return Response(status=204)


class RotateTokenView(APIView):
    """POST /api/v1/tokens/<id>/rotate/."""

    @Answers(
        MintedOutput, status=201, takes=RotationInput, refuses=[*_OWN_REFUSES, *_MINT_REFUSES, errors.NotRotated],
        name="tokens_rotate",
    )  # fmt: skip
    def post(self, request: Request, public_id: str) -> Response:
        """Give a token a new text: a new token with its label and scope, whose text is in this answer alone.

        The old one goes on for `overlap_seconds`.
        """
        caller, presenter = caller_of(request), presenter_of(request)
        _require_control(request, public_id)
        require_account(caller, to_change=False)
        asked = RotationInput(data=request.data)
        asked.is_valid(raise_exception=True)
        minted = flows.rotate(
            user=caller.user, token=_own(request, public_id), presenter=presenter, confirmed=is_confirmed(request),
            actor=caller.actor, **asked.validated_data,
        )  # fmt: skip
        return Response(MintedOutput.of(minted), status=201, headers=_NO_TRACE)


class RevokeTokensView(APIView):
    """POST /api/v1/tokens/revoke/."""

    permission_classes = (IsAuthenticated, ReachesAccount)
    throttle_scope = "preview"

    def get_throttles(self) -> list[BaseThrottle]:
        """Return the limits of a question. Revoking itself is never limited: nobody shall be kept from it."""
        asks = isinstance(self.request.data, dict) and self.request.data.get("preview") is True
        return super().get_throttles() if asks else []

    @Answers(RevocationOutput, takes=RevocationInput, refuses=_OWN_REFUSES, name="tokens_revoke")
    def post(self, request: Request) -> Response:
        """Revoke several tokens at once, all or none, or say with "preview" what that would end."""
        asked = RevocationInput(data=request.data)
        asked.is_valid(raise_exception=True)
        caller, values = caller_of(request), asked.validated_data
        mine = Token.objects.of(caller.user)
        chosen = list(mine.with_authority()) if values["all"] else mine.pick(values["ids"])
        if values["preview"]:
            return Response(RevocationOutput.of((True, running.blast_of(flows.find_family(tokens=chosen)))))
        return Response(RevocationOutput.of((False, flows.revoke(tokens=chosen, actor=caller.actor, why=EndReason.REVOKED.value))))


def _require_control(request: Request, public_id: str) -> None:
    """Return where the token that asks is the one it is about, or may change the account; raise AccountOutOfReach otherwise."""
    presenter = presenter_of(request)
    if presenter is None or presenter.public_id != public_id:
        require_account(caller_of(request), to_change=True)


def _whole(tokens: TokenQuerySet) -> QuerySet[Token]:
    """Return the tokens with all that an answer says of them: two queries, however many there are."""
    return tokens.with_scope().select_related("parent", "replaces")


def _own(request: Request, public_id: str) -> Token:
    return Token.objects.of(caller_of(request).user).with_scope().select_related("parent", "replaces").pick([public_id])[0]


def _in_state(tokens: TokenQuerySet, state: str | None) -> TokenQuerySet:
    if state is None:
        return tokens.with_authority()
    if state == "all":
        return tokens
    if state in (TokenState.REVOKED, TokenState.EXPIRED):
        return tokens.ended_as(TokenState(state))
    if state in (TokenState.ACTIVE, TokenState.RETIRED):
        return tokens.with_authority().filter(state=state)
    raise InvalidInput(reason=f"There is no such state. Choose one of: {', '.join([*TokenState.values, 'all'])}")
