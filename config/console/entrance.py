"""Who may come in (ADM-01): support, in a session in which a code was given within 12 hours. Each request is asked anew."""

from datetime import timedelta
from http import HTTPStatus
from typing import Any, ClassVar, cast
from urllib.parse import urlencode

from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.http.response import HttpResponseBase
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone

from accounts import limits, notices, support
from accounts.audit import SUPPORT_DOOR, Actor
from accounts.models import User
from accounts.pages import DONE_KEY, ActorMixin, DoneMixin, FlowView, PageView
from accounts.returning import page_to_return_to
from twofactor.models import Authenticator
from twofactor.views.setting_up import FOR_CONSOLE

# The entries of the console's navigation: name of the address, word.
NAVIGATION = (
    ("people", "People"), ("tokens", "Tokens"), ("orgs", "Organizations"), ("resets", "Resets"), ("mails", "Mails"),
    ("log", "Security log"), ("server", "Server"),
)  # fmt: skip
_NO_GROUP = {
    "title": "You are not in the group Support",
    "text": "Your account is marked as staff, and that alone opens nothing. A superuser of this server can add you to the group.",
}


def way_in(request: HttpRequest) -> HttpResponseBase | None:
    """Return None for support that may go on; else where they are led: a login with a code, the set-up, a sentence.

    Raises Http404 for whoever is no staff: for them there is no console.
    """
    user = cast(User, request.user)
    if not user.is_authenticated or not user.is_active or not user.is_staff:
        raise Http404
    if not support.is_support(user):
        return render(request, "accounts/message.html", _NO_GROUP, status=HTTPStatus.FORBIDDEN)
    if user.verified_at is not None and timezone.now() - user.verified_at < timedelta(seconds=limits.STAFF_CODE_SECONDS):
        return None
    if user.verified_at is None and not Authenticator.objects.filter(user=user).exists():
        request.session[DONE_KEY] = FOR_CONSOLE
        return redirect("twofactor:enable")
    wanted = urlencode({"next": page_to_return_to(request), "why": notices.FRESH_CODE})
    return HttpResponseRedirect(f"{reverse('accounts:login')}?{wanted}")


class ConsoleMixin(ActorMixin, DoneMixin):
    """What every page of the console shares: its door, and its navigation."""

    section = ""  # which entry of the navigation the page belongs to
    done_sentences: ClassVar[dict[str, str]] = {"acted": "", "none": ""}  # the act says it all
    hints = ("none",)

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        """Answer those who may come in."""
        return way_in(request) or super().dispatch(request, *args, **kwargs)

    @property
    def actor(self) -> Actor:
        """Who of support acts, through the console."""
        return Actor.from_request(self.request, door=SUPPORT_DOOR, user=self.user)

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        """Add the navigation."""
        return super().get_context_data(navigation=NAVIGATION, section=self.section, **kwargs)


class ConsolePage(ConsoleMixin, PageView):
    """A page of the console that only shows."""


class ConsoleForm(ConsoleMixin, FlowView):
    """A form of the console, and its act."""

    def done(self, sentence: str, to: str, *parts: str, happened: bool = True) -> HttpResponse:
        """Go to the page named `to`, which says `sentence`; `happened`: whether anything did."""
        return self.leave("acted" if happened else "none", to, *parts, told=sentence)
