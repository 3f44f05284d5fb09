"""One file: made, uploaded in parts, closed, described, downloaded, marked (DX_PROTOCOL 6)."""

import json
from datetime import timedelta
from typing import Any

from django.http import HttpRequest
from django.urls import reverse
from django.utils import timezone

from accounts.callers import Body, flag_of, mapping_of, text_of, texts_of, whole_of
from accounts.errors import InvalidInput
from accounts.moments import milliseconds
from orgs.projects.access import HasAccess
from tokens.authentication import known, note_use, refuse, require_enrolled, text_in
from tokens.caller import Caller
from tokens.errors import DeadToken
from tokens.models import Token
from tokens.work import finding, flows, grants, limits
from tokens.work.dx import descriptions
from tokens.work.errors import AccessEnded, AuthorityEnded, NotYourUpload
from tokens.work.flows import NewFile
from tokens.work.models import File, FileInProject, Transfer


def new_file(caller: Caller, body: Body) -> dict[str, Any]:
    """Begin an upload; the same nonce with the same body again is the same file."""
    if body.get("project") is None:
        raise InvalidInput(reason='"project" must be the id of a project; select one with dx select, or name it with --path')
    asked = {name: value for name, value in body.items() if name != "nonce"}
    new = NewFile(
        name=text_of(body, "name", required=False) or "untitled", folder=text_of(body, "folder", required=False) or "/",
        parents=bool(flag_of(body, "parents")), media=text_of(body, "media", required=False) or "", hidden=bool(flag_of(body, "hidden")),
        tags=texts_of(body, "tags"), types=texts_of(body, "types"), properties=_properties(body), details=body.get("details", {}),
        nonce=_nonce(body), asked=json.dumps(asked, sort_keys=True),
    )  # fmt: skip
    return {"id": flows.create_file(caller=caller, project_id=text_of(body, "project"), new=new, actor=caller.actor).file.public_id}


def upload(request: HttpRequest, body: Body, entity_id: str) -> dict[str, Any]:
    """Return where one part goes. An upload that is over gets an address that opens nothing and says so (DX_PROTOCOL 6.7)."""
    token, own = _own_upload(request, entity_id)
    index = whole_of(body, "index", default=1, least=1, most=limits.MAXIMUM_PARTS)
    size = whole_of(body, "size", default=0, least=0, most=limits.MAXIMUM_PART_BYTES)
    md5 = text_of(body, "md5").lower()
    if own is None:
        _caller_of(token, request)
        finding.place_of(Caller(token, request=request, door="dx"), entity_id)
        raise NotYourUpload()
    caller = Caller(token, request=request, door="dx")
    try:
        ticket = flows.begin_part(token=token, file=_file_of(own), index=index, size=size, md5=md5, actor=caller.actor)
    except (DeadToken, AuthorityEnded, AccessEnded):
        # Refused here, the client would ask again for a minute; refused with its bytes, it stops.
        return {"url": request.build_absolute_uri(reverse("work:dead-end", args=[own.public_id])), "headers": {}}
    note_use(token, timezone.now(), request)
    path = reverse("work:part", args=[ticket.transfer.public_id])
    expires = milliseconds(timezone.now() + timedelta(seconds=limits.GRANT_SECONDS))
    return {"url": request.build_absolute_uri(path), "headers": {grants.HEADER: ticket.grant}, "expires": expires}


def close(request: HttpRequest, body: Body, entity_id: str) -> dict[str, Any]:
    """Make a file whole."""
    token, own = _own_upload(request, entity_id)
    caller = Caller(token, request=request, door="dx")
    if own is None:
        _caller_of(token, request)
        finding.place_of(caller, entity_id)
        raise NotYourUpload()
    return {"id": flows.close(token=token, file=_file_of(own), actor=caller.actor).public_id}


def describe(request: HttpRequest, body: Body, entity_id: str) -> dict[str, Any]:
    """Return the description of a file; a token that begins nothing new any more still sees what it uploads."""
    token, own = _own_upload(request, entity_id)
    lately = timezone.now() - timedelta(seconds=limits.OWN_UPLOAD_SECONDS)
    finishing = own is not None and token.is_authority and (own.is_running or (own.ended_at or own.started) > lately)
    caller = Caller(token, request=request, door="dx") if finishing else _caller_of(token, request)
    place = finding.place_of(caller, entity_id, hint=text_of(body, "project", required=False))
    wanted = descriptions.wanted_of_file(body)
    descriptions.prefetch_files([place], wanted)
    return descriptions.of_file(place, wanted)


def download(caller: Caller, body: Body, entity_id: str) -> dict[str, Any]:
    """Return where the bytes are: the same address each time, while it lives. With `preauthenticated` the address alone opens them."""
    by_link, hint = bool(flag_of(body, "preauthenticated")), text_of(body, "project", required=False)
    transfer = flows.begin_download(caller=caller, file_id=entity_id, project_hint=hint, by_link=by_link, actor=caller.actor)
    grant = grants.for_download(transfer)
    expires = milliseconds((transfer.started if by_link else timezone.now()) + timedelta(seconds=limits.GRANT_SECONDS))
    if by_link:
        return {"url": caller.address_of(reverse("work:link", args=[transfer.public_id, grant])), "headers": {}, "expires": expires}
    path = reverse("work:bytes", args=[transfer.public_id])
    return {"url": caller.address_of(path), "headers": {grants.HEADER: grant}, "expires": expires}


