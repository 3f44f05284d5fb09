"""How the executor of a job is known: by the job's token, which may be retired, and which is told why where it is over."""

from django.utils import timezone
from rest_framework.request import Request

from accounts.models import User
from tokens.authentication import BearerAuthentication, known, note_use, refuse, text_in
from tokens.caller import Caller
from tokens.models import Token
from tokens.work import words
from tokens.work.errors import AuthorityEnded, WorkOver
from tokens.work.models import Job, JobState


class JobAuthentication(BearerAuthentication):
    """For heartbeats and the end of a job: a token that begins nothing new may still carry its job to the end (JOB-04), also while its
    owner has to set a second factor up.
    """

    def authenticate(self, request: Request) -> tuple[User, Caller] | None:
        """Return user and caller. Raises AuthorityEnded or WorkOver for the token of a job that is over, else what others raise."""
        header = request.META.get("HTTP_AUTHORIZATION")
        if header is None:
            return None
        token = known(text_in(header))
        now = timezone.now()
        if not token.lives_at(now):
            job = Job.objects.filter(token=token).first()
            if job is None:
                refuse(token, request._request, "rest")
            else:
                _require_unfinished(job, token)
        note_use(token, now, request._request)
        return token.user, Caller(token, request=request._request, door="rest")


def _require_unfinished(job: Job, token: Token) -> None:
    if job.state == JobState.DONE:
        raise WorkOver(work=job.public_id, state=str(job.state))
    if not job.is_running:
        raise AuthorityEnded(reason=f"{job.failure_reason}: {job.failure_message}")
    if not token.is_authority:
        raise AuthorityEnded(reason=f"AuthError: {words.auth_error('job', token.end_why or 'expired')}")
