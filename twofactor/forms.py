"""Forms of this room: shape and words. The acts decide."""

from django import forms

from accounts.forms import ChangePasswordForm, RevokeTokensField, SinceForm, code_field, password_field

APPS = (
    ("Aegis", "Aegis", "Android, open source"),
    ("1Password", "1Password, Bitwarden", "where your passwords are"),
    ("Google Authenticator", "Google Authenticator", "Android, iPhone"),
    ("Microsoft Authenticator", "Microsoft Authenticator", "Android, iPhone"),
    ("another app", "Another app", "any that reads time-based codes"),
)


class AppForm(forms.Form):
    """Which app the person has: the name that stands on their pages."""

    app = forms.ChoiceField(
        label="Your authenticator app", choices=[(value, words) for value, words, _ in APPS], widget=forms.RadioSelect,
        error_messages={"required": "Choose the app that you have, or another one", "invalid_choice": "Choose one of the list"},
    )  # fmt: skip


class PasswordForm(forms.Form):
    """The current password."""

    current_password = password_field("Current password", "current-password")


class CodeForm(forms.Form):
    """The first code of the app."""

    otp = code_field(autofocus=True, inputmode="numeric")

    def __init__(self, *args: object, **kwargs: object) -> None:
        super().__init__(*args, **kwargs)  # type: ignore[arg-type]
        self.fields["otp"].label = "6-digit code"


class FinishForm(forms.Form):
    """The end of the set-up."""

    saved = forms.BooleanField(
        label="I have saved these codes", error_messages={"required": "Print or download the codes, then tick this box"}
    )
    revoke_tokens = RevokeTokensField()


class TurnOffForm(PasswordForm):
    """Password, code, and whether tokens go."""

    otp = code_field()
    revoke_tokens = RevokeTokensField()


class CompromisedForm(SinceForm, ChangePasswordForm):
    """Since when one doubts, the current password, a new one, and whether two-factor authentication is set up anew."""

    renew_2fa = forms.BooleanField(label="Renew two-factor authentication", required=False, initial=True)

    def __init__(self, *args: object, **kwargs: object) -> None:
        super().__init__(*args, **kwargs)  # type: ignore[arg-type]
        del self.fields["revoke_tokens"]  # every token goes
        self.fields["since"].label, self.fields["since"].help_text = "Since when do you doubt?", "The report begins there."
        self.order_fields(["since", "moment", "current_password", "new_password1", "new_password2", "renew_2fa"])


class RenewCodesForm(PasswordForm):
    """Password and code."""

    otp = code_field()