def rename(caller: HasAccess, body: Body, entity_id: str) -> dict[str, Any]:
    """Give a file another name."""
    project_id = _project_of(caller, body, entity_id)
    return _id(flows.rename(caller=caller, file_id=entity_id, project_id=project_id, name=text_of(body, "name"), actor=caller.actor))


def add_tags(caller: HasAccess, body: Body, entity_id: str) -> dict[str, Any]:
    """Add tags."""
    project_id = _project_of(caller, body, entity_id)
    return _id(flows.set_tags(caller=caller, file_id=entity_id, project_id=project_id, add=texts_of(body, "tags"), actor=caller.actor))


def remove_tags(caller: HasAccess, body: Body, entity_id: str) -> dict[str, Any]:
    """Remove tags."""
    project_id = _project_of(caller, body, entity_id)
    return _id(flows.set_tags(caller=caller, file_id=entity_id, project_id=project_id, remove=texts_of(body, "tags"), actor=caller.actor))


def set_properties(caller: HasAccess, body: Body, entity_id: str) -> dict[str, Any]:
    """Set properties; null removes one."""
    project_id, wanted = _project_of(caller, body, entity_id), _properties(body)
    return _id(flows.set_properties(caller=caller, file_id=entity_id, project_id=project_id, properties=wanted, actor=caller.actor))


def set_details(caller: HasAccess, body: Body, entity_id: str) -> dict[str, Any]:
    """Write the details of a file that is still open: the whole body is they."""
    return _id(flows.set_details(caller=caller, file_id=entity_id, details=body, actor=caller.actor))


def get_details(caller: HasAccess, body: Body, entity_id: str) -> dict[str, Any]:
    """Return the details of a file."""
    details: dict[str, Any] = finding.place_of(caller, entity_id).file.details
    return details


def set_visibility(caller: HasAccess, body: Body, entity_id: str) -> dict[str, Any]:
    """Hide a file, or show it."""
    project_id, hidden = _project_of(caller, body, entity_id), bool(flag_of(body, "hidden"))
    return _id(flows.set_hidden(caller=caller, file_id=entity_id, project_id=project_id, hidden=hidden, actor=caller.actor))


def list_projects(caller: HasAccess, body: Body, entity_id: str) -> dict[str, Any]:
    """Return in which of the caller's projects a file stands, with their level in each."""
    finding.place_of(caller, entity_id)
    return finding.levels_of(caller, entity_id)


def _own_upload(request: HttpRequest, file_id: str) -> tuple[Token, Transfer | None]:
    """Return the token that asks, in whatever state it is, and its own upload of this file; None where another one, or none, is.

    A token that is over may look no further than its own upload, and there only lately ended ones.
    """
    token = known(text_in(request.META.get("HTTP_AUTHORIZATION")))
    own = Transfer.objects.uploads().select_related("file").filter(token=token, file__in=finding.files_of_id(file_id)).first()
    if own is not None and not token.is_authority:
        lately = timezone.now() - timedelta(seconds=limits.OWN_UPLOAD_SECONDS)
        if own.ended_at is not None and own.ended_at < lately:
            own = None
    if own is None:
        _caller_of(token, request)
    request.user = token.user
    return token, own


def _caller_of(token: Token, request: HttpRequest) -> Caller:
    """Return the caller that a living token makes; refuse any other as every route does."""
    now = timezone.now()
    if not token.lives_at(now):
        refuse(token, request, "dx")
    require_enrolled(token)
    note_use(token, now, request)
    return Caller(token, request=request, door="dx")


def _file_of(own: Transfer) -> File:
    assert own.file is not None  # noqa: S101  (it was found by its file)
    return own.file


def _project_of(caller: HasAccess, body: Body, file_id: str) -> str:
    return text_of(body, "project", required=False) or finding.place_of(caller, file_id).project.public_id


def _properties(body: Body) -> dict[str, str | None]:
    properties = mapping_of(body, "properties")
    if not all(value is None or isinstance(value, str) for value in properties.values()):
        raise InvalidInput(reason='"properties" must be an object of texts, or null for those to remove')
    return properties


def _nonce(body: Body) -> str | None:
    nonce = text_of(body, "nonce", required=False)
    if nonce is not None and len(nonce) > limits.NONCE_MAX_CHARS:
        raise InvalidInput(reason=f'"nonce" has at most {limits.NONCE_MAX_CHARS} characters')
    return nonce


def _id(place: FileInProject) -> dict[str, Any]:
    return {"id": place.file.public_id}


ROUTES = {
    "file/new": new_file,
    "file-{id}/download": download,
    "file-{id}/rename": rename,
    "file-{id}/addTags": add_tags,
    "file-{id}/removeTags": remove_tags,
    "file-{id}/setProperties": set_properties,
    "file-{id}/setDetails": set_details,
    "file-{id}/getDetails": get_details,
    "file-{id}/setVisibility": set_visibility,
    "file-{id}/listProjects": list_projects,
}
# These find out themselves who asks: a token that is over may finish, or hear of the end of, its own upload (JOB-04).
OPEN_ROUTES = {"file-{id}/upload": upload, "file-{id}/close": close, "file-{id}/describe": describe}
