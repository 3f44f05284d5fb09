"""Objecting to a reset by support: behind the mailed link, and on Account Security."""

from typing import Any

from django.http import HttpResponse
from django.shortcuts import render
from django.urls import reverse

from accounts.errors import LinkDead
from accounts.forms import EmptyForm
from accounts.pages import DeadLinkMixin, FlowView, open_to_all
from twofactor import flows


@open_to_all
class ObjectView(DeadLinkMixin, FlowView):
    """/security/2fa/object/<key>/: a page with a button; the link alone does nothing (ADM-05)."""

    form_class, template_name = EmptyForm, "twofactor/object.html"
    dead_link = {"action_url": "/security/", "action_label": "Account Security"}

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        """Add what support wants to do, and to whom."""
        return super().get_context_data(reset=flows.find_reset_by_key(key=self.kwargs["key"]), **kwargs)

    def act(self, form: EmptyForm) -> HttpResponse:
        """Object, and say so."""
        reset = flows.object_(key=self.kwargs["key"], actor=self.actor)
        page = {
            "title": "Two-factor authentication stays on",
            "text": f"You objected, and nothing of {reset.user.username} has changed. If you never asked support for this, somebody may "
            "know your password: change it.",
            "action_url": reverse("accounts:change-password"),
            "action_label": "Change password",
        }
        return render(self.request, "accounts/message.html", page)


class ObjectHereView(FlowView):
    """/security/2fa/object/ (POST): the same, by somebody who is signed in."""

    form_class, http_method_names = EmptyForm, ["post", "options"]

    def act(self, form: EmptyForm) -> HttpResponse:
        """Object; a reset that is gone already is as good as objected to."""
        try:
            flows.object_here(user=self.user, actor=self.actor)
        except LinkDead:
            pass
        return self.leave("objected", "accounts:security")
