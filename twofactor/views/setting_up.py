"""Setting two-factor authentication up, turning it off, new backup codes."""

from functools import cached_property
from typing import Any, ClassVar, cast

from django import forms
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect
from django.utils.cache import patch_cache_control

from accounts import credentials
from accounts import flows as account_flows
from accounts.credentials import Change
from accounts.errors import GatehouseError
from accounts.forms import EmptyForm
from accounts.models import Session
from accounts.pages import FlowView, confirmed
from accounts.returning import to_login
from accounts.views.security import SecurityOverview
from orgs import policies
from twofactor import flows, qr, totp, vault
from twofactor.errors import AlreadyOn, EnrolmentOver, NothingToDownload, NotOn
from twofactor.forms import APPS, AppForm, CodeForm, FinishForm, PasswordForm, RenewCodesForm, TurnOffForm
from twofactor.models import Authenticator, Enrolment, ShownCodes, Step

FILE_NAME = "gatehouse-backup-codes.txt"
GROUP_CHARS = 4
FOR_CONSOLE = "for-console"
_FOR_CONSOLE = "The support console opens with two-factor authentication only. Set it up here, then sign in again with a code."
FORMS: dict[Step, type[forms.Form]] = {
    Step.APP: AppForm, Step.PASSWORD: PasswordForm, Step.SCAN: EmptyForm, Step.CODE: CodeForm, Step.CODES: FinishForm,
}  # fmt: skip
LATER_STEPS = {step.word for step in Step if step > Step.APP}


class _SecondFactor(FlowView):
    """What the pages of this room share."""

    @property
    def session(self) -> Session:
        """The session of the request, which is behind the login."""
        return cast(Session, self.store.row)

    def is_on(self) -> bool:
        """Whether the person has it on."""
        return bool(Authenticator.objects.filter(user=self.user).exists())

    def away(self, word: str) -> HttpResponse:
        """Lead to Account Security, which says after a form what `word` stands for there."""
        return self.leave(word, "accounts:security") if self.request.method == "POST" else redirect("accounts:security")

    def file(self, shown: ShownCodes | None) -> HttpResponse:
        """Return the file of the codes; raises NothingToDownload the second time, and where none are shown."""
        if shown is None:
            raise NothingToDownload()
        response = HttpResponse(flows.download(shown=shown, actor=self.actor), content_type="text/plain; charset=utf-8")
        response["Content-Disposition"] = f'attachment; filename="{FILE_NAME}"'
        patch_cache_control(response, no_store=True)
        return response

    def sign_out(self, change: Change, wanted: str = "") -> HttpResponse:
        """Lead to the login page, which says what changed, and leads on to `wanted`."""
        account_flows.sign_out(store=self.store, actor=self.actor)
        return to_login(change, wanted)


