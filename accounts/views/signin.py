"""Signing in and out, and the idle clock."""

from dataclasses import asdict
from typing import Any, cast

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, JsonResponse
from django.http.response import HttpResponseBase
from django.middleware.csrf import rotate_token
from django.shortcuts import redirect
from django.utils import timezone

from accounts import devices, flows, login, notices, sessions
from accounts.audit import Actor
from accounts.errors import GatehouseError, LoginOver, StepRefused
from accounts.forms import EmptyForm, LoginForm, VerifyForm
from accounts.limits import PENDING_LOGIN_SECONDS, PENDING_LOGIN_WRONG_ANSWERS
from accounts.login import Checked
from accounts.models import Session, User, WhyEnded
from accounts.pages import FlowView, open_to_all
from accounts.returning import after_login, safe_next, to_login
from accounts.sessions import SessionStore
from accounts.throttle import Attempt

PENDING_KEY = "pending_login"


class LoginStep(FlowView):
    """What both steps of a login share: the end of it."""

    def finish(self, checked: Checked, wanted: str) -> HttpResponse:
        """Complete the login: session, CSRF token and device cookie are new; lead to the page wanted."""
        device = self.device
        row = login.finish(
            checked, actor=self.actor, new_device=not device.knows(checked.user),
            opens=lambda user: self.open(user, checked),
        )  # fmt: skip
        rotate_token(self.request)
        response = HttpResponseRedirect(after_login(self.request, wanted))
        if row.user is not None:
            devices.remember(response, device, row.user)
        return response

    def open(self, user: User, checked: Checked) -> Session:
        """Return the new session of `user`."""
        acting = Actor.from_request(self.request, door="web", user=user)
        return flows.open_session(user=user, store=self.store, actor=acting, second_factor=checked.by_second_factor)


@open_to_all
class LoginView(LoginStep):
    """/login/: username and password."""

    form_class, template_name = LoginForm, "accounts/login.html"

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        """Send a person who is signed in on to the page wanted, but for one whose page wants a fresh code (ADM-01)."""
        is_asked_again = request.GET.get("why") == notices.FRESH_CODE
        if request.method == "GET" and request.user.is_authenticated and not is_asked_again:
            return redirect(after_login(request, request.GET.get("next")))
        return super().dispatch(request, *args, **kwargs)

    def get_initial(self) -> dict[str, Any]:
        """Carry `next` into the form, checked."""
        return {"next": safe_next(self.request, self.request.GET.get("next"))}

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        """Add why the last session ended."""
        return super().get_context_data(notice=notices.notice_for(self.request), **kwargs)

    def act(self, form: LoginForm) -> HttpResponse:
        """Check the password; open the session, or ask for the next stage."""
        username, password, wanted = (form.cleaned_data[name] for name in ("username", "password", "next"))
        checked = login.check_password(username=username, password=password, device=self.device, actor=self.actor)
        if checked.stage is None:
            return self.finish(checked, wanted)
        keep_pending(self.request, checked, safe_next(self.request, wanted), self.actor)
        return redirect("accounts:verify")

    @property
    def actor(self) -> Actor:
        """Who knocks: nobody yet, even in a browser that is signed in."""
        return Actor.from_request(self.request, door="web")


@open_to_all
class VerifyView(LoginStep):
    """/login/verify/: the stages between password and session. Without a pending login: back to the first step."""

    form_class, template_name = VerifyForm, "accounts/verify.html"

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        """Find the pending login of this browser; it holds for 10 minutes and for the epoch it began in (LOG-09)."""
        self.pending = read_pending(request)
        if self.pending is None:
            return redirect("accounts:login")
        return super().dispatch(request, *args, **kwargs)

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        """Add for whom the code is, and what the stage says of it."""
        assert self.pending is not None  # noqa: S101  (dispatch saw to it)
        checked, _ = self.pending
        stage = checked.stage
        facts = stage.facts(checked.user) if stage else {}
        return super().get_context_data(who=checked.user.username, **facts, **kwargs)

    def act(self, form: VerifyForm) -> HttpResponse:
        """Check the answer of the stage at hand; open the session after the last one."""
        assert self.pending is not None  # noqa: S101  (dispatch saw to it)
        checked, wanted = self.pending
        stage = checked.stage
        if stage is not None:
            checked = login.pass_stage(checked, stage, form.cleaned_data["otp"], self.actor)
        if checked.stage is None:
            return self._finish_once(checked, wanted)
        keep_pending(self.request, login.settle(checked), wanted, self.actor)
        return redirect("accounts:verify")

    def _finish_once(self, checked: Checked, wanted: str) -> HttpResponse:
        try:
            return self.finish(checked, wanted)
        except LoginOver:
            # Completed in another tab: the login page sends whoever is signed in on.
            return redirect("accounts:login")

    def open(self, user: User, checked: Checked) -> Session:
        """Return the new session of `user`, for which the pending login is used up; raise LoginOver where it was before (F14)."""
        self.store.use_up()
        return super().open(user, checked)

    def refuse(self, form: VerifyForm, error: GatehouseError) -> HttpResponse:
        """Render the form with the error; after five wrong answers the login begins again with the password."""
        if isinstance(error, StepRefused) and not count_wrong_answer(self.request):
            return to_login(notices.TOO_MANY_CODES)
        return super().refuse(form, error)


