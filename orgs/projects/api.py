"""Scripts' door to projects and their members (DRF): JSON in, one act, JSON out."""

from typing import cast

from rest_framework.generics import GenericAPIView
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts.api import actor_of
from accounts.errors import GatehouseError, InvalidInput, TooManyAttempts
from accounts.rest import Answers, LimitedSearch
from orgs.errors import InviteeNotFound, OrgNotFound
from orgs.projects import access, errors, flows, limits
from orgs.projects.access import HasAccess, Person
from orgs.projects.models import Project, ProjectMember, ProjectQuerySet
from orgs.projects.serializers import (
    MemberChangesInput,
    MemberOutput,
    NewMemberInput,
    NewProjectInput,
    ProjectChangesInput,
    ProjectDeletionQuery,
    ProjectDetailOutput,
    ProjectOutput,
    ProjectsQuery,
)

_ACT_REFUSES: list[type[GatehouseError]] = [errors.ProjectNotFound, errors.LevelTooLow]
_MEMBER_REFUSES: list[type[GatehouseError]] = [*_ACT_REFUSES, errors.MemberNotFound, errors.LastAdministrator]
_WORDS = {"true": True, "false": False}


def caller_of(request: Request) -> HasAccess:
    """Return who asks over REST: the caller that the bearer made, or the person of the web session."""
    caller = cast(HasAccess | None, request.auth)  # the authentication class is a dotted path to a floor above
    if caller is not None:
        return caller
    actor = actor_of(request)
    assert actor.user is not None  # noqa: S101  (every view here needs a login)
    return Person(user=actor.user, actor=actor)


class ProjectsView(LimitedSearch, GenericAPIView[Project]):
    """GET and POST /api/v1/projects/."""

    ordering = ("name", "public_id")

    @Answers(ProjectOutput, many=True, query=ProjectsQuery, refuses=[InvalidInput])
    def get(self, request: Request) -> Response:
        """Return the projects that one reaches, by name, each with one's level in it."""
        found = _filtered(access.visible(caller_of(request)), request).select_related("billed_to", "created_by", "org")
        return self.get_paginated_response(ProjectOutput.rows(self.paginate_queryset(found) or []))

    @Answers(
        ProjectDetailOutput, status=201, takes=NewProjectInput,
        refuses=[errors.ProjectValueRefused, errors.TokenLimited, OrgNotFound, TooManyAttempts],
    )  # fmt: skip
    def post(self, request: Request) -> Response:
        """Make a project, which one administers; it is one's own, or belongs to an organization that one is a member of."""
        asked = NewProjectInput(data=request.data)
        asked.is_valid(raise_exception=True)
        caller = caller_of(request)
        project = flows.create(caller=caller, details=asked.details, org=asked.org_id, actor=caller.actor)
        return Response(ProjectDetailOutput.of(project), status=201)


class ProjectView(APIView):
    """GET, PATCH and DELETE /api/v1/projects/<id>/."""

    @Answers(ProjectDetailOutput, refuses=[errors.ProjectNotFound])
    def get(self, request: Request, public_id: str) -> Response:
        """Return one project."""
        return Response(ProjectDetailOutput.of(access.find(caller_of(request), public_id)))

    @Answers(ProjectDetailOutput, takes=ProjectChangesInput, refuses=[*_ACT_REFUSES, errors.ProjectValueRefused, errors.PhiStays])
    def patch(self, request: Request, public_id: str) -> Response:
        """Change what is named, and nothing else."""
        asked = ProjectChangesInput(data=request.data)
        asked.is_valid(raise_exception=True)
        caller = caller_of(request)
        project = flows.update(caller=caller, project_id=public_id, details=asked.details, actor=caller.actor)
        return Response(ProjectDetailOutput.of(project))

    @Answers(None, status=204, query=ProjectDeletionQuery, refuses=[*_ACT_REFUSES, errors.ProjectBusy, InvalidInput])
    def delete(self, request: Request, public_id: str) -> Response:
        """Delete a project with all that is in it, for good; what runs in it ends with `?end_work=true` only."""
        caller = caller_of(request)
        end_work = _word_of(request, "end_work") or False
        flows.destroy(caller=caller, project_id=public_id, end_work=end_work, actor=caller.actor)
        return Response(status=204)


class MembersView(GenericAPIView[ProjectMember]):
    """GET and POST /api/v1/projects/<id>/members/."""

    ordering = ("created", "id")

    @Answers(MemberOutput, many=True, refuses=[errors.ProjectNotFound])
    def get(self, request: Request, public_id: str) -> Response:
        """Return the members, those of longest standing first."""
        members = access.find(caller_of(request), public_id).members.select_related("user")
        return self.get_paginated_response(MemberOutput.rows(self.paginate_queryset(members) or []))

    @Answers(
        MemberOutput, status=201, or_status=200, takes=NewMemberInput,
        refuses=[*_ACT_REFUSES, InviteeNotFound, TooManyAttempts],
    )  # fmt: skip
    def post(self, request: Request, public_id: str) -> Response:
        """Make a person a member, at once (201). One who is a member already is raised to the level, never lowered (200)."""
        asked = NewMemberInput(data=request.data)
        asked.is_valid(raise_exception=True)
        caller, values = caller_of(request), asked.validated_data
        invited = flows.invite(
            caller=caller, project_id=public_id, invitee=values["user"], level=values["level"], by_mail=values["mail"], actor=caller.actor
        )
        return Response(MemberOutput.of(invited.member), status=201 if invited.is_new else 200)


class MemberView(APIView):
    """PATCH and DELETE /api/v1/projects/<id>/members/<user>/."""

    @Answers(MemberOutput, takes=MemberChangesInput, refuses=_MEMBER_REFUSES)
    def patch(self, request: Request, public_id: str, user: str) -> Response:
        """Give a member another level."""
        asked = MemberChangesInput(data=request.data)
        asked.is_valid(raise_exception=True)
        caller, level = caller_of(request), asked.validated_data["level"]
        member = flows.change_member(caller=caller, project_id=public_id, username=user, level=level, actor=caller.actor)
        return Response(MemberOutput.of(member))

    @Answers(None, status=204, refuses=[*_MEMBER_REFUSES, errors.TokenLimited])
    def delete(self, request: Request, public_id: str, user: str) -> Response:
        """Take a person out of the project; oneself without administering it, which is to leave."""
        caller = caller_of(request)
        if user in (caller.user.public_id, caller.user.username):
            flows.leave(caller=caller, project_id=public_id, actor=caller.actor)
        else:
            flows.remove_member(caller=caller, project_id=public_id, username=user, actor=caller.actor)
        return Response(status=204)


def _filtered(projects: ProjectQuerySet, request: Request) -> ProjectQuerySet:
    asked = request.query_params
    found = projects.named_like(asked.get("q", "").replace("\x00", "")[: limits.NAME_MAX_CHARS])
    if (level := asked.get("level")) is not None:
        found = found.at_least(access.level_named(level))
    if (phi := _word_of(request, "phi")) is not None:
        found = found.filter(phi=phi)
    return found


def _word_of(request: Request, name: str) -> bool | None:
    word = request.query_params.get(name)
    if word is None or word in _WORDS:
        return None if word is None else _WORDS[word]
    raise InvalidInput(reason=f'"{name}" is "true" or "false"')
