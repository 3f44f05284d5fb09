"""People's door to their API tokens: a form in, one act, a page or a redirect out."""

from datetime import timedelta
from functools import cached_property
from typing import Any, ClassVar

from django import forms
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import render
from django.urls import reverse_lazy
from django.utils import timezone

from accounts import history, site
from accounts.models import User
from accounts.pages import ActorMixin, FlowView, PageView
from tokens import flows, limits
from tokens.forms import NewTokenForm
from tokens.models import EndReason, Token, TokenKind

_LIST_URL = reverse_lazy("tokens:list")


class _TokensTab(ActorMixin):
    """Adds what the frame of the tab shows on each of its pages."""

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        """Add the number of live tokens."""
        live_count = Token.objects.of(self.user).live().count()
        context: dict[str, Any] = super().get_context_data(live_count=live_count, **kwargs)  # type: ignore[misc]
        return context


class TokenListView(_TokensTab, PageView):
    """/profile/tokens/: what can still act for the person; with `?ended=1` what no longer can."""

    template_name = "tokens/list.html"
    done_sentences: ClassVar[dict[str, str]] = {
        "revoked": "Revoked. Whatever holds the text is refused from its next request on.",
        "none": "Select the tokens first, then Revoke.",
    }

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        """Add one page of tokens, live ones first, those whose label holds the search text."""
        search = self.request.GET.get("q", "").replace("\x00", "").strip()[: limits.SEARCH_MAX_CHARS]
        mine, ended = Token.objects.of(self.user), self.request.GET.get("ended") == "1"
        since = timezone.now() - timedelta(days=limits.ENDED_SHOWN_DAYS)
        shown = mine.ended_since(since) if ended else mine.with_authority()
        rows = Paginator(shown.labelled_like(search).live_first(), limits.PAGE_ROWS)
        page = rows.get_page(self.request.GET.get("page"))
        return super().get_context_data(tokens=page, q=search, ended=ended, **kwargs)


class NewTokenView(_TokensTab, FlowView):
    """/profile/tokens/new/: makes a token. The answer to the POST shows the text, and nothing ever again (TOK-03)."""

    form_class, template_name, success_url = NewTokenForm, "tokens/new.html", _LIST_URL

    def act(self, form: NewTokenForm) -> HttpResponse:
        """Make the token and return the page that shows its text."""
        chosen = form.cleaned_data
        minted = flows.create(user=self.user, label=chosen["label"], expires=chosen["expires_at"], kind=TokenKind.API, actor=self.actor)
        page = self.get_context_data(form=form, token=minted.token, text=minted.text, site=site.address())
        response = render(self.request, "tokens/made.html", page)
        response["Cache-Control"], response["Referrer-Policy"] = "no-store", "no-referrer"
        return response


class RevokeTokensView(_TokensTab, FlowView):
    """/profile/tokens/revoke/: GET asks, naming the tokens of `?token=…`; POST revokes all or none (TOK-11)."""

    form_class, template_name = forms.Form, "tokens/revoke.html"

    @cached_property
    def chosen(self) -> list[Token]:
        """The person's tokens that were selected; raises TokenNotFound, a 404, where one is not theirs."""
        given = self.request.POST if self.request.method == "POST" else self.request.GET
        return Token.objects.of(self.user).pick(given.getlist("token"))

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        """Go back to the list where nothing was selected."""
        return super().dispatch(request, *args, **kwargs) if self.chosen else self.leave("none", "tokens:list")

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        """Add the tokens."""
        return super().get_context_data(tokens=self.chosen, **kwargs)

    def act(self, form: forms.Form) -> HttpResponse:
        """Revoke them and go back to the list, which says so."""
        flows.revoke(tokens=self.chosen, actor=self.actor, why=EndReason.REVOKED.value)
        return self.leave("revoked", "tokens:list")


class TokenDetailView(_TokensTab, PageView):
    """/profile/tokens/<id>/: one token, and what happened to it."""

    template_name = "tokens/detail.html"

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        """Add the token and its newest events."""
        token = Token.objects.of(self.user).pick([self.kwargs["public_id"]])[0]
        return super().get_context_data(token=token, events=_events_of(token, self.user), **kwargs)


def _events_of(token: Token, user: User) -> list[history.ShownEvent]:
    rows = history.of(user).filter(about=token.public_id)
    return [history.show_event(row) for row in rows[: limits.EVENTS_SHOWN]]
