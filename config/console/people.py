"""People: search, list, and everything of one person on one page (S8.2)."""

from collections.abc import Callable, Sequence
from functools import cached_property
from typing import Any
from urllib.parse import urlencode

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, QueryDict
from django.http.response import HttpResponseBase
from django.shortcuts import render
from django.urls import reverse

from accounts import limits, support
from accounts.desk import Act, Panel
from accounts.errors import NotForSupport, NothingToDo, UserNotFound
from accounts.models import User
from accounts.paging import OpenPage, page_of
from accounts.spelling import fold_username
from accounts.support import acting
from config.console import finding
from config.console.entrance import ConsoleForm, ConsoleMixin, ConsolePage
from config.console.forms import ReasonForm


class PeopleView(ConsolePage):
    """/admin/people/: everybody by username, or whom `?q=` fits. What is sent is cut first, and only then stands in an address."""

    section, template_name = "people", "admin/people.html"
    http_method_names = ["get", "post", "head", "options"]

    def get(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        """Show them; a token's text in the address is cut out of it."""
        query = finding.tidy(request.GET.get("q", ""))
        return self._look_for(query) if query.is_pasted else super().get(request, q=query.text)

    def post(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        """Lead to what was looked for."""
        return self._look_for(finding.tidy(request.POST.get("q", "")))

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        """Add who fits `q`, or a page of everybody."""
        shown: dict[str, Any] = {"found": finding.find(kwargs["q"])} if kwargs["q"] else {"page": self._everybody()}
        return super().get_context_data(pasted=self.request.GET.get("pasted") == "1", **shown, **kwargs)

    def _everybody(self) -> OpenPage[User]:
        return page_of(finding.people().order_by("username"), self.request.GET.get("page"), limits.PAGE_ROWS)

    def _look_for(self, query: finding.Query) -> HttpResponse:
        asked = {"q": query.text, **({"pasted": "1"} if query.is_pasted else {})}
        return HttpResponseRedirect(f"{reverse('admin:people')}?{urlencode(asked)}")


class OnePerson(ConsoleMixin):
    """A page of the person whom the address names; raises UserNotFound, a 404, for nobody's name."""

    section = "people"

    @cached_property
    def person(self) -> User:
        """The person."""
        wanted = fold_username(self.kwargs["username"].replace("\x00", ""))
        found: User | None = User.objects.filter(username=wanted).first()
        if found is None:
            raise UserNotFound()
        return found

    def why_not(self) -> str:
        """Return why nothing can be done on this account by whoever looks at it; empty where it can."""
        try:
            support.require_may_act_on(self.user, self.person)
        except NotForSupport as refused:
            return f"{refused}."
        return ""

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        """Add the person."""
        return super().get_context_data(person=self.person, **kwargs)


class PersonView(OnePerson, ConsolePage):
    """/admin/people/<username>/: one page of what the rooms know, and the acts."""

    template_name = "admin/person.html"
    panels: Sequence[Callable[[User], Panel]] = ()

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        """Add a panel of each room."""
        return super().get_context_data(panels=[panel(self.person) for panel in self.panels], why_not=self.why_not(), **kwargs)


class ActView(OnePerson, ConsoleForm):
    """/admin/people/<username>/<act>/: GET says what will happen; POST, with a reason, does it (S8.3, ADM-04)."""

    form_class, template_name = ReasonForm, "admin/act.html"
    deed: Act = None  # type: ignore[assignment]  # as_view() gives it
    warnings: Sequence[Callable[[User], list[str]]] = ()

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        """Answer; say why where whoever asks may not act on this account."""
        try:
            return super().dispatch(request, *args, **kwargs)
        except NotForSupport as refused:
            back = {"action_url": reverse("admin:person", args=[self.person.username]), "action_label": "Back"}
            page = {"title": "Not for you to do", "text": f"{refused}.", **back}
            return render(request, "accounts/message.html", page, status=refused.status)

    @property
    def given(self) -> QueryDict:
        """The fields that were sent, or stand in the address."""
        return self.request.POST if self.request.method == "POST" else self.request.GET

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        """Add the act, and what it would end. Raises NotForSupport where whoever asks may not act on this account."""
        support.require_may_act_on(self.user, self.person)
        warnings = [sentence for warning in self.warnings for sentence in warning(self.person)]
        return super().get_context_data(act=self.deed, warnings=warnings, **self.deed.weigh(self.person, self.given), **kwargs)

    def act(self, form: ReasonForm) -> HttpResponse:
        """Do it and go back to the person's page, which says so."""
        staff = acting(reason=form.cleaned_data["reason"], actor=self.actor)
        try:
            return self.done(self.deed.do(staff, self.person, self.given), "admin:person", self.person.username)
        except NothingToDo as already:
            return self.done(f"{already}.", "admin:person", self.person.username, happened=False)
