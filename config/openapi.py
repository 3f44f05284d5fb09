"""The OpenAPI schema of REST. Only config.reference comes here, by a dotted path, when somebody asks for the schema."""

import hashlib
import inspect
import json
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cache, partial
from http import HTTPStatus
from threading import Lock
from typing import Any, get_type_hints

import uritemplate
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from drf_spectacular.extensions import OpenApiAuthenticationExtension
from drf_spectacular.generators import SchemaGenerator
from drf_spectacular.openapi import AutoSchema
from drf_spectacular.plumbing import ResolvedComponent
from rest_framework.mixins import ListModelMixin
from rest_framework.permissions import SAFE_METHODS
from rest_framework.utils.encoders import JSONEncoder

from accounts.errors import NotAuthenticated
from accounts.rest import Answers, Input, Output
from config.api import Pages
from config.envelopes import ProblemJSON
from config.pages import SENTENCES
from config.shapes import Schema, Shapes
from tokens.errors import DeadToken

JSON, PROBLEM = "application/json", "application/problem+json"
DESCRIPTION = """\
One's account, tokens and sessions, for scripts. Paths, JSON keys and error codes do not change without notice.

- **Who asks**: `Authorization: Bearer <token>`, or the cookie of a browser that is signed in; a request that changes something then
  needs the CSRF token of a page in `X-CSRFToken`. Where both come, the token alone counts.
- **JSON** in and out: 1 MiB and 32 levels at most, no key twice, no field that is not listed. Times are ISO 8601 with zone.
- **Lists** are pages: follow `next` until it is null.
- **Errors** are `application/problem+json`: branch on `code`, show `detail`.
- A method that a route does not have is 405. Every answer has an `X-Request-Id`, by which support finds the request.
- A call that you try on the page of this description is a real one.
"""
ROOMS = {
    "tokens": "Who asks, and one's tokens.",
    "work": "What runs on tokens: jobs, uploads, downloads.",
    "projects": "Projects, and who belongs to them.",
    "orgs": "Organizations: members, policies, what happened in them.",
    "accounts": "Where one is signed in, and what happened to one's account.",
    "schema": "This description.",
}
HEADERS: dict[str, Schema] = {
    "X-Request-Id": {"description": "Names the request; support can find it.", "required": True, "schema": {"type": "string"}},
    "WWW-Authenticate": {"description": "How to say who asks.", "required": True, "schema": {"type": "string", "enum": ["Bearer"]}},
    "Retry-After": {"description": "Wait for so many seconds.", "required": True, "schema": {"type": "integer", "minimum": 1}},
}
HEADERS_OF = {401: ("WWW-Authenticate",), 429: ("Retry-After",), 503: ("Retry-After",)}
_ADDRESS = re.compile(r"^[A-Z, and]+ /\S+: ")  # "GET /api/v1/me/: …", as docstrings of views begin


def own_routes(endpoints: Iterable[tuple[str, str, str, Any]]) -> list[tuple[str, str, str, Any]]:
    """Return the routes as documents name them: `{id}` for the public id (a PREPROCESSING_HOOK)."""
    return [(path.replace("{public_id}", "{id}"), regex, method, view) for path, regex, method, view in endpoints]


def introduced(result: Schema, **_: Any) -> Schema:
    """Return the schema with its words about the whole and about each room (a POSTPROCESSING_HOOK)."""
    result["info"]["description"] = DESCRIPTION
    result["tags"] = [{"name": name, "description": text} for name, text in ROOMS.items()]
    return result


class Bearer(OpenApiAuthenticationExtension):
    """How the schema says `Authorization: Bearer`."""

    target_class = "tokens.authentication.BearerAuthentication"
    name = "bearer"

    def get_security_definition(self, auto_schema: AutoSchema) -> Schema:
        """Return the scheme."""
        return {"type": "http", "scheme": "bearer", "description": "A token: 32 characters that begin with `ght_`."}


class JobBearer(OpenApiAuthenticationExtension):
    """How the schema says that the token of a job is asked for."""

    target_class = "tokens.work.authentication.JobAuthentication"
    name = "jobBearer"

    def get_security_definition(self, auto_schema: AutoSchema) -> Schema:
        """Return the scheme."""
        return {"type": "http", "scheme": "bearer", "description": "The token of the job, which was in the answer that registered it."}


