"""Shape and spelling of what people enter about projects. The acts decide."""

from typing import Any, cast

from django import forms

from accounts.forms import NO_SPELLING
from accounts.limits import USERNAME_TYPED_MAX_CHARS
from orgs.models import OrganizationQuerySet
from orgs.projects import limits
from orgs.projects.flows import Details
from orgs.projects.models import Level


def level_field(initial: Level = Level.VIEW) -> forms.TypedChoiceField:
    """Return the field for a level."""
    return forms.TypedChoiceField(
        label="Level", coerce=lambda name: Level[name], choices=[(name, name) for name in Level.names], initial=initial.name,
        error_messages={"invalid_choice": "Choose one of the levels."},
    )  # fmt: skip


class ProjectForm(forms.Form):
    """Name and summary of a project, and whether it holds PHI."""

    name = forms.CharField(
        label="Name", max_length=limits.NAME_MAX_CHARS, widget=forms.TextInput(attrs={"autocomplete": "off"}),
        error_messages={"required": "Give the project a name."},
    )  # fmt: skip
    summary = forms.CharField(
        label="Summary", required=False, max_length=limits.SUMMARY_MAX_CHARS, help_text="In a line or two, what it is for."
    )
    phi = forms.BooleanField(label="Holds protected health information (PHI)", required=False)

    def __init__(self, *args: Any, phi_stays: bool = False, **kwargs: Any) -> None:
        """`phi_stays`: the project has the mark, and there is no box to take it off."""
        super().__init__(*args, **kwargs)
        if phi_stays:
            del self.fields["phi"]

    @property
    def details(self) -> Details:
        """What was filled in."""
        filled = self.cleaned_data
        return Details(name=filled["name"], summary=filled["summary"], phi=filled.get("phi") or None)


class NewProjectForm(ProjectForm):
    """A new project, and whom it belongs to."""

    org = forms.ChoiceField(
        label="Belongs to", required=False, error_messages={"invalid_choice": "Choose yourself, or an organization of yours."},
        help_text="Whoever leaves the organization loses its projects.",
    )  # fmt: skip

    def __init__(self, *args: Any, orgs: OrganizationQuerySet, **kwargs: Any) -> None:
        """`orgs` are the organizations of the person; without any there is nothing to choose."""
        super().__init__(*args, **kwargs)
        choices = [(org.handle, org.name) for org in orgs]
        if choices:
            cast(forms.ChoiceField, self.fields["org"]).choices = [("", "Me"), *choices]
        else:
            del self.fields["org"]

    @property
    def org_handle(self) -> str | None:
        """The organization that was chosen."""
        return self.cleaned_data.get("org") or None


class InviteForm(forms.Form):
    """Whom to add, with which level."""

    user = forms.CharField(
        label="Username", max_length=USERNAME_TYPED_MAX_CHARS, error_messages={"required": "Enter the username of the person."},
        widget=forms.TextInput(attrs={"autocomplete": "off", **NO_SPELLING}),
        help_text="As in user-amy. It holds at once, and they are mailed.",
    )  # fmt: skip
    level = level_field()


class LevelForm(forms.Form):
    """Another level for a member."""

    level = level_field()
