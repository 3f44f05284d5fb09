"""The support console (S8), assembled from the rooms' `admin.py`: Django's admin site with addresses of its own, and no others.

No model is registered: there is no generic list, form, history or look-up that could reach a column (ADM-02). What is not in
`urlpatterns` does not exist.
"""

from typing import Any, NoReturn

from django.http import HttpRequest
from django.urls import URLPattern, URLResolver, path
from django_otp.admin import OTPAdminSite

import accounts.admin
import orgs.admin
import orgs.projects.admin
import tokens.admin
import tokens.work.admin
import twofactor.admin
from accounts import support
from config.console.index import IndexView
from config.console.log import EventView, ExportLogView, LogView
from config.console.mails import MailsView
from config.console.orgs import InviteView, MemberLevelView, NewOrgView, OrgsView, OrgView, RemoveMemberView
from config.console.people import ActView, PeopleView, PersonView
from config.console.resets import ResetsView
from config.console.server import ServerView
from config.console.tokens import TokensView, TokenView

# The page of a person, from top to bottom.
PANELS = (
    accounts.admin.account, twofactor.admin.panel, accounts.admin.sessions, tokens.admin.panel, tokens.work.admin.panel,
    orgs.admin.panel, orgs.projects.admin.panel, accounts.admin.log,
)  # fmt: skip
ACTS = (*accounts.admin.ACTS, *twofactor.admin.ACTS, *tokens.admin.ACTS)
# What an act would do in rooms above the act's own, by its name: sentences for its page.
WARNINGS = {accounts.admin.DEACTIVATE.name: (orgs.admin.without_admin,)}

urlpatterns: list[URLPattern | URLResolver] = [
    path("", IndexView.as_view(), name="index"),
    path("people/", PeopleView.as_view(), name="people"),
    path("people/<str:username>/", PersonView.as_view(panels=PANELS), name="person"),
    *(
        path(f"people/<str:username>/{act.name}/", ActView.as_view(deed=act, warnings=WARNINGS.get(act.name, ())), name=act.name)
        for act in ACTS
    ),
    path("tokens/", TokensView.as_view(), name="tokens"),
    path("tokens/<str:public_id>/", TokenView.as_view(), name="token"),
    path("orgs/", OrgsView.as_view(), name="orgs"),
    path("orgs/new/", NewOrgView.as_view(), name="new-org"),
    path("orgs/<str:handle>/", OrgView.as_view(), name="org"),
    path("orgs/<str:handle>/invite/", InviteView.as_view(), name="org-invite"),
    path("orgs/<str:handle>/members/<str:username>/", MemberLevelView.as_view(), name="org-member"),
    path("orgs/<str:handle>/members/<str:username>/remove/", RemoveMemberView.as_view(), name="org-remove"),
    path("resets/", ResetsView.as_view(), name="resets"),
    path("mails/", MailsView.as_view(), name="mails"),
    path("server/", ServerView.as_view(), name="server"),
    path("log/", LogView.as_view(), name="log"),
    path("log/export/", ExportLogView.as_view(), name="export-log"),
    path("log/<str:event_id>/", EventView.as_view(), name="event"),
]


class Console(OTPAdminSite):  # type: ignore[misc]  # django-otp carries no types
    """Django's admin site behind our login, with our pages: password and code are asked for by the same acts as everywhere."""

    def get_urls(self) -> list[URLPattern | URLResolver]:
        """Return the addresses of the console, and none of Django's."""
        return urlpatterns

    def has_permission(self, request: HttpRequest) -> bool:
        """Return whether support asks, in a session with a second factor. The pages ask more (config.console.entrance)."""
        return bool(super().has_permission(request)) and support.is_support(request.user)  # type: ignore[arg-type]  # active staff

    def register(self, *args: Any, **kwargs: Any) -> NoReturn:
        """Refused: a registered model would bring pages that nobody wrote (ADM-02)."""
        raise TypeError("the console shows no model as it is; write a page in config/console")


console = Console(name="admin")
