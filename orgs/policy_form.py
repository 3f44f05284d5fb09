"""The policies of an organization as a form: shape and words; what a field leaves out is not said, and stays."""

from typing import Any
from urllib.parse import urlencode

from django import forms

from orgs import limits
from orgs.drafting import GRACE, RESET_WAIT, UNSAID, PolicyWishes, Tried
from orgs.errors import PolicyRefused
from orgs.models import Organization, Policy

OFF, REPORT, ON = "off", "report", "on"
ALLOWED = "allowed"
# Which field shows what is refused of a policy.
FIELD_OF = {
    Policy.AUTO_LOGOUT.value: "auto_logout_after", Policy.SECOND_FACTOR.value: "fa", GRACE: "grace",
    Policy.TOKEN_LIFE.value: "token_days", Policy.TOKENS.value: "tokens", RESET_WAIT: "reset_wait",
}  # fmt: skip
REPORT_FIELD_OF = {Policy.AUTO_LOGOUT.value: "report_auto_logout", Policy.TOKEN_LIFE.value: "report_token_days"}


def field_of(refused: PolicyRefused) -> str:
    """Return beside which field of the form the refusal of a policy stands."""
    policy = refused.field or ""
    real = FIELD_OF.get(policy, "")
    return REPORT_FIELD_OF.get(policy, real) if refused.report_only else real


def _number(label: str, least: int, most: int, unit: str, *, required: bool = False, place: str = "") -> forms.IntegerField:
    wrong = f"Enter a whole number from {least} to {most} ({unit})."
    words = dict.fromkeys(("required", "invalid", "min_value", "max_value"), wrong)
    attrs = {"class": "input input--num", "inputmode": "numeric", "autocomplete": "off"} | ({"placeholder": place} if place else {})
    return forms.IntegerField(
        label=label, required=required, min_value=least, max_value=most, error_messages=words, widget=forms.NumberInput(attrs=attrs)
    )


class PoliciesForm(forms.Form):
    """What an admin can set. `reviewed` is what the page has shown the hits of."""

    auto_logout_after = _number(Policy.AUTO_LOGOUT.label, limits.AUTO_LOGOUT_LEAST_MINUTES, limits.AUTO_LOGOUT_MOST_MINUTES, "minutes")
    report_auto_logout = _number("Report only, after", limits.AUTO_LOGOUT_LEAST_MINUTES, limits.AUTO_LOGOUT_MOST_MINUTES, "minutes")
    fa = forms.ChoiceField(
        label=Policy.SECOND_FACTOR.label, choices=[(OFF, "Optional"), (REPORT, "Report only"), (ON, "Required")], widget=forms.RadioSelect()
    )
    grace = _number("Grace period", 0, limits.GRACE_MOST_DAYS, "days", required=True)
    token_days = _number(Policy.TOKEN_LIFE.label, 1, limits.TOKEN_LIFE_MOST_DAYS, "days")
    report_token_days = _number("Report only, at most", 1, limits.TOKEN_LIFE_MOST_DAYS, "days")
    tokens = forms.ChoiceField(
        label=Policy.TOKENS.label, choices=[(ALLOWED, "Allowed"), (REPORT, "Report only"), (OFF, "Not allowed")], widget=forms.RadioSelect()
    )
    reset_wait = _number("Time to object to a reset", 1, limits.RESET_WAIT_MOST_HOURS, "hours")
    reviewed = forms.CharField(required=False, max_length=1000, widget=forms.HiddenInput())

    def __init__(self, *args: Any, org: Organization, tried: dict[Policy, int | None], **kwargs: Any) -> None:
        self.org, self.tried = org, tried
        super().__init__(*args, **{**kwargs, "initial": self._now()})
        if self.is_bound:
            # Programs may send one field alone; what is not sent stays as it is.
            left_out = {name: self.initial[name] for name, field in self.fields.items() if field.required and name not in self.data}
            self.data = {**{name: self.data[name] for name in self.data}, **left_out}

    @property
    def wishes(self) -> PolicyWishes:
        """The policies as they were filled in."""
        filled = {name: value for name, value in self.cleaned_data.items() if name in self.data}
        get = filled.get
        return PolicyWishes(
            auto_logout_after=get("auto_logout_after", UNSAID),
            require_second_factor=self.cleaned_data["fa"] == ON,
            grace_days=self.cleaned_data["grace"],
            longest_token_life=get("token_days", UNSAID),
            tokens_allowed=self.cleaned_data["tokens"] != OFF,
            reset_wait_hours=get("reset_wait", UNSAID),
            report_only=self._tried(filled),
        )

    @property
    def as_reviewed(self) -> str:
        """What stands in `reviewed` once somebody has seen whom these values hit; other policies meanwhile are other values."""
        said = self.cleaned_data if self.is_bound else self.initial
        values = {name: said.get(name) for name in PoliciesForm.base_fields if name != "reviewed"}
        words = sorted((name, "" if value is None else value) for name, value in values.items())
        return f"{self.org.policies_changed or ''}&{urlencode(words)}"

    def _now(self) -> dict[str, Any]:
        org, tried = self.org, self.tried
        second_factor = ON if org.second_factor_from else REPORT if Policy.SECOND_FACTOR in tried else OFF
        tokens = OFF if not org.tokens_allowed else REPORT if Policy.TOKENS in tried else ALLOWED
        return {
            "auto_logout_after": org.auto_logout_after_minutes, "report_auto_logout": tried.get(Policy.AUTO_LOGOUT), "fa": second_factor,
            "grace": org.second_factor_grace_days, "token_days": org.longest_token_life_days,
            "report_token_days": tried.get(Policy.TOKEN_LIFE), "tokens": tokens, "reset_wait": org.reset_wait_hours,
        }  # fmt: skip

    def _tried(self, filled: dict[str, Any]) -> Tried:
        wished: dict[Policy, int | bool | None] = {
            Policy.SECOND_FACTOR: self.cleaned_data["fa"] == REPORT, Policy.TOKENS: self.cleaned_data["tokens"] == REPORT,
        }  # fmt: skip
        for name, field in REPORT_FIELD_OF.items():
            # What stands there as before is no new wish: it goes by itself where the policy becomes as strict.
            if field in filled and filled[field] != self.tried.get(Policy(name)):
                wished[Policy(name)] = filled[field]
        return wished
