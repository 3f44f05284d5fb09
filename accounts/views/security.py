"""Account Security: password, address, sessions, history; and My Profile."""

from typing import Any, ClassVar

from django.conf import settings
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils import timezone
from django.utils.module_loading import import_string
from django.views.decorators.http import require_safe

from accounts import credentials, flows, history, limits
from accounts.credentials import Change
from accounts.errors import LinkDead
from accounts.forms import ChangeEmailForm, ChangePasswordForm, EmptyForm
from accounts.models import EmailChange, Session, WhyEnded
from accounts.pages import ActorMixin, DoneMixin, FlowView, PageView, confirmed, with_code
from accounts.reauth import Proof
from accounts.returning import to_login

ROWS_ON_OVERVIEW = 5


def _live_sessions(view: ActorMixin) -> Any:
    return Session.objects.of(view.user).live(timezone.now()).order_by("-last_activity", "pk")


def _shown(rows: list[Session], current: Session | None) -> list[history.ShownSession]:
    return [history.show_session(row, current) for row in rows]


def _pending(view: ActorMixin) -> EmailChange | None:
    return EmailChange.objects.alive(timezone.now()).filter(user=view.user).first()


class ProfileView(PageView):
    """/profile/: My Profile, the Account tab."""

    template_name = "accounts/profile.html"


class SecurityOverview(ActorMixin, DoneMixin):
    """What the page Account Security shows, also behind a dialog."""

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        """Add the head of each list, and the rows of the rooms above (settings.SECURITY_ROWS)."""
        sessions = _live_sessions(self)
        return super().get_context_data(
            password_changed=self.user.password_changed, pending=_pending(self), session_count=sessions.count(),
            sessions=_shown(list(sessions[:ROWS_ON_OVERVIEW]), self.store.row),
            history=history.latest(self.user, ROWS_ON_OVERVIEW),
            more_rows=[import_string(path)(self.user) for path in settings.SECURITY_ROWS], **kwargs,
        )  # fmt: skip


class SecurityView(SecurityOverview, PageView):
    """/security/: how one signs in, where one is signed in, what happened."""

    template_name = "accounts/security.html"
    done_sentences: ClassVar[dict[str, str]] = {
        "asked": "A link is on its way to the new address. Until you confirm it there, nothing changes.",
        "withdrawn": "The change is cancelled. Your address stays what it was.",
        "left": "Two-factor authentication is off, as it was.",
        "on": "Two-factor authentication is on already.",
        "off": "Two-factor authentication is off already.",
        "required": "An organization of yours requires two-factor authentication: it cannot be turned off while you are a member.",
        "codes": "From now on only the new backup codes work.",
        "objected": "You objected: two-factor authentication stays on. You never asked support for this? Then change your password.",
    }


class ConfirmedFlowView(FlowView):
    """A form of a signed-in person that asks for the current password, and a code."""

    def get_form(self, form_class: Any = None) -> Any:
        """Return the form, with a field for the code where logins of this person need one."""
        return with_code(super().get_form(form_class), self.user)

    def proof(self, form: Any) -> Proof:
        """Return the proof that the form's current password and code give; raises as reauth.confirm does."""
        return confirmed(self, form)


class ChangePasswordView(ConfirmedFlowView):
    """/security/password/"""

    form_class, template_name = ChangePasswordForm, "accounts/change_password.html"

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        """Add what Revoke Active Tokens would end."""
        return super().get_context_data(casualties=credentials.casualties(self.user), **kwargs)

    def act(self, form: ChangePasswordForm) -> HttpResponse:
        """Change the password; the person lands on the login page."""
        cleaned = form.cleaned_data
        flows.change_password(
            user=self.user, new_password=cleaned["new_password1"], proof=self.proof(form), actor=self.actor,
            revoke_tokens=cleaned["revoke_tokens"],
        )  # fmt: skip
        flows.sign_out(store=self.store, actor=self.actor)
        return to_login(Change.PASSWORD)


class ChangeEmailView(ConfirmedFlowView):
    """/security/email/"""

    form_class, template_name = ChangeEmailForm, "accounts/change_email.html"

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        """Add the change that waits for its confirmation."""
        return super().get_context_data(pending=_pending(self), **kwargs)

    def act(self, form: ChangeEmailForm) -> HttpResponse:
        """Ask for the change; Account Security shows it as waiting."""
        flows.request_email_change(user=self.user, email=form.cleaned_data["email"], proof=self.proof(form), actor=self.actor)
        return self.leave("asked", "accounts:security")


class WithdrawEmailView(FlowView):
    """/security/email/cancel/ (POST): the person no longer wants the new address."""

    form_class, http_method_names = EmptyForm, ["post", "options"]

    def act(self, form: EmptyForm) -> HttpResponse:
        """Withdraw it; a change that is gone already is as good as withdrawn."""
        try:
            flows.withdraw_email_change(user=self.user, actor=self.actor)
        except LinkDead:
            pass
        return self.leave("withdrawn", "accounts:security")


class SessionsView(FlowView):
    """/security/sessions/: where one is signed in; ends one, or all others."""

    form_class, template_name = EmptyForm, "accounts/sessions.html"
    done_sentences: ClassVar[dict[str, str]] = {
        "ended": "That session has ended. Its browser is at the login page with its next click.",
        "others": "All other sessions have ended.",
    }

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        """Add the live sessions; there are at most 50."""
        rows = list(_live_sessions(self)[: limits.SESSIONS_PER_USER])
        return super().get_context_data(sessions=_shown(rows, self.store.row), **kwargs)

    def act(self, form: EmptyForm) -> HttpResponse:
        """End what `end` names: "others", or the id of a session."""
        chosen = self.request.POST.get("end", "")
        assert self.store.row is not None  # noqa: S101  (the page is behind the login)
        if chosen == "others":
            flows.end_other_sessions(user=self.user, keep=self.store.row, actor=self.actor)
            return self.leave("others", "accounts:sessions")
        ended = flows.end_session(user=self.user, public_id=chosen, actor=self.actor)
        if ended.pk != self.store.row.pk:
            return self.leave("ended", "accounts:sessions")
        flows.sign_out(store=self.store, actor=self.actor)
        return to_login(WhyEnded.SIGNED_OUT)


@require_safe
def change_password_shortcut(request: HttpRequest) -> HttpResponse:
    """/.well-known/change-password: where password managers look for the form (W3C change-password-url)."""
    return HttpResponseRedirect(reverse("accounts:change-password"))
