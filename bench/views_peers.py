"""Who asks, as REST framework says it: the same few fields of the person, each peer with its own check of the token."""

from typing import Any

from knox.auth import TokenAuthentication as KnoxAuthentication  # type: ignore[import-untyped]
from rest_framework.authentication import TokenAuthentication
from rest_framework.permissions import IsAuthenticated
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView


class _Me(APIView):
    permission_classes = (IsAuthenticated,)

    def get(self, request: Request) -> Response:
        """Return who asks, from a plain dict: a serializer would take time."""
        user: Any = request.user  # Django's own here, not the product's
        return Response({"id": user.pk, "username": user.username, "name": user.get_full_name(), "email": user.email})


class AuthtokenMe(_Me):
    """GET /authtoken/me/."""

    authentication_classes = (TokenAuthentication,)


class KnoxMe(_Me):
    """GET /knox/me/."""

    authentication_classes = (KnoxAuthentication,)
