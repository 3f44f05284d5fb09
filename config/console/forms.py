"""Forms of the console: each asks for the reason, which the act judges (ADM-04)."""

from django import forms

from accounts import limits
from accounts.forms import NO_SPELLING
from orgs.forms import InviteForm, LevelForm
from orgs.policy_form import PoliciesForm

_TOLD_PERSON, _TOLD_ADMINS = "The person reads it in a mail and in their history.", "The admins read it in a mail and in their log."


def reason_field(told: str = _TOLD_PERSON) -> forms.CharField:
    """Return the field for the reason of an act of support; `told`: who reads it."""
    return forms.CharField(
        label="Reason",
        required=False,
        help_text=f"{limits.REASON_MIN_CHARS} to {limits.REASON_MAX_CHARS} characters. {told}",
        widget=forms.TextInput(attrs={"autocomplete": "off", "maxlength": limits.REASON_MAX_CHARS}),
    )


class ReasonForm(forms.Form):
    """Why."""

    reason = reason_field()


class ExportForm(forms.Form):
    """Why the log is exported: nobody is mailed."""

    reason = reason_field("It stands in the log, with your name.")


class NewOrgForm(ReasonForm):
    """Handle, name, first admin, why."""

    handle = forms.CharField(
        label="Handle", help_text="3 to 30 of a-z 0-9 . _, beginning with a letter. It never changes.",
        error_messages={"required": "Enter the handle."}, widget=forms.TextInput(attrs={"autocomplete": "off", **NO_SPELLING}),
    )  # fmt: skip
    name = forms.CharField(
        label="Name", error_messages={"required": "Enter the name."}, widget=forms.TextInput(attrs={"autocomplete": "off"})
    )
    admin = forms.CharField(
        label="First admin", help_text="The username of somebody who has an account. They are invited by mail.",
        error_messages={"required": "Enter the username of the first admin."},
        widget=forms.TextInput(attrs={"autocomplete": "off", **NO_SPELLING}),
    )  # fmt: skip
    field_order = ("handle", "name", "admin", "reason")


class OrgPoliciesForm(PoliciesForm):
    """The policies of an organization, and why they are to be others."""

    reason = reason_field(_TOLD_ADMINS)


class OrgInviteForm(InviteForm):
    """Whom to invite, as what, and why."""

    reason = reason_field(_TOLD_ADMINS)


class OrgLevelForm(LevelForm):
    """Another level, and why."""

    reason = reason_field()
