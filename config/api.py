"""REST, as settings name it: a strict parser, one shape of errors, one way of paging."""

import logging
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import IO, Any

from django.core.exceptions import PermissionDenied, RequestDataTooBig, ValidationError
from django.db import DataError
from django.http import Http404, HttpRequest
from rest_framework import exceptions, status
from rest_framework.negotiation import DefaultContentNegotiation
from rest_framework.pagination import CursorPagination
from rest_framework.parsers import BaseParser
from rest_framework.renderers import JSONRenderer
from rest_framework.response import Response

from accounts import meters
from accounts.errors import GatehouseError
from accounts.wording import spell_wait
from config import envelopes, outcomes, pages, readiness, strict_json

logger = logging.getLogger("gatehouse.api")
SENTENCES_PER_FIELD = 10
_ROWS = re.compile(r"0{0,9}[1-9][0-9]{0,19}", re.ASCII)


class TooLarge(exceptions.APIException):
    """The body is longer than 1 MiB."""

    status_code = status.HTTP_413_REQUEST_ENTITY_TOO_LARGE
    default_detail = "The body is longer than 1 MiB"
    default_code = "too_large"


class StrictJSONParser(BaseParser):
    """`application/json` by config.strict_json; every other type is answered with 415."""

    media_type = "application/json"

    def parse(self, stream: IO[Any], media_type: str | None = None, parser_context: Mapping[str, Any] | None = None) -> Any:
        """Return the value in the body; raises ParseError (400) or TooLarge (413), with a sentence."""
        try:
            raw = stream.read(strict_json.BODY_MAX_BYTES + 1)
        except RequestDataTooBig:
            raise TooLarge() from None
        if len(raw) > strict_json.BODY_MAX_BYTES:
            raise TooLarge()
        try:
            return strict_json.parse(raw)
        except ValueError as error:
            raise exceptions.ParseError(str(error)) from None


class Renderer(JSONRenderer):
    """JSON in one line."""

    def get_indent(self, accepted_media_type: str, renderer_context: Mapping[str, Any]) -> int | None:
        """Return None: what the client accepts is not asked for an indent."""
        return None


class Negotiation(DefaultContentNegotiation):
    """DRF's own, with the answer ready for what programs send."""

    def select_renderer(self, request: Any, renderers: Iterable[Any], format_suffix: str | None = None) -> Any:
        """Return the renderer and the media type of the answer; raise NotAcceptable where there is none."""
        first = next(iter(renderers))
        if request.META.get("HTTP_ACCEPT", "*/*") in ("*/*", first.media_type):
            return first, first.media_type
        return super().select_renderer(request, renderers, format_suffix)


class Pages(CursorPagination):
    """Lists in the shape `{"next", "previous", "results"}`: 100 rows, or `?limit=` up to 500, newest first.

    A view names its order by an attribute `ordering`; a cursor holds a position, never a condition.
    """

    page_size = 100
    max_page_size = 500
    page_size_query_param = "limit"
    ordering = "-created"

    def paginate_queryset(self, queryset: Any, request: Any, view: Any = None) -> list[Any] | None:
        """Return the page; a cursor that nobody handed out is 404 with a sentence, whatever is in it."""
        try:
            return super().paginate_queryset(queryset, request, view)
        except (ValidationError, ValueError, OverflowError, DataError):
            raise exceptions.NotFound(self.invalid_cursor_message) from None

    def get_page_size(self, request: Any) -> int:
        """Return how many rows are asked for, the greatest page at most; raise ValidationError for what is no number of rows."""
        asked = request.query_params.get(self.page_size_query_param)
        if asked is None:
            return self.page_size
        if not _ROWS.fullmatch(asked):
            raise exceptions.ValidationError({"limit": [f"How many rows: a whole number, 1 to {self.max_page_size}"]})
        return min(int(asked), self.max_page_size)

    def get_ordering(self, request: Any, queryset: Any, view: Any) -> tuple[str, ...]:
        """Return the order that the view names, by default the newest first; never what the request asks."""
        ordering = getattr(view, "ordering", self.ordering)
        return (ordering,) if isinstance(ordering, str) else tuple(ordering)

    def get_paginated_response_schema(self, schema: dict[str, Any]) -> dict[str, Any]:
        """Return the JSON Schema of a page whose rows are of `schema`."""
        address = {"type": ["string", "null"], "format": "uri"}
        properties = {"next": address, "previous": address, "results": schema}
        return {"type": "object", "properties": properties, "required": list(properties)}


