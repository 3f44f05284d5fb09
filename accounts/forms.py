"""Forms of this room: shape and spelling of what people type. The acts decide."""

import re
from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any

from django import forms
from django.conf import settings
from django.core.exceptions import ValidationError
from django.utils import timezone

from accounts import limits, logbook, reporting
from accounts.errors import FilterRefused
from accounts.logbook import Filters
from accounts.spelling import fold_email

NO_SPELLING = {"autocapitalize": "none", "spellcheck": "false"}
NEW_PASSWORD_HELP = f"At least {settings.PASSWORD_MIN_LENGTH} characters. Several words in a row are fine."


def password_field(label: str, autocomplete: str, help_text: str = "") -> forms.CharField:
    """Return a password field: nothing trimmed, paste allowed, the right hint for password managers (WEB-09)."""
    return forms.CharField(
        label=label,
        help_text=help_text,
        strip=False,
        widget=forms.PasswordInput(attrs={"autocomplete": autocomplete}),
        error_messages={"required": "Enter the password"},
    )


class RevokeTokensField(forms.BooleanField):
    """The box *Revoke Active Tokens*, on every form that changes a credential (DESIGN 3)."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(label="Revoke Active Tokens", required=False, **kwargs)


class LoginForm(forms.Form):
    """Username and password; `next` is where to go after it."""

    username = forms.CharField(
        label="Username",
        max_length=limits.USERNAME_TYPED_MAX_CHARS,
        widget=forms.TextInput(attrs={"autocomplete": "username", "autofocus": True, **NO_SPELLING}),
        error_messages={"required": "Enter your username", "max_length": "A username has at most 30 characters"},
    )
    password = password_field("Password", "current-password")
    # A bare field: whatever stands in it is judged by safe_next, never shown as an error.
    next = forms.Field(required=False, widget=forms.HiddenInput)


class CodeInput(forms.TextInput):
    """A code is typed anew each time: no page repeats one, and the page of every wrong code is the same (OTP-05)."""

    def format_value(self, value: Any) -> str | None:
        """Return None, whatever was typed."""
        return None


def code_field(**attributes: Any) -> forms.CharField:
    """Return the field for a code of the app or a backup code. What is no code is the act's to refuse, like any wrong one."""
    return forms.CharField(
        label="6-digit code or backup code",
        widget=CodeInput(attrs={"autocomplete": "one-time-code", "maxlength": limits.CODE_TYPED_MAX_CHARS, **NO_SPELLING, **attributes}),
        error_messages={"required": "Enter the code"},
    )


class VerifyForm(forms.Form):
    """The answer to a login stage: a code or a backup code."""

    otp = code_field(autofocus=True)


class EmailFormField(forms.EmailField):
    """An address, folded; a line break in it is refused before anything is built from it (RST-09)."""

    def __init__(self, label: str) -> None:
        super().__init__(
            label=label,
            max_length=limits.EMAIL_MAX_CHARS,
            widget=forms.EmailInput(attrs={"autocomplete": "email", **NO_SPELLING}),
            error_messages={"required": "Enter an e-mail address", "invalid": "Enter an e-mail address like name@example.com"},
        )

    def to_python(self, value: Any) -> str:
        """Return the folded address; raise ValidationError for control characters in it."""
        if isinstance(value, str) and (len(value) > 2 * limits.EMAIL_MAX_CHARS or not value.isprintable()):
            raise ValidationError(self.error_messages["invalid"], code="invalid")
        return fold_email(super().to_python(value) or "")


class ResetPasswordForm(forms.Form):
    """The address of an account whose password is forgotten."""

    email = EmailFormField("E-mail address of your account")


class NewPasswordForm(forms.Form):
    """A new password, typed twice, and whether tokens go with the old one."""

    new_password1 = password_field("New password", "new-password", NEW_PASSWORD_HELP)
    new_password2 = password_field("New password again", "new-password")
    revoke_tokens = RevokeTokensField()

    def clean(self) -> dict[str, Any] | None:
        """Refuse two different spellings; the rules of strength are the act's."""
        cleaned = super().clean() or self.cleaned_data
        first, second = cleaned.get("new_password1"), cleaned.get("new_password2")
        if first and second and first != second:
            self.add_error("new_password2", "The two passwords differ. Type the same one twice.")
        return cleaned