def keep_pending(request: HttpRequest, checked: Checked, wanted: str, actor: Actor) -> None:
    """Keep a login that waits for a stage in this browser's anonymous session, under a fresh key (SES-01)."""
    flows.sign_out(store=cast(SessionStore, request.session), actor=actor)
    request.session[PENDING_KEY] = {
        "user": checked.user.pk, "epoch": checked.user.session_epoch, "attempt": asdict(checked.attempt), "passed": checked.passed,
        "wrong": 0, "at": timezone.now().timestamp(), "next": wanted,
    }  # fmt: skip


def count_wrong_answer(request: HttpRequest) -> bool:
    """Count a wrong answer to the pending login of this browser; False where it was one too many, and the login is over."""
    kept = request.session[PENDING_KEY]
    kept["wrong"] += 1
    request.session[PENDING_KEY] = kept
    if kept["wrong"] < PENDING_LOGIN_WRONG_ANSWERS:
        return True
    del request.session[PENDING_KEY]
    return False


def read_pending(request: HttpRequest) -> tuple[Checked, str] | None:
    """Return the pending login of this browser and where it leads, or None: none, older than 10 minutes, or of an old epoch."""
    kept = request.session.get(PENDING_KEY)
    # One that began in the future did so at another process, whose clock is ahead: it counts as now (F11).
    if kept is None or timezone.now().timestamp() - kept["at"] >= PENDING_LOGIN_SECONDS:
        return None
    user = User.objects.active().filter(pk=kept["user"], session_epoch=kept["epoch"]).first()
    if user is None:
        return None
    return Checked(user, Attempt(**kept["attempt"]), tuple(kept["passed"])), kept["next"]


def sign_out(view: FlowView) -> HttpResponse:
    """End the session of the request on the server, and lead to the login page."""
    flows.sign_out(store=view.store, actor=view.actor)
    response = to_login(WhyEnded.SIGNED_OUT)
    # The back button shows nothing private: not from the cache, and not from the page kept in memory (S1.2).
    response["Clear-Site-Data"] = '"cache"'
    return response


@open_to_all
class LogoutView(FlowView):
    """/logout/ (POST): ends this session on the server. A second time it is as good as the first."""

    form_class, http_method_names = EmptyForm, ["post", "options"]

    def act(self, form: EmptyForm) -> HttpResponse:
        """End the session and go to the login page."""
        return sign_out(self)


@open_to_all
class SessionView(FlowView):
    """/session/: the idle clock. GET tells the seconds left and is no activity; POST do=stay is, do=out signs out."""

    form_class, http_method_names = EmptyForm, ["get", "post", "options"]

    def get(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        """Return the clock as JSON."""
        request.is_polling = True  # type: ignore[attr-defined]
        return self._clock()

    def act(self, form: EmptyForm) -> HttpResponse:
        """Stay, or sign out."""
        if self.request.POST.get("do") == "out":
            return sign_out(self)
        if self.request.user.is_authenticated and self.store.row is not None:
            sessions.touch(self.store.row, timezone.now())
        if "text/html" in self.request.headers.get("Accept", ""):
            return redirect(safe_next(self.request, self.request.POST.get("next")))
        return self._clock()

    def _clock(self) -> HttpResponse:
        signed_in = self.request.user.is_authenticated
        row = self.store.row if signed_in else None
        left = sessions.seconds_left(row, timezone.now()) if row else 0
        clock = {"signed_in": signed_in, "left_seconds": left, "limit_seconds": row.idle_limit_seconds if row else 0}
        if isinstance(self.request.user, User):
            return JsonResponse({**clock, "username": self.request.user.username})
        return JsonResponse({**clock, "why": self.store.why_ended()})