class BrowserSession(OpenApiAuthenticationExtension):
    """How the schema says that a browser is signed in."""

    target_class = "accounts.authentication.SessionAuthentication"
    name = ["session", "csrf"]

    def get_security_definition(self, auto_schema: AutoSchema) -> list[Schema]:
        """Return both schemes."""
        cookie, csrf = "The session of a browser.", "The CSRF token of a page, beside the session."
        return [
            {"type": "apiKey", "in": "cookie", "name": settings.SESSION_COOKIE_NAME, "description": cookie},
            {"type": "apiKey", "in": "header", "name": "X-CSRFToken", "description": csrf},
        ]

    def get_security_requirement(self, auto_schema: AutoSchema) -> Schema:
        """Return what a method needs."""
        names = self.name[:1] if auto_schema.method in SAFE_METHODS else self.name
        return {name: [] for name in names}


class RestSchema(AutoSchema):
    """One operation, out of what its method says of itself (accounts.rest.Answers) and what holds for all of REST."""

    method_mapping = {**AutoSchema.method_mapping, "patch": "update"}  # no route takes PUT

    @property
    def answers(self) -> Answers:
        """What the method says; a list view of DRF, which has no method to decorate, need not."""
        said = getattr(self._handler, "answers", None)
        if isinstance(said, Answers):
            return said
        if isinstance(self.view, ListModelMixin):
            return Answers(self.view.serializer_class, many=True)  # type: ignore[attr-defined]  # every list view of ours has it
        raise ImproperlyConfigured(f"{type(self.view).__qualname__}.{self.method.lower()} needs accounts.rest.Answers for the schema")

    @property
    def shapes(self) -> Shapes:
        """The types of this schema."""
        return Shapes(self.registry)

    @property
    def _handler(self) -> Any:
        return getattr(self.view, self.method.lower())

    def get_operation_id(self) -> str:
        """Return a name such as `tokens_list`."""
        return self.answers.name or str(super().get_operation_id())

    def get_tags(self) -> list[str]:
        """Return the room of the view."""
        # A room may have its REST in one file, `api`, or in several of a package of that name.
        room = type(self.view).__module__.rpartition(".api")[0].split(".")[-1] or "schema"
        return [room]

    def get_description(self) -> str:  # type: ignore[override]  # DRF's own schemas take more; drf-spectacular asks like this
        """Return the docstring of the method, or that of a list view without its address."""
        text = inspect.getdoc(self._handler if hasattr(self._handler, "answers") else type(self.view)) or ""
        text = _ADDRESS.sub("", text)
        return text[:1].upper() + text[1:]

    def get_summary(self) -> str:
        """Return the first part of the description."""
        return re.split(r"[.;:](?:\s|$)", self.get_description(), maxsplit=1)[0]

    def get_serializer_name(self, serializer: Any, direction: Any) -> str:
        """Return the name of the component of a body."""
        return type(serializer).__name__.removesuffix("Input")

    def _is_list_view(self, serializer: Any = None) -> bool:
        return self.answers.many

    def _get_parameters(self) -> list[Schema]:
        path = [_parameter(name, "path", {"type": "string"}, "As lists and answers name it.") for name in uritemplate.variables(self.path)]
        query = self.answers.query
        asked = get_type_hints(query, include_extras=True) if query else {}
        in_query = [
            _parameter(name, "query", self.shapes.of(kind), required=name in query.__required_keys__) for name, kind in asked.items()
        ]
        return path + in_query + self._headers_asked() + (_of_pages() if self.answers.many else [])

    def _headers_asked(self) -> list[Schema]:
        asked = get_type_hints(self.answers.headers, include_extras=True) if self.answers.headers else {}
        return [_parameter(name, "header", self.shapes.of(kind), required=False) for name, kind in asked.items()]

    def _get_request_body(self, direction: Any = "request") -> Schema | None:
        takes = self.answers.takes
        if takes is None:
            return None
        component = self.resolve_serializer(takes, direction)
        return {"required": bool(component.schema.get("required")), "content": {JSON: _media(component.ref, takes.example)}}

    def _map_basic_serializer(self, serializer: Any, direction: Any) -> Schema:
        schema: Schema = super()._map_basic_serializer(serializer, direction)
        return schema | {"additionalProperties": False} if isinstance(serializer, Input) else schema

    def _map_serializer_field(self, field: Any, direction: Any, bypass_extensions: bool = False) -> Any:
        if not hasattr(field, "shape"):
            return super()._map_serializer_field(field, direction, bypass_extensions)
        told = {"description": field.help_text} if field.help_text else {}
        return self.shapes.of(field.shape | None if field.allow_null else field.shape) | told

    def _get_response_bodies(self, direction: Any = "response") -> Schema:
        around, act = _by_status(self._around()), _by_status((kind.status, kind.code) for kind in self.answers.refuses)
        refusals = {str(status): self._refusal(status, around[status], act[status]) for status in sorted(around | act)}
        success = self._success()
        return {str(status): success for status in (self.answers.status, self.answers.or_status) if status} | refusals

    def _success(self) -> Schema:
        gives, example = self.answers.gives, self.answers.example
        answer: Schema = {"description": HTTPStatus(self.answers.status).phrase, "headers": self._headers("X-Request-Id")}
        if gives is None:
            return answer
        if isinstance(gives, type) and issubclass(gives, Output):
            gives, example = get_type_hints(gives.to_representation, include_extras=True)["return"], gives.example
        schema = self.shapes.of(gives)
        if self.answers.many:
            schema, example = self._page(schema), {"next": None, "previous": None, "results": [example]}
        return answer | {"content": {media: _media(schema, example) for media in self.map_renderers("media_type")}}

    def _page(self, row: Schema) -> Schema:
        name = row["$ref"].rpartition("/")[2]
        return self.shapes.named(f"{name}Page", lambda: Pages().get_paginated_response_schema({"type": "array", "items": row}))

    def _refusal(self, status: int, around: set[str], act: set[str]) -> Schema:
        """Return the refusals of one status; where the act adds none, a component that all routes share."""
        make = partial(self._problem, HTTPStatus(status), sorted(around | act))
        return make() if act else self.shapes.named(HTTPStatus(status).phrase.replace(" ", ""), make, kind=ResolvedComponent.RESPONSE)

    def _problem(self, status: HTTPStatus, codes: list[str]) -> Schema:
        narrowed = {"properties": {"status": {"const": status.value}, "code": {"enum": codes}}}
        return {
            "description": f"{status.phrase}: {', '.join(f'`{code}`' for code in codes)}",
            "headers": self._headers("X-Request-Id", *HEADERS_OF.get(status, ())),
            "content": {PROBLEM: _media({"allOf": [self.shapes.of(ProblemJSON), narrowed]}, _example_of(status, codes[0]))},
        }

    def _headers(self, *names: str) -> Schema:
        return {name: self.shapes.named(name, partial(dict, HEADERS[name]), kind=ResolvedComponent.HEADER) for name in names}

    def _around(self) -> Iterator[tuple[int, str]]:
        """Give status and code of what is said before or instead of an act (docs/api.md, "Errors around a route")."""
        answers = self.answers
        yield from ((406, "not_acceptable"), (503, "unavailable"))
        if self.view.get_authenticators():
            yield 401, NotAuthenticated.code
            yield from ((401, kind.code) for kind in DeadToken.__subclasses__())
            yield 403, "permission_denied"
        if answers.takes:
            yield from ((413, "too_large"), (415, "unsupported_media_type"))
        if answers.takes or answers.query or answers.many:
            yield from ((400, "invalid"), (400, "parse_error"), (400, "bad_request"))
        if answers.many or "{" in self.path:
            yield 404, "not_found"
        if getattr(self.view, "throttle_scope", None):
            yield 429, "throttled"