class ChangePasswordForm(NewPasswordForm):
    """The current password, the new one twice."""

    current_password = password_field("Current password", "current-password")
    field_order = ("current_password", "new_password1", "new_password2", "revoke_tokens")

    def clean(self) -> dict[str, Any] | None:
        """Refuse the same password again: it would be told as a change, and be none."""
        cleaned = super().clean() or self.cleaned_data
        current, chosen = cleaned.get("current_password"), cleaned.get("new_password1")
        if current and current == chosen:
            self.add_error("new_password1", "This is the password you have. Choose a different one.")
        return cleaned


class ChangeEmailForm(forms.Form):
    """The address wanted, and the current password."""

    email = EmailFormField("New e-mail address")
    current_password = password_field("Current password", "current-password")


class ConfirmEmailForm(forms.Form):
    """The button behind the mailed link, and whether tokens go."""

    revoke_tokens = RevokeTokensField()


class SinceForm(forms.Form):
    """Since when something is looked at: by name, or a moment of one's own, in UTC. `cleaned_data["from_when"]` is that moment."""

    since = forms.ChoiceField(label="Since when", choices=reporting.CHOICES, error_messages={"invalid_choice": "Choose one of the list"})
    moment = forms.DateTimeField(
        label="That moment, in UTC", help_text="For “Since a moment” alone.", required=False,
        widget=forms.DateTimeInput(attrs={"type": "datetime-local"}, format="%Y-%m-%dT%H:%M"),
        error_messages={"invalid": "Enter a moment such as 2026-11-24 07:41"},
    )  # fmt: skip

    def clean(self) -> dict[str, Any] | None:
        """Say what is wrong with a moment: none, one that is ahead, or one that is too long ago."""
        cleaned = super().clean() or self.cleaned_data
        now, chosen = timezone.now(), cleaned.get("since")
        if chosen in reporting.SINCE:
            cleaned["from_when"] = now - reporting.SINCE[chosen][1]
        elif chosen == reporting.MOMENT and "moment" not in self.errors:
            moment = cleaned.get("moment")
            if moment is None or not now - timedelta(days=reporting.MOST_DAYS) <= moment <= now:
                self.add_error("moment", f"Enter a moment of the last {reporting.MOST_DAYS} days")
            cleaned["from_when"] = moment
        return cleaned


class EmptyForm(forms.Form):
    """A form that is only a button."""


class DayInput(forms.DateInput):
    """A day out of a calendar; a text where an address asks for a moment, which such a field would not show."""

    input_type = "date"

    def get_context(self, name: str, value: Any, attrs: dict[str, Any] | None) -> dict[str, Any]:
        """Return what the widget's template is drawn from."""
        context: dict[str, Any] = super().get_context(name, value, attrs)
        if value and not re.fullmatch(r"\d{4}-\d\d-\d\d", str(value)):
            context["widget"]["type"] = "text"
        return context


def _text(label: str, **attributes: Any) -> forms.CharField:
    widget = forms.TextInput(attrs={"autocomplete": "off", "maxlength": 100, **NO_SPELLING, **attributes})
    return forms.CharField(label=label, required=False, widget=widget)


class LogForm(forms.Form):
    """The filters of a security log (accounts.logbook): those of `names`. `filters` has them where the form is valid."""

    event = forms.CharField(label="What", required=False, widget=forms.Select)
    since = forms.CharField(label="Since", required=False, widget=DayInput)
    until = forms.CharField(label="Until", required=False, widget=DayInput)
    actor = _text("Done by", placeholder="user-…")
    subject = _text("Whose log", placeholder="user-…")
    door = forms.CharField(label="Through", required=False, widget=forms.Select)
    address = _text("Address")
    request = _text("Request id")
    about = _text("About", placeholder="org-…, project-…, token-…")
    filters: Filters

    def __init__(self, data: Mapping[str, str], names: Sequence[str]) -> None:
        # By name, not as a MultiValueDict: the last of several values counts, as everywhere.
        super().__init__(dict(data.items()), auto_id="log-%s")
        self._names = names
        for name in set(self.fields) - set(names):
            del self.fields[name]
        self.fields["event"].widget.choices = [("", "Everything"), *logbook.choices()]
        self.fields["door"].widget.choices = [("", "Any door"), *logbook.DOORS.items()]

    def clean(self) -> dict[str, Any] | None:
        """Say at each field what is wrong with it."""
        cleaned = super().clean()
        try:
            self.filters = logbook.parse(self.data, self._names)
        except FilterRefused as error:
            for name, reason in error.wrong.items():
                sentence = f"{reason[:1].upper()}{reason[1:]}."
                self.add_error(name if name in self.fields else None, sentence if name in self.fields else f"“{name}” {reason}.")
        return cleaned
