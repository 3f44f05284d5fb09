"""The console of support staff, on Django's admin. It opens only where a second factor was given in this session (S8.1)."""

from http import HTTPStatus
from typing import Any, cast
from urllib.parse import urlencode

from django.contrib.auth.decorators import login_not_required
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.decorators import method_decorator
from django.views.decorators.http import require_POST
from django_otp.admin import OTPAdminSite

from accounts import flows
from accounts.audit import Actor
from accounts.models import User, WhyEnded
from accounts.returning import safe_next, to_login
from accounts.sessions import SessionStore

_NEEDS_CODE = {
    "title": "The console needs two-factor authentication",
    "text": "Turn it on on Account Security, then sign in again with a code.",
}


class Console(OTPAdminSite):  # type: ignore[misc]  # django-otp carries no types
    """Django's admin, behind our login: password and code are asked for there, by the same acts as everywhere."""

    site_header = site_title = "Gatehouse support"
    site_url = "/"
    index_title = "Console"

    @method_decorator(login_not_required)
    def login(self, request: HttpRequest, extra_context: Any = None) -> HttpResponse:
        """Return the way to the login page; for somebody who is signed in why the console stays shut."""
        if not request.user.is_authenticated:
            wanted = urlencode({"next": safe_next(request, request.GET.get("next"))})
            return HttpResponseRedirect(f"{reverse('accounts:login')}?{wanted}")
        if self.has_permission(request):
            return redirect("admin:index")
        if not getattr(request.user, "is_staff", False):
            raise Http404
        return render(request, "accounts/message.html", _NEEDS_CODE, status=HTTPStatus.FORBIDDEN)

    @method_decorator(require_POST)
    def logout(self, request: HttpRequest, extra_context: Any = None) -> HttpResponse:
        """End the session as Sign Out does."""
        actor = Actor.from_request(request, door="web", user=cast(User, request.user))
        flows.sign_out(store=cast(SessionStore, request.session), actor=actor)
        return to_login(WhyEnded.SIGNED_OUT)

    def password_change(self, request: HttpRequest, extra_context: Any = None) -> HttpResponse:
        """Lead to our form: Django's own would change a password behind the back of everything that must end with it."""
        return redirect("accounts:change-password")

    def password_change_done(self, request: HttpRequest, extra_context: Any = None) -> HttpResponse:
        """Lead there as well."""
        return redirect("accounts:change-password")


console = Console(name="admin")
