"""Invitations: bound to one address, or to the account of one username; single use, 7 days; nothing before they are accepted (ORG-06)."""

from dataclasses import dataclass, replace
from datetime import timedelta

from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.db import transaction
from django.db.models import Q
from django.utils import timezone

from accounts import audit, flows, ids, newcomers, throttle
from accounts.audit import Actor
from accounts.callers import HasAccount
from accounts.digests import digest
from accounts.errors import InvalidInput, LinkDead
from accounts.models import User
from accounts.spelling import fold_email
from accounts.support import Staff, require_may_act_on
from orgs import access, emails, limits, spelling
from orgs.errors import AlreadyMember, InvitationForOther, InvitationNotFound, InviteeNotFound, TooManyInvitations
from orgs.events import OrgInvitationDeclined, OrgInvitationWithdrawn, OrgInvited
from orgs.flows.joining import join
from orgs.models import Invitation, InvitationQuerySet, Membership, Organization, OrgLevel


@dataclass(frozen=True)
class Invitee:
    """Whom an invitation is for: `name` as its list shows it and as it is single by, `to` the mailbox."""

    name: str
    to: str
    user: User | None = None


def invite(*, caller: HasAccount, handle: str, invitee: str, level: OrgLevel, actor: Actor, by_mail: bool = True) -> Invitation:
    """Mail an invitation to an address, or to the account of a username ("bob" or "user-bob"), and return it.

    A newer one ends an older one to the same. For an address the answer, and its cost, are the same whether it has an account or not,
    and even if that is a member: the mail alone says so. `by_mail` is heeded for usernames, whose person finds it on their page.
    Raises OrgNotFound, AdminNeeded, InvalidInput, InviteeNotFound, AlreadyMember (of a username), TooManyAttempts, TooManyInvitations.
    """
    org = _org_for(caller, handle)
    wanted = _invitee(invitee)
    if isinstance(caller, Staff):
        _require_may_invite(caller.user, wanted)
    throttle.spend(f"orgs.invited:{caller.user.pk}", limit=limits.INVITED_PER_HOUR, window_seconds=limits.HOUR_SECONDS)
    told = throttle.key_for("orgs.told", f"{org.pk}:{wanted.name}")
    throttle.spend(told, limit=limits.TOLD_PER_ADDRESS_AND_DAY, window_seconds=limits.DAY_SECONDS)
    key = ids.new_key()
    with transaction.atomic():
        org = access.lock(caller, handle)
        is_member = _is_member(org, wanted)
        if is_member and wanted.user is not None:
            raise AlreadyMember(who="This person is")
        invitation = store(caller=caller, org=org, wanted=wanted, level=level, key=key, actor=actor)
        if by_mail or wanted.user is None:
            emails.invited(invitation, to=wanted.to, key=key, by=caller.user, is_member=is_member)
        if isinstance(caller, Staff):
            emails.support_acted(org, did=f"invited {wanted.name} as {level.value}", actor=actor, reason=caller.reason)
        return invitation


def store(*, caller: HasAccount, org: Organization, wanted: Invitee, level: OrgLevel, key: str, actor: Actor) -> Invitation:
    """Return a new invitation with its event; an older one to the same is over. Call it under the lock of `org`; it mails nobody.

    Raises TooManyInvitations.
    """
    Invitation.objects.pending().filter(org=org, email=wanted.name).update(state=Invitation.State.REPLACED)
    if _pending_of(org).count() >= limits.PENDING_MOST:
        raise TooManyInvitations(most=limits.PENDING_MOST)
    invitation: Invitation = Invitation.objects.create(
        org=org, email=wanted.name, user=wanted.user, level=level, key_digest=digest(key), invited_by=caller.user,
        by_support=isinstance(caller, Staff), expires=timezone.now() + timedelta(seconds=limits.INVITATION_LIFE_SECONDS),
    )  # fmt: skip
    event = OrgInvited(org.public_id, org.name, access.reason_of(caller), invitee=wanted.name, level=level.value)
    # Of an address nobody is the subject: the organization's log would tell whose it is.
    audit.record(event, subject=wanted.user, actor=actor)
    return invitation


def withdraw(*, caller: HasAccount, handle: str, public_id: str, actor: Actor) -> Invitation:
    """End a pending invitation and return it. Raises OrgNotFound, AdminNeeded, InvitationNotFound."""
    with transaction.atomic():
        org = access.lock(caller, handle)
        invitation = _pending_of(org).pick(public_id).first()
        if invitation is None:
            raise InvitationNotFound()
        _take(invitation, Invitation.State.WITHDRAWN)
        event = OrgInvitationWithdrawn(
            org.public_id, org.name, access.reason_of(caller), invitee=invitation.email, level=invitation.level
        )  # fmt: skip
        audit.record(event, subject=invitation.user, actor=actor)
        return invitation


def find_invitation(*, link: str, user: User | None = None) -> Invitation:
    """Return the invitation of which `link` is the digest of the mailed key, or, by its id, one that is for `user`. Changes nothing.

    Raises LinkDead.
    """
    usable = Invitation.objects.usable(timezone.now()).select_related("org", "user", "invited_by")
    found = usable.filter(key_digest=link).first()
    if found is None and user is not None:
        found = find_invitations_for(user=user).pick(link).first()
    if found is None:
        raise LinkDead()
    return found


