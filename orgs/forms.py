"""Shape and spelling of what people enter about organizations. The acts decide."""

from typing import Any

from django import forms

from accounts import limits as account_limits
from accounts.forms import NEW_PASSWORD_HELP, NO_SPELLING, password_field
from orgs import limits
from orgs.models import OrgLevel


def level_field() -> forms.TypedChoiceField:
    """Return the field for a level."""
    return forms.TypedChoiceField(
        label="Level", coerce=OrgLevel, choices=[(name, name) for name in OrgLevel.values], initial=OrgLevel.MEMBER.value,
        error_messages={"invalid_choice": "Choose one of the levels."},
    )  # fmt: skip


class InviteForm(forms.Form):
    """Whom to invite, as what."""

    user = forms.CharField(
        label="E-mail address or username", max_length=limits.EMAIL_MAX_CHARS,
        error_messages={"required": "Enter an e-mail address, or the username of an account."},
        widget=forms.TextInput(attrs={"autocomplete": "off", **NO_SPELLING}),
        help_text="As name@example.com, or user-amy. They are mailed a link that is good for 7 days; nothing happens before they accept.",
    )  # fmt: skip
    level = level_field()


class LevelForm(forms.Form):
    """Another level for a member."""

    level = level_field()


class NewAccountForm(forms.Form):
    """An account for somebody who was invited."""

    username = forms.CharField(
        label="Username", max_length=account_limits.USERNAME_TYPED_MAX_CHARS, error_messages={"required": "Choose a username."},
        widget=forms.TextInput(attrs={"autocomplete": "username", **NO_SPELLING}),
        help_text="3 to 30 of a-z 0-9 . _, beginning with a letter. It stays.",
    )  # fmt: skip
    first_name = forms.CharField(
        label="First name", required=False, max_length=account_limits.PERSON_NAME_MAX_CHARS,
        widget=forms.TextInput(attrs={"autocomplete": "given-name"}),
    )  # fmt: skip
    last_name = forms.CharField(
        label="Last name", required=False, max_length=account_limits.PERSON_NAME_MAX_CHARS,
        widget=forms.TextInput(attrs={"autocomplete": "family-name"}),
    )  # fmt: skip
    new_password1 = password_field("Password", "new-password", NEW_PASSWORD_HELP)
    new_password2 = password_field("Password again", "new-password")

    def clean(self) -> dict[str, Any] | None:
        """Refuse two different spellings; the rules of strength are the act's."""
        cleaned = super().clean() or self.cleaned_data
        first, second = cleaned.get("new_password1"), cleaned.get("new_password2")
        if first and second and first != second:
            self.add_error("new_password2", "The two passwords differ. Type the same one twice.")
        return cleaned
