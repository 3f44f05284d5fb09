"""The description of REST for programs and for people. Public: neither cookie nor bearer is looked at (API-07)."""

from typing import Any, TypedDict

from django.conf import settings
from django.contrib.auth.decorators import login_not_required
from django.http import HttpRequest, HttpResponse
from django.template.loader import render_to_string
from django.utils.cache import get_conditional_response
from django.utils.decorators import method_decorator
from django.utils.module_loading import import_string
from django.views import View
from rest_framework.permissions import AllowAny
from rest_framework.renderers import JSONRenderer
from rest_framework.request import Request
from rest_framework.views import APIView

from accounts.rest import Answers


class OpenAPIRenderer(JSONRenderer):
    """The media type that OpenAPI has registered for itself, for clients that ask for it."""

    media_type = "application/vnd.oai.openapi+json"
    format = "openapi"


class DocumentJSON(TypedDict):
    """A document of OpenAPI 3.1."""

    openapi: str
    info: dict[str, Any]
    tags: list[dict[str, Any]]
    paths: dict[str, Any]
    components: dict[str, Any]


class SchemaView(APIView):
    """GET /api/v1/schema/: what this API takes and answers."""

    authentication_classes = ()
    permission_classes = (AllowAny,)
    renderer_classes = (JSONRenderer, OpenAPIRenderer)
    throttle_scope = "schema"

    @Answers(
        DocumentJSON,
        example={"openapi": "3.1.0", "info": {"title": "Gatehouse", "version": "0.1.0"}, "tags": [], "paths": {}, "components": {}},
    )
    def get(self, request: Request) -> HttpResponse:
        """Return this description, as OpenAPI 3.1."""
        # By its dotted path: what makes the schema takes time and memory at the start of every process, and few are ever asked.
        document = import_string("config.openapi.document")()
        headers = {"ETag": document.etag, "Cache-Control": "public, no-cache"}
        answer = HttpResponse(document.body, content_type=request.accepted_media_type, headers=headers)
        return get_conditional_response(request._request, etag=document.etag, response=answer) or answer


@method_decorator(login_not_required, name="dispatch")
class ReferenceView(View):
    """GET /api/v1/docs/: the same as a page."""

    def get(self, request: HttpRequest) -> HttpResponse:
        """Return the page. Rendered without the request, whose session nobody shall open."""
        return HttpResponse(render_to_string("reference.html", {"support_email": settings.SUPPORT_EMAIL, "demo": settings.DEVELOPMENT}))