class EnableView(_SecondFactor):
    """/security/2fa/enable/: the five steps. The row on the server knows which step was reached; `step` in a form says which one it
    answers, and skips nothing.
    """

    done_sentences: ClassVar[dict[str, str]] = {"over": f"{EnrolmentOver()}.", FOR_CONSOLE: _FOR_CONSOLE}
    hints = ("over", FOR_CONSOLE)

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        """Lead away where it is on already; else answer."""
        if request.user.is_authenticated and self.is_on():
            return self.away("on")
        try:
            return super().dispatch(request, *args, **kwargs)
        except (EnrolmentOver, vault.Unreadable):
            flows.leave(session=self.session, actor=self.actor)
            return self.leave("over", "twofactor:enable")
        except AlreadyOn:
            return self.away("on")

    @cached_property
    def enrolment(self) -> Enrolment | None:
        """The half-made set-up of this session."""
        return flows.find_enrolment(session=self.session)

    @property
    def reached(self) -> Step:
        """The step that this set-up has come to."""
        return Step(self.enrolment.step) if self.enrolment else Step.APP

    @cached_property
    def step(self) -> Step:
        """The step to show or to take: the one that was asked for where it lies behind, else the one that was reached."""
        asked = (self.request.POST if self.request.method == "POST" else self.request.GET).get("step", "")
        wanted = next((step for step in Step if step.word == asked), self.reached)
        # Once there are backup codes there is no way back: the key in the app is the one that they belong to.
        return wanted if wanted < self.reached < Step.CODES else self.reached

    def get_form_class(self) -> type[Any]:
        """Return the form of the step."""
        return FORMS[self.step]

    def get_template_names(self) -> list[str]:
        """Return the page of the step."""
        return [f"twofactor/enable_{self.step.word}.html"]

    def get_initial(self) -> dict[str, Any]:
        """Begin with the app that was chosen."""
        return {"app": self.enrolment.app if self.enrolment else ""}

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        """Add where in the steps the page is, and what the step shows."""
        steps = [(step.label, step < self.step, step == self.step) for step in Step]
        shown = {Step.APP: self._apps, Step.SCAN: self._picture, Step.CODES: self._codes}.get(self.step, dict)()
        return super().get_context_data(steps=steps, step=self.step, step_name=self.step.word, **shown, **kwargs)

    def post(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        """Leave, hand out the file, or take the step that the form is for."""
        if request.POST.get("do") == "leave":
            flows.leave(session=self.session, actor=self.actor)
            return self.leave("left", "accounts:security")
        if request.POST.get("do") == "download":
            return self.file(self.enrolment)
        if self.enrolment is None and request.POST.get("step") in LATER_STEPS:
            return self.leave("over", "twofactor:enable")
        if request.POST.get("step") != self.step.word:
            # A form of a step that is behind (sent twice, or from another tab) or ahead of what was done.
            return redirect("twofactor:enable")
        return super().post(request, *args, **kwargs)

    def act(self, form: Any) -> HttpResponse:
        """Take the step and lead to the next one."""
        if self.step == Step.CODES:
            wanted = flows.find_report(user=self.user)
            flows.finish(session=self.session, actor=self.actor, revoke_tokens=form.cleaned_data["revoke_tokens"])
            return self.sign_out(Change.TWO_FACTOR_ON, wanted)
        self._take(form)
        return redirect("twofactor:enable")

    def refuse(self, form: Any, error: GatehouseError) -> HttpResponse:
        """Render the step with `error`; where the set-up itself is gone, lead away (see dispatch)."""
        if isinstance(error, EnrolmentOver | AlreadyOn):
            raise error
        return super().refuse(form, error)

    def _take(self, form: Any) -> None:
        session, actor = self.session, self.actor
        if self.step == Step.APP:
            flows.begin(user=self.user, session=session, app=form.cleaned_data["app"], actor=actor)
        elif self.step == Step.PASSWORD:
            flows.prove(session=session, proof=confirmed(self, form), actor=actor)
        elif self.step == Step.SCAN:
            flows.go_on_to_code(session=session, actor=actor)
        else:
            flows.check_code(session=session, answer=form.cleaned_data["otp"], actor=actor)

    def _apps(self) -> dict[str, Any]:
        return {"apps": APPS, "rule": policies.second_factor_rule(self.user), "is_led": self.user.must_enrol}

    def _picture(self) -> dict[str, Any]:
        assert self.enrolment is not None  # noqa: S101  (no such step without)
        key = self.enrolment.key
        text = totp.base32(key)
        groups = " ".join(text[start : start + GROUP_CHARS] for start in range(0, len(text), GROUP_CHARS))
        return {"picture": qr.draw(totp.uri(key, self.user.username)), "text_code": groups, "issuer": totp.ISSUER}

    def _codes(self) -> dict[str, Any]:
        assert self.enrolment is not None  # noqa: S101  (no such step without)
        return {"shown": self.enrolment, "casualties": credentials.casualties(self.user)}


class _WhereItIsOn(_SecondFactor):
    """A page of somebody who has it on."""

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        """Lead away where it is off."""
        if request.user.is_authenticated and not self.is_on():
            return self.away("off")
        return super().dispatch(request, *args, **kwargs)


class DisableView(SecurityOverview, _WhereItIsOn):
    """/security/2fa/disable/: the dialog Turn Off."""

    form_class, template_name = TurnOffForm, "twofactor/disable.html"

    def get(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        """Show the form; lead away where it is not offered (S6.9)."""
        if policies.second_factor_rule(self.user) is not None:
            return self.away("required")
        return super().get(request, *args, **kwargs)

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        """Add what Revoke Active Tokens would end."""
        return super().get_context_data(casualties=credentials.casualties(self.user), **kwargs)

    def act(self, form: TurnOffForm) -> HttpResponse:
        """Turn it off; the person lands on the login page."""
        try:
            flows.turn_off(user=self.user, proof=confirmed(self, form), actor=self.actor, revoke_tokens=form.cleaned_data["revoke_tokens"])
        except NotOn:
            return self.away("off")
        return self.sign_out(Change.TWO_FACTOR_OFF)


class BackupCodesView(_WhereItIsOn):
    """/security/2fa/backup-codes/: asks, then shows ten new codes to this session, until **Done** or for 15 minutes."""

    form_class, template_name = RenewCodesForm, "twofactor/backup_codes.html"

    @cached_property
    def shown(self) -> ShownCodes | None:
        """The codes that are shown now."""
        return flows.find_handout(session=self.session)

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        """Add them."""
        return super().get_context_data(shown=self.shown, **kwargs)

    def post(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        """Hand out the file, be done, or make new codes."""
        if request.POST.get("do") == "done":
            flows.close_handout(session=self.session, actor=self.actor)
            return self.leave("codes", "accounts:security")
        if request.POST.get("do") == "download":
            return self.file(self.shown)
        return super().post(request, *args, **kwargs)

    def act(self, form: RenewCodesForm) -> HttpResponse:
        """Make them, and show them at this address."""
        flows.renew_backup_codes(user=self.user, session=self.session, proof=confirmed(self, form), actor=self.actor)
        return redirect("twofactor:codes")
