"""Shape and spelling of what people enter about tokens."""

from datetime import date, datetime, time, timedelta
from typing import Any

from django import forms
from django.utils import timezone
from django.utils.dateparse import parse_date

from tokens import expiry, limits

PRESET_DAYS = (7, 30, 90, 365)
DEFAULT_PRESET = "30"
_A_DATE = "date"


class NewTokenForm(forms.Form):
    """Label and expiry. Nothing chosen means one calendar month; a date means the end of that day, in UTC."""

    label = forms.CharField(
        label="Label",
        max_length=limits.LABEL_MAX_CHARS,
        help_text="What it is for, so that you recognise it later",
        error_messages={"required": "Give the token a label, so that you recognise it later."},
        widget=forms.TextInput(attrs={"autocomplete": "off", "spellcheck": "false"}),
    )
    expires = forms.CharField(label="Expiry", required=False, initial=DEFAULT_PRESET, widget=forms.RadioSelect())
    expires_on = forms.DateField(label="Expires on", required=False, widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d"))

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        now = timezone.now()
        choices = [(str(days), "1 year" if days == 365 else f"{days} days") for days in PRESET_DAYS]
        radios, on = self.fields["expires"].widget, self.fields["expires_on"].widget
        radios.choices = [*choices, (_A_DATE, "Date")]
        on.attrs |= {"min": now.date().isoformat(), "max": expiry.longest(now).date().isoformat()}

    def clean(self) -> dict[str, Any]:
        """Return label and `expires_at`, the moment that was chosen (None: the default)."""
        cleaned: dict[str, Any] = super().clean() or self.cleaned_data
        cleaned["expires_at"] = self._moment(cleaned.get("expires", ""), cleaned.get("expires_on"))
        return cleaned

    def _moment(self, choice: str, on: date | None) -> datetime | None:
        now = timezone.now()
        if choice in map(str, PRESET_DAYS):
            return now + timedelta(days=int(choice))
        if choice == _A_DATE:
            return self._end_of(on, now, field="expires_on") if "expires_on" not in self.errors else None
        # Scripts that fill in forms give a date here.
        return self._end_of(_parsed(choice), now, field="expires") if choice else None

    def _end_of(self, day: date | None, now: datetime, *, field: str) -> datetime | None:
        if day is None:
            self.add_error(field, "Choose a date, as 2030-12-31.")
            return None
        longest = expiry.longest(now)
        # On the last possible day its end would be too late by some hours.
        return longest if day == longest.date() else datetime.combine(day, time(23, 59, 59), tzinfo=now.tzinfo)


def _parsed(text: str) -> date | None:
    try:
        return parse_date(text)
    except ValueError:
        return None
