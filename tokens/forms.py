"""Shape and spelling of what people enter about tokens."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from functools import cached_property
from typing import Any

from django import forms
from django.http import QueryDict
from django.utils import timezone
from django.utils.dateparse import parse_date

from accounts.forms import password_field
from accounts.models import User
from accounts.wording import counted
from orgs import policies
from orgs.projects.models import Level, Project
from tokens import expiry, limits
from tokens.rules import refusal_by
from tokens.scope import ALL, Scope

PRESET_DAYS = (7, 30, 90, 365)
DEFAULT_PRESET = "30"
_A_DATE = "date"
EVERYWHERE, SOME = "all", "some"
OVERLAPS = {0: "None: it ends at once", 3600: "1 hour", 6 * 3600: "6 hours", 24 * 3600: "24 hours"}


def label_field(help_text: str = "") -> forms.CharField:
    """Return the field for a token's label."""
    return forms.CharField(
        label="Label",
        max_length=limits.LABEL_MAX_CHARS,
        help_text=help_text,
        error_messages={"required": "Give the token a label, so that you recognise it later."},
        widget=forms.TextInput(attrs={"autocomplete": "off", "spellcheck": "false"}),
    )


class MaybeConfirmedForm(forms.Form):
    """A form that asks for the password only where it was not given in the last 10 minutes, and may be needed."""

    current_password = password_field("Your password", "current-password")

    def __init__(self, *args: Any, ask_password: bool, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if not ask_password:
            del self.fields["current_password"]
            return
        field = self.fields["current_password"]
        field.required, field.help_text = False, "Needed where the token reaches a project with PHI."


@dataclass(frozen=True)
class Offered:
    """A project that can be chosen, with what is chosen of it so far."""

    project: Project
    level_chosen: str

    @property
    def is_chosen(self) -> bool:
        """Whether it is in the scope."""
        return bool(self.level_chosen)

    @property
    def levels(self) -> list[str]:
        """The levels that a token can have there: up to one's own."""
        return [level.label for level in Level if level <= self.project.level]


class _NotAllowed(str):
    """The label of a preset that cannot be chosen."""

    __slots__ = ()


class _Presets(forms.RadioSelect):
    """Radio buttons of which some cannot be chosen."""

    def create_option(self, name: str, value: Any, label: Any, *args: Any, **kwargs: Any) -> dict[str, Any]:
        """Return the option, with `disabled` where its label says so."""
        option: dict[str, Any] = super().create_option(name, value, label, *args, **kwargs)
        if isinstance(label, _NotAllowed):
            option["attrs"]["disabled"] = True
        return option


class NewTokenForm(MaybeConfirmedForm):
    """Label, expiry, access. No expiry chosen means one calendar month; a date means the end of that day, in UTC."""

    label = label_field("Name the script or machine that will hold it.")
    expires = forms.CharField(label="Expiry", required=False, initial=DEFAULT_PRESET, widget=_Presets())
    expires_on = forms.DateField(label="Expires on", required=False, widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d"))
    access = forms.ChoiceField(
        label="Access", required=False, initial=EVERYWHERE, choices=[(EVERYWHERE, "All projects"), (SOME, "Chosen projects")]
    )
    find = forms.CharField(label="Find a project", required=False, max_length=limits.SEARCH_MAX_CHARS)
    field_order = ("label", "expires", "expires_on", "access", "find", "current_password")

    def __init__(self, *args: Any, user: User, sent: QueryDict, **kwargs: Any) -> None:
        """`sent` has what was ticked so far, also where the form is only drawn again to find more projects."""
        super().__init__(*args, **kwargs)
        self.user, self.picks = user, _picks(sent)
        self.rules, now = policies.token_rules_for(user), timezone.now()
        radios, on = self.fields["expires"].widget, self.fields["expires_on"].widget
        radios.choices = [*self._presets(), (_A_DATE, "Date")]
        self.fields["expires"].initial = self._default_preset()
        on.attrs |= {"min": now.date().isoformat(), "max": expiry.longest(now, self.rules).date().isoformat()}

    @property
    def allowance(self) -> str:
        """What an organization allows, as a sentence; empty where none says."""
        said = expiry.allowance(self.rules)
        return f"{said}." if said else ""

    @property
    def refusal(self) -> str:
        """Why no token can be made, as a sentence; empty where it can."""
        return refusal_by(self.rules)

    def _presets(self) -> list[tuple[str, str]]:
        """Return the presets; those that an organization does not allow cannot be chosen."""
        most = self.rules.days
        days = (most, *PRESET_DAYS) if most is not None and most < min(PRESET_DAYS) else PRESET_DAYS
        return [(str(one), _preset(one, allowed=most is None or one <= most)) for one in days]

    def _default_preset(self) -> str:
        most = self.rules.days or int(DEFAULT_PRESET)
        return str(max((one for one in PRESET_DAYS if one <= min(most, int(DEFAULT_PRESET))), default=most))

    @property
    def offered(self) -> list[Offered]:
        """The projects in the form, by name: those chosen, and the first that fit what was looked for."""
        chosen = Project.objects.visible_to(self.user).filter(public_id__in=self.picks)
        found = {project.public_id: project for project in (*chosen, *self._found[: limits.PROJECTS_OFFERED])}
        ordered = sorted(found.values(), key=lambda project: (project.name, project.public_id))
        return [Offered(project, self.picks.get(project.public_id, "")) for project in ordered]

    @property
    def offers_all(self) -> bool:
        """Whether every project of the person fits into the form, so that there is nothing to look for."""
        return not self._looked_for and len(self._found) <= limits.PROJECTS_OFFERED

    @property
    def reaches_phi(self) -> bool:
        """Whether a token of all projects reaches PHI now."""
        if self.offers_all:
            return any(project.phi for project in self._found)
        return Project.objects.visible_to(self.user).filter(phi=True).exists()

    @cached_property
    def _found(self) -> list[Project]:
        """What fits the search, and one more than is offered where there are more."""
        fitting = Project.objects.visible_to(self.user).named_like(self._looked_for)
        return list(fitting.by_name()[: limits.PROJECTS_OFFERED + 1])

    def clean(self) -> dict[str, Any]:
        """Return label, `expires_at` (the moment that was chosen; None: the default) and `reach`, the scope."""
        cleaned: dict[str, Any] = super().clean() or self.cleaned_data
        cleaned["expires_at"] = self._moment(cleaned.get("expires", ""), cleaned.get("expires_on"))
        cleaned["reach"] = self._reach(cleaned.get("access") or (SOME if self.picks else EVERYWHERE))
        return cleaned

    @property
    def _looked_for(self) -> str:
        typed = self.data.get("find", "") if self.is_bound else self.initial.get("find", "")
        return str(typed).replace("\x00", "").strip()[: limits.SEARCH_MAX_CHARS]

    def _reach(self, access: str) -> Scope:
        if access == EVERYWHERE:
            return ALL
        if not self.picks:
            self.add_error("access", "Choose at least one project, or all projects.")
        if len(self.picks) > limits.SCOPE_PROJECTS_MOST:
            self.add_error("access", f"Choose {limits.SCOPE_PROJECTS_MOST} projects at most, or all projects.")
        return Scope(None, {public_id: Level[level] for public_id, level in self.picks.items()})

    def _moment(self, choice: str, on: date | None) -> datetime | None:
        now = timezone.now()
        if choice in map(str, (*PRESET_DAYS, self.rules.days)):
            return now + timedelta(days=int(choice))
        if choice == _A_DATE:
            return self._end_of(on, now, field="expires_on") if "expires_on" not in self.errors else None
        # Scripts that fill in forms give a date here.
        return self._end_of(_parsed(choice), now, field="expires") if choice else None

    def _end_of(self, day: date | None, now: datetime, *, field: str) -> datetime | None:
        longest = expiry.longest(now, self.rules)
        if day is None:
            self.add_error(field, f"Choose a date, {longest.date()} at the latest, and write it like that.")
            return None
        # On the last possible day its end would be too late by some hours.
        return longest if day == longest.date() else datetime.combine(day, time(23, 59, 59), tzinfo=now.tzinfo)


class RenameTokenForm(forms.Form):
    """Another label."""

    label = label_field()


class RotateTokenForm(MaybeConfirmedForm):
    """How long the old text goes on beside the new one."""

    overlap = forms.TypedChoiceField(
        label="The old text goes on for",
        coerce=int,
        choices=list(OVERLAPS.items()),
        initial=limits.OVERLAP_DEFAULT_SECONDS,
        help_text="Time to hand the new text to what holds the old one. Work that runs goes on to its end in any case.",
    )


def _preset(days: int, *, allowed: bool) -> str:
    label = "1 year" if days == PRESET_DAYS[-1] else counted(days, "day")
    return label if allowed else _NotAllowed(label)


def _picks(sent: Mapping[str, Any] | QueryDict) -> dict[str, str]:
    """Return the projects that are ticked, each with its level; a level that is none counts as the lowest."""
    if not isinstance(sent, QueryDict):
        return {}
    ticked = [one for one in sent.getlist("project") if one.isascii() and one.isprintable()]
    levels = {public_id: sent.get(f"level-{public_id}", "") for public_id in ticked[: limits.SCOPE_PROJECTS_MOST + 1]}
    return {public_id: level if level in Level.names else Level.VIEW.name for public_id, level in levels.items()}


def _parsed(text: str) -> date | None:
    try:
        return parse_date(text)
    except ValueError:
        return None
