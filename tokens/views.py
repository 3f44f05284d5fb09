"""People's door to their API tokens: a form in, one act, a page or a redirect out."""

from datetime import timedelta
from functools import cached_property
from typing import Any, ClassVar

from django import forms
from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect, render
from django.urls import reverse_lazy
from django.utils import timezone
from django.utils.module_loading import import_string

from accounts import history, reauth, site
from accounts.models import User
from accounts.pages import ActorMixin, FlowView, PageView, confirmed, with_code
from accounts.paging import page_of
from orgs import policies
from orgs.projects.models import Project
from tokens import expiry, flows, limits, running
from tokens.forms import MaybeConfirmedForm, NewTokenForm, RenameTokenForm, RotateTokenForm
from tokens.minting import Minted
from tokens.models import ORDERS, EndReason, Token, TokenKind
from tokens.rules import refusal_by

_LIST_URL = reverse_lazy("tokens:list")
DEFAULT_ORDER = "-created"
SAID_MAX_CHARS = 100


class _TokensTab(ActorMixin):
    """Adds what the frame of the tab shows on each of its pages."""

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        """Add the number of live tokens, unless the page knows it already."""
        if "live_count" not in kwargs:
            kwargs["live_count"] = Token.objects.of(self.user).live().count()
        context: dict[str, Any] = super().get_context_data(**kwargs)  # type: ignore[misc]
        return context


class TokenListView(_TokensTab, PageView):
    """/profile/tokens/: what can still act for the person; with `?ended=1` what no longer can."""

    template_name = "tokens/list.html"
    done_sentences: ClassVar[dict[str, str]] = {
        "revoked": "Revoked. Whatever holds the text is refused from its next request on.",
        "none": "Select the tokens first, then Revoke.",
        "one": "Select one token, then Rotate.",
    }
    hints = ("none", "one")

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        """Add one page of tokens in the order asked for, those whose label or project holds the search text."""
        search = self.request.GET.get("q", "").replace("\x00", "").strip()[: limits.SEARCH_MAX_CHARS]
        order, ended = self._order(), self.request.GET.get("ended") == "1"
        mine, since = Token.objects.of(self.user), timezone.now() - timedelta(days=limits.ENDED_SHOWN_DAYS)
        shown = (mine.ended_since(since) if ended else mine.with_authority()).matching(search).in_order(order)
        page = page_of(shown.with_scope().with_tally(self.user), self.request.GET.get("page"), limits.PAGE_ROWS)
        runs = running.on(page.object_list)
        rows = [(token, runs[token.pk]) for token in page.object_list]
        tally = self._tally(page.object_list)
        return super().get_context_data(page=page, rows=rows, q=search, order=order, ended=ended, **tally, **kwargs)

    def _order(self) -> str:
        asked = self.request.GET.get("sort", "")
        return asked if asked.removeprefix("-") in ORDERS else DEFAULT_ORDER

    def _tally(self, rows: list[Token]) -> dict[str, Any]:
        """Return what the rows know of all tokens, and without rows ask: a dead one that was tried is told either way."""
        mine = Token.objects.of(self.user)
        if not rows:
            return {"tried": mine.tried_lately().first()}
        tried = rows[0].tried_token
        return {"live_count": rows[0].live_count, "tried": mine.filter(pk=tried).first() if tried else None}


class _ShowsTextOnce(_TokensTab, FlowView):
    """Answers a POST with the page that shows a token's text, and nothing ever again (TOK-03)."""

    def ask_password(self) -> bool:
        """Whether the form has the field for it: it may be needed, and was not given in the last 10 minutes."""
        recent = self.store.row is not None and reauth.is_recent(self.store.row)
        return not recent and Project.objects.visible_to(self.user).filter(phi=True).exists()

    def get_form(self, form_class: Any = None) -> Any:
        """Return the form, with a field for the code where it has one for the password and logins of this person need one."""
        return with_code(super().get_form(form_class), self.user)

    def is_confirmed(self, form: MaybeConfirmedForm) -> bool:
        """Return whether the password was given lately in this session, or is given now; raises as reauth.confirm does."""
        assert self.store.row is not None  # noqa: S101  (the page is behind the login)
        if form.cleaned_data.get("current_password"):
            reauth.remember(self.store.row, confirmed(self, form))
        return reauth.is_recent(self.store.row)

    def show(self, minted: Minted, form: forms.Form) -> HttpResponse:
        """Return the page with the text."""
        token = Token.objects.with_scope().get(pk=minted.token.pk)
        page = self.get_context_data(form=form, token=token, text=minted.text, site=site.address(), old=minted.token.replaces)
        response = render(self.request, "tokens/made.html", page)
        response["Cache-Control"], response["Referrer-Policy"] = "no-store", "no-referrer"
        return response


