"""The words, times and controls that every page shares: `{% load gatehouse %}`."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

from django import template
from django.forms import BoundField, CheckboxInput, RadioSelect, Select
from django.utils import timezone
from django.utils.dateformat import format as format_date
from django.utils.html import format_html
from django.utils.safestring import SafeString

from accounts.wording import counted, spell_bytes, spell_moment

register = template.Library()

DATE_FORMAT = "j M Y"
MOMENT_FORMAT = "j M Y, H:i"
MINUTE_SECONDS = 60
HOUR_SECONDS = 3600
NEAR_DAYS = 30  # a past day further away is told by its date
SOON_DAYS = 7  # an end this near carries the amber mark

# 20 x 20, drawn with a line of 1.6 px (static/gatehouse.css, .icon).
ICON_PATHS: dict[str, str] = {
    "brand": "M3 17.5V9a7 7 0 0 1 14 0v8.5M3 11.5h14M7.7 2.6v14.9M12.3 2.6v14.9",
    "check": "M10 18a8 8 0 1 0 0-16 8 8 0 0 0 0 16ZM6.5 10.3l2.4 2.4 4.6-5.2",
    "clock": "M10 18a8 8 0 1 0 0-16 8 8 0 0 0 0 16ZM10 5.5V10l3 2",
    "close": "M5 5l10 10M15 5 5 15",
    "copy": "M7 7h9v9H7ZM4 12.5V4h8.5",
    "down": "m5 8 5 5 5-5",
    "folder": "M2.5 5h5l2 2.3h8v8.2h-15Z",
    "info": "M10 18a8 8 0 1 0 0-16 8 8 0 0 0 0 16ZM10 9v5M10 6.1v.1",
    "key": "M7 16.5a3.8 3.8 0 1 0 0-7.6 3.8 3.8 0 0 0 0 7.6ZM9.8 10 16.5 3.3M13.2 6.6l2.6 2.6",
    "lock": "M4.5 9h11v8h-11ZM7 9V6.5a3 3 0 0 1 6 0V9",
    "people": "M7.5 9.5a3 3 0 1 0 0-6 3 3 0 0 0 0 6ZM2 16.5c0-3 2.4-4.8 5.5-4.8s5.5 1.8 5.5 4.8"
    "M13.5 4a2.8 2.8 0 0 1 0 5.3M15.3 12c1.7.7 2.7 2.3 2.7 4.5",
    "phone": "M6 2.5h8v15H6ZM9 15h2",
    "plus": "M10 4v12M4 10h12",
    "screen": "M2.5 4h15v9.5h-15ZM7 17h6M10 13.5V17",
    "search": "M9 15A6 6 0 1 0 9 3a6 6 0 0 0 0 12ZM13.5 13.5 17 17",
    "terminal": "M3.5 4.5h13v11h-13ZM6.5 8.2 9 10.2l-2.5 2M10.8 12.4h2.7",
    "out": "M12 4H4v12h8M8.5 10H17M14 6.8 17 10l-3 3.2",
    "upload": "M10 13.5V3.5M6 7l4-3.7L14 7M3.5 13v3.5h13V13",
    "download": "M10 3.5v10M6 10l4 3.7L14 10M3.5 13.5v3h13v-3",
    "tick": "M4 10.5 8.2 15 16 6",
    "warn": "M10 3 18 17H2ZM10 8v4M10 14.6v.1",
}


@register.simple_tag
def icon(name: str) -> SafeString:
    """Return the line icon of that name as an inline svg, hidden from screen readers. KeyError: no such icon."""
    return format_html(
        '<svg class="icon" viewBox="0 0 20 20" aria-hidden="true" focusable="false"><path d="{}"/></svg>',
        ICON_PATHS[name],
    )


@register.filter
def when(moment: date | None) -> SafeString | str:
    """Return a moment as `24 Nov 2026, 07:41` in UTC inside a time element; a plain date without the hour."""
    if moment is None:
        return "never"
    if not isinstance(moment, datetime):
        return format_html('<time datetime="{}">{}</time>', moment.isoformat(), format_date(moment, DATE_FORMAT))
    moment = moment.astimezone(UTC)
    machine = moment.isoformat(timespec="seconds").replace("+00:00", "Z")
    return format_html('<time datetime="{}">{}</time>', machine, format_date(moment, MOMENT_FORMAT))


@register.filter
def when_text(moment: datetime | None) -> str:
    """Return a moment as `24 Nov 2026, 07:41 UTC`, without markup: for mails and attributes."""
    return "never" if moment is None else spell_moment(moment)


@register.filter
def day(moment: datetime | None) -> SafeString | str:
    """Return the day of a moment as `24 Nov 2026` in UTC inside a time element."""
    return when(None if moment is None else moment.astimezone(UTC).date())


@register.filter
def ago(moment: datetime | None) -> str:
    """Return how long ago something was, in words; days are counted by the calendar in UTC.

    `just now`, `4 minutes ago`, `today, 07:31`, `yesterday, 17:20`, `12 days ago`, `3 Sep 2026`; `never` for None. An age is
    never negative: what lies ahead was written by a clock that was wrong, and counts as now (F11).
    """
    return "never" if moment is None else _past(moment.astimezone(UTC), timezone.now().astimezone(UTC))


@register.filter
def from_now(moment: datetime) -> str:
    """Return when something is due, in words: `in 5 minutes`, `in 3 hours`, `tomorrow`, `in 68 days`; as `ago` where it is past."""
    now, moment = timezone.now().astimezone(UTC), moment.astimezone(UTC)
    return _past(moment, now) if moment <= now else _future(moment, now)


def _past(moment: datetime, now: datetime) -> str:
    seconds = int((now - moment).total_seconds())
    if seconds < MINUTE_SECONDS:
        return "just now"
    if seconds < HOUR_SECONDS:
        return f"{counted(seconds // MINUTE_SECONDS, 'minute')} ago"
    days = (now.date() - moment.date()).days
    if days <= 1:
        return f"{('today', 'yesterday')[days]}, {format_date(moment, 'H:i')}"
    return f"{days} days ago" if days <= NEAR_DAYS else format_date(moment, DATE_FORMAT)


def _future(moment: datetime, now: datetime) -> str:
    seconds = int((moment - now).total_seconds())
    if seconds < MINUTE_SECONDS:
        return "in less than a minute"
    if seconds < HOUR_SECONDS:
        return f"in {counted(seconds // MINUTE_SECONDS, 'minute')}"
    days = (moment.date() - now.date()).days
    if days == 0:
        return f"in {counted(seconds // HOUR_SECONDS, 'hour')}"
    return "tomorrow" if days == 1 else f"in {days} days"


@register.filter
def work_icon(noun: str) -> str:
    """Return the name of the icon for a kind of thing that runs: an upload, a download, anything else."""
    return noun if noun in ("upload", "download") else "terminal"


@register.filter
def bytes(count: int) -> str:
    """Return a number of bytes as people read it: `18.4 GB`."""
    return spell_bytes(count)


@register.filter
def days_ahead(days: str) -> datetime:
    """Return the moment that many days from now. ValueError: not a whole number."""
    return timezone.now() + timedelta(days=int(days))


@register.filter
def is_soon(moment: datetime | None) -> bool:
    """Return whether a moment lies less than SOON_DAYS ahead, or behind; False for None."""
    return moment is not None and moment - timezone.now() < timedelta(days=SOON_DAYS)


@register.filter
def control(field: BoundField) -> SafeString:
    """Return the widget of a bound field, dressed for the style sheet and tied to its help and error by ARIA.

    The ids are those of components/_field.html: `<id>_helptext`, `<id>_error`. What the form's own widget sets stays.
    """
    attributes = {"class": _css_class(field)}
    described_by = _described_by(field)
    if described_by:
        attributes["aria-describedby"] = described_by
    if field.errors:
        attributes["aria-invalid"] = "true"
    own = field.field.widget.attrs
    return field.as_widget(attrs={name: value for name, value in attributes.items() if name not in own})


def _css_class(field: BoundField) -> str:
    widget = field.field.widget
    if isinstance(widget, (CheckboxInput, RadioSelect)):
        return "box"
    if isinstance(widget, Select):
        return "select"
    return "input code-input" if field.name == "otp" else "input"


def _described_by(field: BoundField) -> str:
    parts = [("helptext", field.help_text), ("error", field.errors)]
    return " ".join(f"{field.auto_id}_{suffix}" for suffix, present in parts if present)
