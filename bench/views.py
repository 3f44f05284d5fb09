"""Views that both kinds of Django answer with: small, so that what differs is what stands before them."""

from django.http import HttpRequest, JsonResponse


def bare(request: HttpRequest) -> JsonResponse:
    """Answer without asking anything."""
    return JsonResponse({"username": "person1"})


def user(request: HttpRequest) -> JsonResponse:
    """Answer with the name of the person of the session."""
    assert request.user.is_authenticated  # a bench of strangers would be fast, and worth nothing
    return JsonResponse({"username": request.user.get_username()})
