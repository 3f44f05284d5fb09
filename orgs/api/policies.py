"""Scripts' door to the policies of an organization."""

from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts.callers import HasAccount
from accounts.errors import AccountOutOfReach, GatehouseError, TooManyAttempts
from accounts.rest import Answers
from orgs import access, drafting, errors, flows, impact
from orgs.api.organizations import caller_of
from orgs.flows import PoliciesSet
from orgs.policy_json import PoliciesOutcomeOutput, PoliciesOutput, PolicyWishesInput

_READ_REFUSES: list[type[GatehouseError]] = [errors.OrgNotFound, AccountOutOfReach]


class PoliciesView(APIView):
    """GET and PATCH /api/v1/orgs/<handle>/policies/."""

    @Answers(PoliciesOutput, refuses=_READ_REFUSES, name="org_policies_retrieve")
    def get(self, request: Request, handle: str) -> Response:
        """Return what holds for the members of an organization of one's own; admins get the tally of what is only tried out, too."""
        return Response(PoliciesOutput.of(access.find(caller_of(request), handle)))

    @Answers(
        PoliciesOutcomeOutput, takes=PolicyWishesInput, refuses=[*_READ_REFUSES, errors.AdminNeeded, errors.PolicyRefused, TooManyAttempts],
        name="org_policies_update",
    )  # fmt: skip
    def patch(self, request: Request, handle: str) -> Response:
        """Set policies, which hold at once; what is left out stays. With "preview" nothing does, and it says whom it would hit."""
        asked = PolicyWishesInput(data=request.data)
        asked.is_valid(raise_exception=True)
        caller, preview = caller_of(request), asked.validated_data["preview"]
        done = _previewed(caller, handle, asked) if preview else _set(caller, handle, asked)
        return Response(PoliciesOutcomeOutput.of((access.find_as_admin(caller, handle), preview, done)))


def _previewed(caller: HasAccount, handle: str, asked: PolicyWishesInput) -> PoliciesSet:
    org = access.find_as_admin(caller, handle).org
    draft = drafting.draft(org, asked.wishes)
    return PoliciesSet(org, draft.changes, tuple(impact.ask(draft, user=caller.user, actor=caller.actor)))


def _set(caller: HasAccount, handle: str, asked: PolicyWishesInput) -> PoliciesSet:
    return flows.set_policies(caller=caller, handle=handle, wishes=asked.wishes, actor=caller.actor)
