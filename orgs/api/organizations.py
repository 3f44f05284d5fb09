"""Scripts' door to organizations, their members and invitations (DRF): JSON in, one act, JSON out."""

from typing import cast

from rest_framework.generics import GenericAPIView
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts.api import actor_of
from accounts.callers import HasAccount
from accounts.errors import AccountOutOfReach, GatehouseError, InvalidInput, TooManyAttempts
from accounts.rest import Answers, LimitedSearch
from orgs import access, errors, flows, roster
from orgs.access import Person
from orgs.models import Invitation, Membership
from orgs.serializers import (
    InvitationOutput,
    NewOrgMemberInput,
    OrgDetailOutput,
    OrgMemberChangesInput,
    OrgMemberOutput,
    OrgMembersQuery,
    OrgOutput,
)

SEARCH_MAX_CHARS = 150
_READ_REFUSES: list[type[GatehouseError]] = [errors.OrgNotFound, AccountOutOfReach]
_ACT_REFUSES: list[type[GatehouseError]] = [*_READ_REFUSES, errors.AdminNeeded]
_MEMBER_REFUSES: list[type[GatehouseError]] = [*_ACT_REFUSES, errors.OrgMemberNotFound, errors.LastAdmin]


def caller_of(request: Request) -> HasAccount:
    """Return who asks over REST: the caller that the bearer made, or the person of the web session."""
    caller = cast(HasAccount | None, request.auth)  # the authentication class is a dotted path to a floor above
    if caller is not None:
        return caller
    actor = actor_of(request)
    assert actor.user is not None  # noqa: S101  (every view here needs a login)
    return Person(user=actor.user, actor=actor)


class OrganizationsView(GenericAPIView[Membership]):
    """GET /api/v1/orgs/."""

    ordering = ("created", "id")

    @Answers(OrgOutput, many=True, refuses=[AccountOutOfReach])
    def get(self, request: Request) -> Response:
        """Return the organizations that one is a member of, the one of longest standing first."""
        mine = access.memberships(caller_of(request))
        return self.get_paginated_response(OrgOutput.rows(self.paginate_queryset(mine) or []))


class OrganizationView(APIView):
    """GET /api/v1/orgs/<handle>/."""

    @Answers(OrgDetailOutput, refuses=_READ_REFUSES)
    def get(self, request: Request, handle: str) -> Response:
        """Return one organization of one's own, by `acme` or `org-acme`."""
        return Response(OrgDetailOutput.of(access.find(caller_of(request), handle)))


class MembersView(LimitedSearch, GenericAPIView[Membership]):
    """GET and POST /api/v1/orgs/<handle>/members/."""

    ordering = ("created", "id")

    @Answers(OrgMemberOutput, many=True, query=OrgMembersQuery, refuses=[*_ACT_REFUSES, InvalidInput], name="org_members_list")
    def get(self, request: Request, handle: str) -> Response:
        """Return the members, those of longest standing first; `facts` are for admins alone."""
        membership, asked = access.find(caller_of(request), handle), request.query_params
        org = membership.org
        found = roster.members(org, search=asked.get("q", "").replace("\x00", "")[:SEARCH_MAX_CHARS])
        if (level := asked.get("level")) is not None:
            found = found.filter(level=access.level_named(level))
        if asked.get("to_look_at", "false") == "true":
            access.require_admin(membership)
            found = roster.to_look_at(org, found)
        elif asked.get("to_look_at", "false") != "false":
            raise InvalidInput(reason='"to_look_at" is "true" or "false"')
        page = self.paginate_queryset(found) or []
        entries = roster.with_facts(org, page) if membership.is_admin else roster.without_facts(page)
        return self.get_paginated_response(OrgMemberOutput.rows(entries))

    @Answers(
        InvitationOutput, status=201, takes=NewOrgMemberInput, name="org_members_invite",
        refuses=[
            *_ACT_REFUSES, InvalidInput, errors.InviteeNotFound, errors.AlreadyMember, errors.TooManyInvitations, TooManyAttempts,
        ],
    )  # fmt: skip
    def post(self, request: Request, handle: str) -> Response:
        """Mail an invitation to an address, or to a username. Nobody is a member by it. For an address the answer is always the same."""
        asked = NewOrgMemberInput(data=request.data)
        asked.is_valid(raise_exception=True)
        caller = caller_of(request)
        level = asked.validated_data["level"]
        invitation = flows.invite(caller=caller, handle=handle, invitee=asked.invitee, level=level, actor=caller.actor)
        return Response(InvitationOutput.of(invitation), status=201)


class MemberView(APIView):
    """PATCH and DELETE /api/v1/orgs/<handle>/members/<user>/."""

    @Answers(OrgMemberOutput, takes=OrgMemberChangesInput, refuses=_MEMBER_REFUSES, name="org_members_change")
    def patch(self, request: Request, handle: str, user: str) -> Response:
        """Give a member another level."""
        asked = OrgMemberChangesInput(data=request.data)
        asked.is_valid(raise_exception=True)
        caller, level = caller_of(request), asked.validated_data["level"]
        member = flows.change_level(caller=caller, handle=handle, username=user, level=level, actor=caller.actor)
        return Response(OrgMemberOutput.of(roster.with_facts(member.org, [member])[0]))

    @Answers(None, status=204, refuses=_MEMBER_REFUSES, name="org_members_remove")
    def delete(self, request: Request, handle: str, user: str) -> Response:
        """Take a person out of the organization, with its projects; oneself without administering it, which is to leave."""
        caller = caller_of(request)
        if user in (caller.user.public_id, caller.user.username):
            flows.leave(caller=caller, handle=handle, actor=caller.actor)
        else:
            flows.remove(caller=caller, handle=handle, username=user, actor=caller.actor)
        return Response(status=204)


class InvitationsView(GenericAPIView[Invitation]):
    """GET /api/v1/orgs/<handle>/invitations/."""

    ordering = ("-created", "-id")

    @Answers(InvitationOutput, many=True, refuses=_ACT_REFUSES, name="org_invitations_list")
    def get(self, request: Request, handle: str) -> Response:
        """Return the invitations that wait for an answer, the newest first."""
        org = access.find_as_admin(caller_of(request), handle).org
        page = self.paginate_queryset(flows.find_pending(org=org)) or []
        return self.get_paginated_response(InvitationOutput.rows(page))


class InvitationView(APIView):
    """DELETE /api/v1/orgs/<handle>/invitations/<id>/."""

    @Answers(None, status=204, refuses=[*_ACT_REFUSES, errors.InvitationNotFound], name="org_invitations_withdraw")
    def delete(self, request: Request, handle: str, public_id: str) -> Response:
        """End an invitation; its link is dead."""
        caller = caller_of(request)
        flows.withdraw(caller=caller, handle=handle, public_id=public_id, actor=caller.actor)
        return Response(status=204)
