"""Pages behind mailed links: a forgotten password, a new address."""

from typing import Any

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse

from accounts import credentials, flows
from accounts.credentials import Change
from accounts.digests import digest
from accounts.errors import LinkDead
from accounts.forms import ConfirmEmailForm, EmptyForm, NewPasswordForm, ResetPasswordForm
from accounts.models import Session
from accounts.pages import DeadLinkMixin, FlowView, open_to_all
from accounts.returning import to_login

RESET_KEY = "password_reset"
IN_SESSION = "choose"  # stands in the address in the key's place once the key is in the session


@open_to_all
class ResetPasswordView(FlowView):
    """/password/reset/: asks for a link. The answer is the same whoever asks for whom."""

    form_class, template_name = ResetPasswordForm, "accounts/reset_password.html"

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        """Add whether a mail was asked for."""
        return super().get_context_data(**{"sent": False, **kwargs})

    def act(self, form: ResetPasswordForm) -> HttpResponse:
        """Ask, and say so."""
        flows.request_password_reset(email=form.cleaned_data["email"], actor=self.actor)
        return self.render_to_response(self.get_context_data(form=form, sent=True))


@open_to_all
class ChoosePasswordView(DeadLinkMixin, FlowView):
    """/password/reset/<uid>/<key>/: the key leaves the address bar at once, then a form; only its POST spends the link (RST-04)."""

    form_class, template_name = NewPasswordForm, "accounts/choose_password.html"
    dead_link = {"action_url": "/password/reset/", "action_label": "Ask for a new link"}

    def get(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        """Put the key's digest into the session and come back without the key; then show the form."""
        if self.kwargs["key"] != IN_SESSION:
            flows.find_reset(uid=self.kwargs["uid"], key_digest=self._key_digest())
            request.session[RESET_KEY] = {"uid": self.kwargs["uid"], "key_digest": self._key_digest()}
            return HttpResponseRedirect(reverse("accounts:choose-password", kwargs={"uid": self.kwargs["uid"], "key": IN_SESSION}))
        return super().get(request, *args, **kwargs)

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        """Add whose password it is and what would go with it."""
        user = flows.find_reset(uid=self.kwargs["uid"], key_digest=self._key_digest())
        return super().get_context_data(who=user.username, casualties=credentials.casualties(user), **kwargs)

    def act(self, form: NewPasswordForm) -> HttpResponse:
        """Set the password; the person lands on the login page, which says what happened."""
        flows.reset_password(
            uid=self.kwargs["uid"], key_digest=self._key_digest(), new_password=form.cleaned_data["new_password1"],
            actor=self.actor, revoke_tokens=form.cleaned_data["revoke_tokens"],
        )  # fmt: skip
        return lead_on(self, Change.PASSWORD_RESET)

    def refuse(self, form: NewPasswordForm, error: Exception) -> HttpResponse:
        """Let a dead link have its own page."""
        if isinstance(error, LinkDead):
            raise error
        return super().refuse(form, error)  # type: ignore[arg-type]

    def _key_digest(self) -> str:
        if self.kwargs["key"] != IN_SESSION:
            return digest(self.kwargs["key"])
        kept = self.request.session.get(RESET_KEY) or {}
        if kept.get("uid") != self.kwargs["uid"]:
            raise LinkDead()
        return str(kept["key_digest"])


@open_to_all
class ConfirmEmailView(DeadLinkMixin, FlowView):
    """/email/confirm/<key>/: a page with a button; the link alone does nothing (S3.6)."""

    form_class, template_name = ConfirmEmailForm, "accounts/confirm_email.html"
    dead_link = {"action_url": "/security/email/", "action_label": "Change your address"}

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        """Add what is confirmed and what would go with it."""
        change = flows.find_email_change(confirm_key=self.kwargs["key"])
        known = {"change": change, "who": change.user.username, "casualties": credentials.casualties(change.user)}
        return super().get_context_data(**known, **kwargs)

    def act(self, form: ConfirmEmailForm) -> HttpResponse:
        """Confirm; the person lands on the login page."""
        flows.confirm_email_change(key=self.kwargs["key"], actor=self.actor, revoke_tokens=form.cleaned_data["revoke_tokens"])
        return lead_on(self, Change.EMAIL)


@open_to_all
class CancelEmailView(DeadLinkMixin, FlowView):
    """/email/cancel/<key>/: the old address ends the change, without a login."""

    form_class, template_name = EmptyForm, "accounts/cancel_email.html"
    dead_link = {"action_url": "/security/", "action_label": "Account Security"}

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        """Add what would be cancelled."""
        change = flows.find_email_change(cancel_key=self.kwargs["key"])
        return super().get_context_data(change=change, who=change.user.username, **kwargs)

    def act(self, form: EmptyForm) -> HttpResponse:
        """Cancel, and say so."""
        change = flows.cancel_email_change(key=self.kwargs["key"], actor=self.actor)
        page = {
            "title": "The change is cancelled",
            "text": f"{change.old_email} stays the address of this account. If you did not ask for the change, somebody may know "
            "your password: reset it.",
            "action_url": reverse("accounts:reset-password"),
            "action_label": "Reset password",
        }
        return render(self.request, "accounts/message.html", page)


def lead_on(view: FlowView, change: Change) -> HttpResponse:
    """Return the way to the login page, which says what happened (S3.8).

    Where somebody else is signed in in this browser, their session is not touched: a page says what was done, and who they are.
    """
    row = view.store.row
    if row is None or row.user is None or not Session.objects.filter(pk=row.pk).exists():
        flows.sign_out(store=view.store, actor=view.actor)
        return to_login(change)
    view.request.session.pop(RESET_KEY, None)
    page = {
        "title": "It is done",
        "text": f"That account is signed out everywhere: {change.label}. You are still signed in here as {row.user.username}.",
        "action_url": "/",
        "action_label": "Go to Home",
    }
    return render(view.request, "accounts/message.html", page)