def _by_status(pairs: Iterable[tuple[int, str]]) -> dict[int, set[str]]:
    found = defaultdict[int, set[str]](set)
    for status, code in pairs:
        found[status].add(code)
    return found


def _parameter(name: str, place: str, schema: Schema, description: str = "", *, required: bool = True) -> Schema:
    told = schema.pop("description", "") or description
    return {"name": name, "in": place, "required": required, "description": told, "schema": schema}


def _of_pages() -> list[Schema]:
    # Without "maximum", for more is not refused.
    limit = {"type": "integer", "minimum": 1, "default": Pages.page_size}
    most = f"How many to a page, 1 to {Pages.max_page_size}; more counts as {Pages.max_page_size}."
    return [
        _parameter("cursor", "query", {"type": "string"}, "A place in the list, out of `next` or `previous`.", required=False),
        _parameter("limit", "query", limit, most, required=False),
    ]


def _example_of(status: HTTPStatus, code: str) -> ProblemJSON:
    return {
        "type": "about:blank",
        "title": status.phrase,
        "status": status.value,
        "code": code,
        "detail": SENTENCES.get(status, status.phrase),
        "request_id": "1795518048545-596165",
    }


def _media(schema: Schema, example: object) -> Schema:
    # Not "examples": the page would show a box to choose from, with one choice.
    return {"schema": schema, "example": example}


@dataclass(frozen=True)
class Document:
    """The schema as it is sent, and what a client can compare it by."""

    body: bytes
    etag: str


_building = Lock()  # the generator has state of its own for the whole process


def document() -> Document:
    """Return the schema. It is made once in a process, when it is first asked for."""
    with _building:
        return _document()


@cache
def _document() -> Document:
    schema = SchemaGenerator().get_schema(request=None, public=True)
    body = json.dumps(schema, cls=JSONEncoder, ensure_ascii=False, separators=(",", ":")).encode()
    return Document(body, f'"{hashlib.sha256(body).hexdigest()[:32]}"')