def problem(error: Exception, context: Mapping[str, Any]) -> Response | None:
    """Return the problem+json answer to `error`, or None for a fault of ours, which becomes a 500 with a log line."""
    request = context["request"]._request
    known = _translated(error, request)
    view: Any = context.get("view")
    if isinstance(known, GatehouseError):
        meters.refusal("rest", known.code)
        errors = {known.field: [str(known)]} if known.field else None
        told = {name: str(known.data[name]) for name in known.told}
        return _response(request, known.status, known.code, str(known), errors, known.retry_after, **told)
    if isinstance(known, exceptions.ValidationError):
        errors = _by_field(known.detail)
        return _response(request, known.status_code, "invalid", _first_sentence(errors), errors, None)
    if isinstance(known, exceptions.APIException):
        response = _response(request, known.status_code, str(known.default_code), _sentence_of(known), None, _wait_of(known))
        if isinstance(known, exceptions.MethodNotAllowed) and view is not None:
            response["Allow"] = ", ".join(view.allowed_methods)
        return response
    return None


def _translated(error: Exception, request: HttpRequest) -> Exception:
    if isinstance(error, Http404):
        return exceptions.NotFound()
    if isinstance(error, PermissionDenied):
        return exceptions.PermissionDenied()
    if isinstance(error, readiness.DATABASE_AWAY):
        logger.error("database does not answer", exc_info=error)
        return OutcomeUnknown() if outcomes.is_unknown(request) else Unavailable()
    return error


class Unavailable(exceptions.APIException):
    """The database is away; the same request may work in a few seconds (REL-04)."""

    status_code = status.HTTP_503_SERVICE_UNAVAILABLE
    default_detail = pages.SENTENCES[503]
    default_code = "unavailable"
    wait = pages.RETRY_AFTER_SECONDS


class OutcomeUnknown(Unavailable):
    """The database was lost after a COMMIT was sent: what was asked for may be stored or not."""

    default_detail = outcomes.UNKNOWN
    default_code = outcomes.UNKNOWN_CODE


def _sentence_of(error: exceptions.APIException) -> str:
    # Ours have no full stop at the end, for the dx client and people's pages go on after them.
    if isinstance(error, exceptions.NotAuthenticated):
        return pages.SENTENCES[401]
    if isinstance(error, exceptions.Throttled):
        return f"Too many requests. Try again in {spell_wait(_wait_of(error) or 1)}"
    return str(error.detail).rstrip(".")


def _wait_of(error: exceptions.APIException) -> int | None:
    wait = getattr(error, "wait", None)
    return None if wait is None else max(1, int(wait))


def _response(
    request: Any,
    status_code: int,
    code: str,
    detail: str,
    errors: Mapping[str, list[str]] | None,
    retry_after: int | None,
    **told: str,
) -> Response:
    body = envelopes.problem_body(request, status=status_code, code=code, detail=detail, errors=errors, **told)
    headers = envelopes.headers_for(status_code, retry_after)
    return Response(body, status=status_code, headers=headers, content_type="application/problem+json")


def _by_field(detail: object) -> dict[str, list[str]]:
    if isinstance(detail, Mapping):
        return {str(name): _told(value) for name, value in detail.items()}
    return {"non_field_errors": _told(detail)}


def _told(value: object) -> list[str]:
    # A thousand wrong elements of a list have one thing to say.
    return list(dict.fromkeys(_sentences(value)))[:SENTENCES_PER_FIELD]


def _sentences(value: object) -> list[str]:
    if isinstance(value, Mapping):
        return [sentence for part in value.values() for sentence in _sentences(part)]
    if isinstance(value, Sequence) and not isinstance(value, str):
        return [sentence for part in value for sentence in _sentences(part)]
    return [str(value)]


def _first_sentence(errors: Mapping[str, list[str]]) -> str:
    name, sentences = next(iter(errors.items()), ("", ["The input is not valid"]))
    sentence = sentences[0] if sentences else "The input is not valid"
    return sentence if name in ("", "non_field_errors") else f"{name}: {sentence}"
