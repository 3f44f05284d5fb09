"""The console of support staff, on Django's admin. It opens only where a second factor was given in this session (S8.1)."""

from http import HTTPStatus
from typing import Any
from urllib.parse import urlencode

from django.contrib.auth.decorators import login_not_required
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils.decorators import method_decorator
from django_otp.admin import OTPAdminSite

from accounts.returning import safe_next

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
        if not getattr(request.user, "is_staff", False):
            raise Http404
        return render(request, "accounts/message.html", _NEEDS_CODE, status=HTTPStatus.FORBIDDEN)


console = Console(name="admin")
