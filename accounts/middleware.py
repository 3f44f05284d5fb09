"""Session, user, and the rule that every page needs a login unless it says otherwise."""

from collections.abc import Callable
from datetime import datetime
from http import HTTPStatus
from typing import Any
from urllib.parse import urlencode

from django.conf import settings
from django.contrib.auth.middleware import AuthenticationMiddleware as DjangoAuthenticationMiddleware
from django.contrib.auth.middleware import LoginRequiredMiddleware as DjangoLoginRequiredMiddleware
from django.contrib.auth.models import AnonymousUser
from django.contrib.sessions.backends.base import UpdateError
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.http.response import HttpResponseBase
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.utils.cache import patch_vary_headers
from django.utils.functional import SimpleLazyObject

from accounts import sessions
from accounts.api import is_rest, refusal
from accounts.models import User, WhyEnded
from accounts.returning import page_to_return_to
from accounts.sessions import SessionStore

GetResponse = Callable[[HttpRequest], HttpResponseBase]
POLL_HEADER = "X-Gatehouse-Poll"


class SessionMiddleware:
    """Gives each request its session store, saves what changed, notes activity, and sets or clears the cookie.

    A request that carries `Authorization` has no session: the bearer alone counts (API-07), and no look-up is paid.
    """

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        key = None if "HTTP_AUTHORIZATION" in request.META else request.COOKIES.get(settings.SESSION_COOKIE_NAME)
        store = SessionStore(key)
        request.session = store
        began = timezone.now()
        response = self.get_response(request)
        if store.accessed:
            patch_vary_headers(response, ("Cookie",))
        if _is_dirty(store) and response.status_code < HTTPStatus.INTERNAL_SERVER_ERROR and not self._save(store):
            # Without a word about the cookie: the browser may have a newer one, of a login that ended this session (F15).
            return refusal(request) if is_rest(request) else session_over(request)
        _note_activity(request, store, response, began)
        _set_cookie(request, store, response)
        return response

    @staticmethod
    def _save(store: SessionStore) -> bool:
        try:
            store.save()
        except UpdateError:
            # It ended while this request ran; nothing resurrects it (SES-04).
            store.flush()
            return False
        return True


class AuthenticationMiddleware(DjangoAuthenticationMiddleware):
    """Sets `request.user`, lazily: a request that never asks pays no look-up, and one that asks pays no second one."""

    def process_request(self, request: HttpRequest) -> None:
        """Set the user of the session, or an anonymous one."""
        request.user = SimpleLazyObject(lambda: _user_of(request))  # type: ignore[assignment]


class LoginRequiredMiddleware(DjangoLoginRequiredMiddleware):
    """Sends strangers to the login page, tells them why their session is over, and remembers where they wanted to go."""

    def process_view(self, request: HttpRequest, view_func: Any, view_args: Any, view_kwargs: Any) -> HttpResponseBase | None:
        """Look at the view before the user: an open view, REST or dx must not pay for a session (API-07)."""
        if not getattr(view_func, "login_required", True):
            return None
        return super().process_view(request, view_func, view_args, view_kwargs)

    def handle_no_permission(self, request: HttpRequest, view_func: object) -> HttpResponseBase:  # type: ignore[override]
        """Return the redirect; for a request with a bearer a plain 401: pages take web sessions only (TOK-08)."""
        if "Authorization" in request.headers:
            page = {"title": "Pages need a web session", "text": "A token opens the API, not the pages. Sign in with your browser."}
            return render(request, "accounts/message.html", page, status=HTTPStatus.UNAUTHORIZED)
        return session_over(request)


def session_over(request: HttpRequest) -> HttpResponse:
    """Return the way to the login page, with the reason if the session that the browser presents ended (S2.1)."""
    store: SessionStore = request.session  # type: ignore[assignment]
    query = {"next": page_to_return_to(request)}
    why = store.why_ended()
    if why is not None:
        query["why"] = why
    if why == WhyEnded.IDLE and store.ended_limit_seconds:
        query["after"] = str(store.ended_limit_seconds)
    return HttpResponseRedirect(f"{reverse('accounts:login')}?{urlencode(query)}")


def _user_of(request: HttpRequest) -> User | AnonymousUser:
    store: SessionStore = request.session  # type: ignore[assignment]
    user = store.user
    if user is None or store.row is None:
        return AnonymousUser()
    user.verified_at = store.row.second_factor_at
    return user


def _is_dirty(store: SessionStore) -> bool:
    # A flushed store is modified and empty: there is nothing to save, only a cookie to clear.
    return store.modified and not store.is_empty()


def _note_activity(request: HttpRequest, store: SessionStore, response: HttpResponseBase, began: datetime) -> None:
    if store.row is None or store.row.user_id is None or _is_polling(request) or response.status_code >= HTTPStatus.BAD_REQUEST:
        return
    sessions.touch(store.row, began)


def _is_polling(request: HttpRequest) -> bool:
    return POLL_HEADER in request.headers or getattr(request, "is_polling", False)


def _set_cookie(request: HttpRequest, store: SessionStore, response: HttpResponseBase) -> None:
    if store.session_key and store.session_key != store.presented_key:
        response.set_cookie(
            settings.SESSION_COOKIE_NAME, store.session_key, path=settings.SESSION_COOKIE_PATH,
            secure=settings.SESSION_COOKIE_SECURE, httponly=True, samesite="Lax",
        )  # fmt: skip
    elif store.presented_key and store.accessed and not store.session_key and not _is_polling(request):
        # A poll leaves the cookie of a session that ended: by it the page that the person asks for next knows why (S2.1).
        response.delete_cookie(settings.SESSION_COOKIE_NAME, path=settings.SESSION_COOKIE_PATH, samesite="Lax")
