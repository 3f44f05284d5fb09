"""Tokens of everybody: a list, and a page of one. Never a text, never a digest (ADM-02)."""

from typing import Any

from accounts import history
from accounts.models import SecurityEvent
from accounts.paging import page_of
from config.console.entrance import ConsolePage
from tokens import limits, running
from tokens.models import Token, TokenKind, TokenState
from tokens.work import overview


class TokensView(ConsolePage):
    """/admin/tokens/: the newest first; `?state=` and `?kind=` narrow it."""

    section, template_name = "tokens", "admin/tokens.html"

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        """Add a page of them."""
        asked = self.request.GET
        state, kind = _known(asked.get("state"), TokenState.values), _known(asked.get("kind"), TokenKind.values)
        rows = Token.objects.select_related("user").order_by("-pk")
        if state:
            rows = rows.filter(state=state)
        if kind:
            rows = rows.filter(kind=kind)
        page = page_of(rows.with_scope(), asked.get("page"), limits.PAGE_ROWS)
        return super().get_context_data(
            page=page, state=state, kind=kind, states=TokenState.choices, kinds=TokenKind.choices, **kwargs
        )  # fmt: skip


class TokenView(ConsolePage):
    """/admin/tokens/<id>/: one token, what runs on it, what happened to it. Raises TokenNotFound, a 404."""

    section, template_name = "tokens", "admin/token.html"

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        """Add the token."""
        token = Token.objects.select_related("user", "parent", "ended_by").with_scope().pick([self.kwargs["public_id"]])[0]
        events = SecurityEvent.objects.about(token.public_id).order_by("-at", "-id")[: limits.EVENTS_SHOWN]
        return super().get_context_data(
            token=token, runs=running.on([token])[token.pk], works=overview.ran_on(token)["works"],
            entries=[history.show_event(row) for row in events], **kwargs,
        )  # fmt: skip


def _known(asked: str | None, known: list[str]) -> str:
    return asked if asked in known else ""