class NewTokenView(_ShowsTextOnce):
    """/profile/tokens/new/: makes a token. With `do=find` it only draws the form again, with the projects that fit."""

    form_class, template_name, success_url = NewTokenForm, "tokens/new.html", _LIST_URL

    def get_form_kwargs(self) -> dict[str, Any]:
        """Add whose form it is, and what was ticked in it."""
        kwargs = super().get_form_kwargs()
        if self.request.method == "POST" and self.request.POST.get("do") == "find":
            kwargs["initial"] = {name: self.request.POST.get(name, "") for name in ("label", "expires", "expires_on", "access", "find")}
            del kwargs["data"], kwargs["files"]
        return {**kwargs, "user": self.user, "sent": self.request.POST, "ask_password": self.ask_password()}

    def post(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        """Draw the form again, or take it."""
        if request.POST.get("do") == "find":
            return self.render_to_response(self.get_context_data())
        return super().post(request, *args, **kwargs)

    def act(self, form: NewTokenForm) -> HttpResponse:
        """Make the token and return the page that shows its text."""
        chosen = form.cleaned_data
        minted = flows.create(
            user=self.user, label=chosen["label"], expires=chosen["expires_at"], reach=chosen["reach"], kind=TokenKind.API,
            confirmed=self.is_confirmed(form), actor=self.actor,
        )  # fmt: skip
        return self.show(minted, form)


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
        """Add the tokens, what was made with them and ends with them, and what runs on all of these."""
        chosen = {token.pk for token in self.chosen}
        family = flows.find_family(tokens=self.chosen)
        blast = running.blast_of(family)
        made = [token for token in family if token.pk not in chosen and token.kind != TokenKind.JOB]
        return super().get_context_data(tokens=self.chosen, made=made, work=blast.work, said=blast.tally, **kwargs)

    def act(self, form: forms.Form) -> HttpResponse:
        """Revoke them and go back to the list, which says so."""
        ended = flows.revoke(tokens=self.chosen, actor=self.actor, why=EndReason.REVOKED.value).tally
        said = self.request.POST.get("said", "")
        # What the page had promised and what happened can differ: work begins and ends while a person reads.
        differs = f" The page had said: {said}." if said and said != ended and len(said) <= SAID_MAX_CHARS else ""
        return self.leave("revoked", "tokens:list", told=f"Ended: {ended}.{differs}" if ended else "")


class _OneToken(_TokensTab):
    """A page of one token of the person's; raises TokenNotFound, a 404, for any other id."""

    @cached_property
    def token(self) -> Token:
        """The token of the address."""
        return Token.objects.of(self.user).with_scope().pick([self.kwargs["public_id"]])[0]

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        """Add the token."""
        return super().get_context_data(**{"token": self.token, **kwargs})


class TokenDetailView(_OneToken, PageView):
    """/profile/tokens/<id>/: one token, and what happened to it."""

    template_name = "tokens/detail.html"
    done_sentences: ClassVar[dict[str, str]] = {"renamed": "Renamed. Whatever holds its text goes on as before."}

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        """Add what it reaches now, what runs on it, its relations and its newest events."""
        token = self.token
        mine = {project.pk: project.level_label for project in Project.objects.visible_to(self.user).filter(token_scopes__token=token.pk)}
        return super().get_context_data(
            reach=[(entry, mine.get(entry.project_id)) for entry in token.projects.all()], runs=running.on([token])[token.pk],
            successor=Token.objects.filter(replaces=token).first(), made=token.children.with_authority().order_by("label", "pk"),
            events=_events_of(token, self.user), sections=[import_string(path)(token) for path in settings.TOKEN_SECTIONS], **kwargs,
        )  # fmt: skip


class RenameTokenView(_OneToken, FlowView):
    """/profile/tokens/<id>/rename/"""

    form_class, template_name = RenameTokenForm, "tokens/rename.html"

    def get_initial(self) -> dict[str, Any]:
        """Begin with the label that it has."""
        return {"label": self.token.label}

    def act(self, form: RenameTokenForm) -> HttpResponse:
        """Rename it and go back to its page."""
        flows.rename(user=self.user, token=self.token, label=form.cleaned_data["label"], actor=self.actor)
        return self.leave("renamed", "tokens:detail", self.token.public_id)


class RotateTokenView(_OneToken, _ShowsTextOnce):
    """/profile/tokens/<id>/rotate/: a new text with the same scope; the answer to the POST shows it."""

    form_class, template_name, success_url = RotateTokenForm, "tokens/rotate.html", _LIST_URL

    def get_form_kwargs(self) -> dict[str, Any]:
        """Say whether the password is to be asked for."""
        return {**super().get_form_kwargs(), "ask_password": self.ask_password()}

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        """Add when the new text will end."""
        life = self.token.expires - self.token.created
        rules, now = policies.token_rules_for(self.user), timezone.now()
        new_end = expiry.renewed(None, life=life, now=now, rules=rules)
        allowance = expiry.allowance(rules) if now + life > new_end else ""
        return super().get_context_data(new_end=new_end, allowance=allowance, refusal=refusal_by(rules), **kwargs)

    def act(self, form: RotateTokenForm) -> HttpResponse:
        """Rotate it and return the page that shows the new text."""
        minted = flows.rotate(
            user=self.user, token=self.token, overlap_seconds=form.cleaned_data["overlap"], expires=None,
            confirmed=self.is_confirmed(form), actor=self.actor,
        )  # fmt: skip
        return self.show(minted, form)


class ChooseRotationView(_TokensTab, PageView):
    """/profile/tokens/rotate/?token=…: the way from the list, where one is selected, to its page."""

    def get(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        """Go there, or back to the list where none or several were selected."""
        chosen = request.GET.getlist("token")
        if len(chosen) != 1:
            return self.leave("one", "tokens:list")
        token = Token.objects.of(self.user).pick(chosen)[0]
        return redirect("tokens:rotate", token.public_id)


def _events_of(token: Token, user: User) -> list[history.ShownEvent]:
    rows = history.of(user).about(token.public_id)
    return [history.show_event(row) for row in rows[: limits.EVENTS_SHOWN]]
