"""What this room tells and asks the floors above. Each signal has one sender; receivers run inside the sender's transaction."""

from django.dispatch import Signal

# The policies of an organization were set. Only orgs.flows.set_policies sends it.
# sender=Organization; org: Organization (locked, saved); changed: set[Policy]; actor: Actor. A receiver that raises undoes the act.
policies_changed = Signal()

# The same, once the rows of people and of their sessions are written: for rows that every act locks after those, such as tokens.
# Only orgs.flows.set_policies sends it. sender=Organization; org: Organization (locked, saved); changed: set[Policy]; actor: Actor.
policies_settled = Signal()

# A question: whom would these policies hit? Only orgs.impact sends it.
# sender=Organization; org: Organization (with the new values, not saved); changed: set[Policy].
# A receiver returns `list[orgs.impact.Hit]` and changes nothing.
policies_weighed = Signal()

# Somebody became a member. Only orgs.flows.joining sends it, after the row is there.
# sender=Membership; org: Organization (locked); user: User; actor: Actor. A receiver that raises undoes the act.
member_joined = Signal()

# Somebody is about to be a member no longer. Only orgs.flows.members sends it, before the row goes.
# sender=Membership; org: Organization (locked); user: User; actor: Actor (who removed them, or they themself).
# A receiver returns `dict[str, list[str]]`, what they lose with it, as public ids by noun ("project"), or None.
# One that raises undoes the act.
member_leaving = Signal()

# Somebody is a member no longer: what follows from the policies that are left. Only orgs.flows.members sends it, after the row went.
# sender=Membership; org: Organization (locked); user: User; actor: Actor. A receiver that raises undoes the act.
member_left = Signal()

# A question: what would this member lose by leaving? Only orgs.flows.members.find_losses sends it.
# sender=Membership; org: Organization; user: User. A receiver returns `list[Casualties]` and changes nothing.
losses_asked = Signal()
