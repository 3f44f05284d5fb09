"""People's door to projects."""

from typing import Any

from django.core.paginator import Page, Paginator
from django.views.generic import TemplateView

from accounts.models import User
from orgs.projects.models import Project

PROJECTS_PER_PAGE = 50


def page_of_projects(user: User, number: str) -> "Page[Project]":
    """Return page `number` of the projects of `user`; what is no number gives the first page, one too high the last."""
    rows = Project.objects.visible_to(user).select_related("billed_to").by_name()
    return Paginator(rows, PROJECTS_PER_PAGE).get_page(number)


class HomeView(TemplateView):
    """The first page after a login: my projects, each with my level in it."""

    template_name = "projects/home.html"

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        """Return the context with `projects`, a page."""
        user = self.request.user
        assert isinstance(user, User)  # noqa: S101  (LoginRequiredMiddleware lets nobody else in)
        return super().get_context_data(projects=page_of_projects(user, self.request.GET.get("page", "1")), **kwargs)
