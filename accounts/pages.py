"""What the pages of every room are built from: a form in, one act, a page or a redirect out."""

from http import HTTPStatus
from typing import TYPE_CHECKING, Any, ClassVar, cast

from django.contrib.auth.decorators import login_not_required
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect, render
from django.utils.decorators import method_decorator
from django.views.generic import FormView, TemplateView
from django.views.generic.base import ContextMixin, View

from accounts import devices, reauth
from accounts.audit import Actor
from accounts.devices import Device
from accounts.errors import GatehouseError
from accounts.forms import code_field
from accounts.models import User
from accounts.reauth import Proof
from accounts.sessions import SessionStore

if TYPE_CHECKING:
    # Django's class takes a type parameter for the checker alone.
    AnyFormView = FormView[Any]
else:
    AnyFormView = FormView

DONE_KEY, TOLD_KEY = "done", "told"
open_to_all = method_decorator(login_not_required, name="dispatch")


class ActorMixin(View):
    """Tells a view who acts: `user` is the person who is signed in (only behind the login), `actor` is for the flows."""

    @property
    def user(self) -> User:
        """The person who is signed in."""
        return cast(User, self.request.user)

    @property
    def actor(self) -> Actor:
        """Who acts, through this door; nobody in particular before a login."""
        return Actor.from_request(self.request, door="web", user=self.user if self.request.user.is_authenticated else None)

    @property
    def store(self) -> SessionStore:
        """The session of this request."""
        return cast(SessionStore, self.request.session)

    @property
    def device(self) -> Device:
        """This browser, as its device cookie tells."""
        return devices.read(self.request)


class DoneMixin(ContextMixin, View):
    """Says once, on the page that an act leads to, what has happened: the act leaves a word in the session."""

    done_sentences: ClassVar[dict[str, str]] = {}
    hints: ClassVar[tuple[str, ...]] = ()  # those words after which nothing has happened yet

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        """Add `done`, the page's sentence for that word, or None, and its `done_tone`; the word is gone then."""
        word = self.request.session.pop(DONE_KEY, "") if self.done_sentences and DONE_KEY in self.request.session else ""
        told = self.request.session.pop(TOLD_KEY, "") if word and TOLD_KEY in self.request.session else ""
        tone = "info" if word in self.hints else "ok"
        sentences = " ".join(part for part in (self.done_sentences.get(word), told) if part)
        return super().get_context_data(done=sentences or None, done_tone=tone, **kwargs)

    def leave(self, word: str, to: str, *parts: str, told: str = "") -> HttpResponse:
        """Go to the page named `to` (`parts` are those of its address), which says what `word` stands for there, and `told` after it."""
        self.request.session[DONE_KEY] = word
        if told:
            self.request.session[TOLD_KEY] = told
        return redirect(to, *parts)


class PageView(ActorMixin, DoneMixin, TemplateView):
    """A page that only shows."""

    http_method_names = ["get", "head", "options"]


class FlowView(ActorMixin, DoneMixin, AnyFormView):
    """A form and its act. Override `act`; an error it raises stands beside the field it names, with its own status."""

    # Without PUT, which Django's form views take for a POST.
    http_method_names = ["get", "post", "head", "options"]

    def act(self, form: Any) -> HttpResponse | None:
        """Do the one thing this form is for; return the answer, or None to go to `success_url`."""
        raise NotImplementedError

    def form_valid(self, form: Any) -> HttpResponse:
        """Call the act; render the form again with the error that it raises."""
        try:
            answer = self.act(form)
        except GatehouseError as error:
            return self.refuse(form, error)
        return answer or super().form_valid(form)

    def form_invalid(self, form: Any) -> HttpResponse:
        """Render the form with its errors, as 422: a program that sends it sees that nothing happened."""
        return self.render_to_response(self.get_context_data(form=form), status=HTTPStatus.UNPROCESSABLE_ENTITY)

    def refuse(self, form: Any, error: GatehouseError) -> HttpResponse:
        """Render the form with `error` at its field."""
        field = error.field if error.field in form.fields else None
        form.add_error(field, f"{error}.")
        response = self.render_to_response(self.get_context_data(form=form), status=error.status)
        if error.retry_after is not None:
            response["Retry-After"] = str(error.retry_after)
        return response


def with_code(form: Any, user: User) -> Any:
    """Return `form`, with a field for a code where it asks for the password and a login of `user` would need a code."""
    if "current_password" in form.fields and reauth.needs_code(user):
        form.fields["otp"] = code_field()
        form.fields["otp"].required = form.fields["current_password"].required
    return form


def confirmed(view: ActorMixin, form: Any) -> Proof:
    """Return the proof that password and code of `form` give; raises as reauth.confirm does."""
    password, answer = form.cleaned_data["current_password"], form.cleaned_data.get("otp")
    return reauth.confirm(user=view.user, password=password, answer=answer, device=view.device, actor=view.actor)


class DeadLinkMixin(ActorMixin):
    """Answers a link that is no longer valid with one page, whatever the reason (RST-02)."""

    dead_link: dict[str, Any]

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        """Answer, or say that the link is dead."""
        try:
            response = super().dispatch(request, *args, **kwargs)
        except GatehouseError as error:
            page = {"title": "This link is no longer valid", "text": f"{error}.", **self.dead_link}
            response = render(request, "accounts/link_dead.html", page, status=error.status)
        # The address holds a key: it goes nowhere, not even to ourselves (RST-04).
        response["Referrer-Policy"] = "no-referrer"
        return response