def find_invitations_for(*, user: User) -> InvitationQuerySet:
    """Return the invitations that `user` can accept now, the newest first."""
    usable = Invitation.objects.usable(timezone.now()).select_related("org", "invited_by")
    return usable.filter(Q(user=user) | Q(user=None, email=user.email)).order_by("-created", "-pk")


def accept(*, link: str, user: User, actor: Actor) -> Membership:
    """Make `user`, who is signed in, a member, and return the membership. Raises LinkDead, InvitationForOther, AlreadyMember."""
    invitation = find_invitation(link=link, user=user)
    with transaction.atomic():
        org = _locked(invitation)
        locked = User.objects.lock(user.pk)
        access.require_invited(invitation, locked)
        if Membership.objects.filter(org=org, user=locked).exists():
            raise AlreadyMember(who="You are")
        _take(invitation, Invitation.State.ACCEPTED)
        return _joined(org, locked, invitation, actor)


def accept_as_new(*, link: str, username: str, password: str, first_name: str, last_name: str, actor: Actor) -> Membership:
    """Make an account with the invited address, and it a member, in one transaction; return the membership. It is signed in nowhere.

    Raises LinkDead, InvitationForOther where a username was invited, UsernameTaken, UsernameRefused, InvalidInput, WeakPassword,
    AddressTaken, TooManyAttempts, Busy.
    """
    invitation = find_invitation(link=link)
    if invitation.user_id is not None:
        raise InvitationForOther(who="The account whose username was invited")
    throttle.spend(f"orgs.joining:{invitation.pk}", limit=limits.JOIN_TRIES_PER_HOUR, window_seconds=limits.HOUR_SECONDS)
    newcomer = newcomers.prepare(
        username=username, email=invitation.email, password=password, first_name=first_name, last_name=last_name
    )  # fmt: skip
    with transaction.atomic():
        org = _locked(invitation)
        _take(invitation, Invitation.State.ACCEPTED)
        user = flows.register(newcomer=newcomer, actor=actor)
        return _joined(org, user, invitation, replace(actor, user=user))


def decline(*, link: str, actor: Actor, user: User | None = None) -> Invitation:
    """End an invitation that one does not want, with the link alone, and return it. Raises LinkDead."""
    invitation = find_invitation(link=link, user=user)
    with transaction.atomic():
        org = _locked(invitation)
        _take(invitation, Invitation.State.DECLINED)
        event = OrgInvitationDeclined(org.public_id, org.name, invitee=invitation.email, level=invitation.level)
        # Nobody acts: the organization's log would tell which account has the address.
        audit.record(event, subject=invitation.user, actor=replace(actor, user=None, ip=None, user_agent=""))
        return invitation


def find_pending(*, org: Organization) -> InvitationQuerySet:
    """Return the invitations of `org` that nobody has answered and whose time is not over, the newest first."""
    return _pending_of(org).select_related("invited_by").order_by("-created", "-pk")


def _pending_of(org: Organization) -> InvitationQuerySet:
    return Invitation.objects.alive(timezone.now()).filter(org=org)


def _org_for(caller: HasAccount, handle: str) -> Organization:
    if isinstance(caller, Staff):
        with transaction.atomic():
            return access.lock(caller, handle)
    return access.find_as_admin(caller, handle).org


def _invitee(typed: str) -> Invitee:
    if "@" in typed:
        address = fold_email(typed[: 2 * limits.EMAIL_MAX_CHARS])
        try:
            validate_email(address)
        except ValidationError:
            raise InvalidInput(reason="This is no e-mail address. Write one like name@example.com") from None
        if len(address) > limits.EMAIL_MAX_CHARS:
            raise InvalidInput(reason=f"An e-mail address has at most {limits.EMAIL_MAX_CHARS} characters")
        return Invitee(name=address, to=address)
    user = User.objects.active().filter(username=spelling.username_of(typed)).first()
    if user is None:
        raise InviteeNotFound()
    # Its address stands nowhere: an admin is not to learn it, nor by which other invitation this one replaces (ORG-05).
    return Invitee(name=user.public_id, to=user.email, user=user)


def _is_member(org: Organization, wanted: Invitee) -> bool:
    members = Membership.objects.filter(org=org)
    found = members.filter(user__email=wanted.to) if wanted.user is None else members.filter(user=wanted.user)
    return found.exists()


def _require_may_invite(staff: User, wanted: Invitee) -> None:
    # Whose any other address is, nobody is told: whether its account may accept is asked when it does.
    if wanted.user is not None or wanted.to == staff.email:
        require_may_act_on(staff, wanted.user or staff)


def _locked(invitation: Invitation) -> Organization:
    """Return the organization, its row locked: the first lock of every act here."""
    org: Organization = Organization.objects.select_for_update(no_key=True).get(pk=invitation.org_id)
    return org


def _take(invitation: Invitation, state: Invitation.State) -> None:
    # One conditional UPDATE lets one of two take it; what was withdrawn or replaced while we waited for the lock is dead.
    now, accepted = timezone.now(), state == Invitation.State.ACCEPTED
    alive = Invitation.objects.usable(now) if accepted else Invitation.objects.alive(now)
    if alive.filter(pk=invitation.pk).update(state=state) != 1:
        raise LinkDead()


def _joined(org: Organization, user: User, invitation: Invitation, actor: Actor) -> Membership:
    membership = join(org=org, user=user, level=OrgLevel(invitation.level), actor=actor)
    emails.joined(user, org=org, level=invitation.level)
    return membership
