"""People's door to what runs for them: what there is, why it died, and ending it."""

from functools import cached_property
from typing import Any, ClassVar

from django.http import HttpRequest, HttpResponse

from accounts.forms import EmptyForm
from accounts.pages import ActorMixin, FlowView, PageView
from orgs.projects.access import Person
from tokens.work import flows, overview
from tokens.work.errors import WorkOver
from tokens.work.models import Job, Transfer


class RunningView(PageView):
    """/work/running/: the list of running work alone, as the home page asks for it again. That is no activity (S2.6)."""

    template_name = "work/_running.html"

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
        """Answer, and keep no session alive by it."""
        request.is_polling = True  # type: ignore[attr-defined]  # accounts.middleware looks for it
        return super().dispatch(request, *args, **kwargs)

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        """Add what runs."""
        return super().get_context_data(section=overview.running_of(self.user), **kwargs)


class _OneWork(ActorMixin):
    """A page of one job or transfer of the person's; raises WorkNotFound, a 404, for any other id."""

    @cached_property
    def work(self) -> Job | Transfer:
        """The work of the address."""
        return flows.find_own(user=self.user, public_id=self.kwargs["public_id"])

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        """Add it, as lists show it, and what it used."""
        shown = {"work": self.work, "shown": overview.show(self.work), "charged": overview.charged(self.work)}
        context: dict[str, Any] = super().get_context_data(**shown, **kwargs)  # type: ignore[misc]
        return context


class WorkView(_OneWork, PageView):
    """/work/<id>/: one job or transfer, and the record of its end: who, when, from where, by which act (N2)."""

    template_name = "work/one.html"
    done_sentences: ClassVar[dict[str, str]] = {"ended": "Ended.", "over": "It had ended already. Nothing was changed."}
    hints = ("over",)


class EndWorkView(_OneWork, FlowView):
    """/work/<id>/end/: asks, saying what is lost, then ends it."""

    form_class, template_name = EmptyForm, "work/end.html"

    def get(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        """Ask; of what is over there is nothing to ask."""
        return super().get(request, *args, **kwargs) if self.work.is_running else self._over()

    def act(self, form: EmptyForm) -> HttpResponse:
        """End it and show its page."""
        try:
            caller = Person(user=self.user, actor=self.actor)
            flows.end_by_hand(caller=caller, public_id=self.work.public_id, actor=self.actor)
        except WorkOver:
            return self._over()
        return self.leave("ended", "work:one", self.work.public_id)

    def _over(self) -> HttpResponse:
        return self.leave("over", "work:one", self.work.public_id)
