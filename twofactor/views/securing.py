"""“I may be compromised” (N7)."""

from typing import Any

from django.http import HttpResponse
from django.utils import timezone

from accounts import credentials
from accounts import flows as account_flows
from accounts.credentials import Casualties, Change
from accounts.models import EmailChange, Session
from accounts.reporting import report_page
from accounts.returning import to_login
from accounts.views.security import ConfirmedFlowView
from twofactor import flows
from twofactor.forms import CompromisedForm


class CompromisedView(ConfirmedFlowView):
    """/security/compromised/: shows what one act would change and end, by name, and does it."""

    form_class, template_name = CompromisedForm, "twofactor/compromised.html"

    def get_initial(self) -> dict[str, Any]:
        """Begin with a day, or with what the address says."""
        return {"since": self.request.GET.get("since", "day"), "renew_2fa": True}

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        """Add what would end, and a wish for another address."""
        now = timezone.now()
        sessions = Casualties("session", Session.objects.of(self.user).live(now).count(), verb="Ends")
        return super().get_context_data(
            sessions=sessions, casualties=credentials.casualties(self.user),
            pending=EmailChange.objects.alive(now).filter(user=self.user).first(), **kwargs,
        )  # fmt: skip

    def act(self, form: CompromisedForm) -> HttpResponse:
        """Secure the account; the person lands on the login page, which leads on to the report."""
        cleaned = form.cleaned_data
        flows.secure_account(
            user=self.user, new_password=cleaned["new_password1"], proof=self.proof(form), since=cleaned["from_when"],
            renew_2fa=cleaned["renew_2fa"], actor=self.actor,
        )  # fmt: skip
        account_flows.sign_out(store=self.store, actor=self.actor)
        return to_login(Change.SECURED, report_page(cleaned["from_when"]))
