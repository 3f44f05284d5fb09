"""Whether work may begin, or go on: the locks and the questions that every act of this room shares (JOB-01, JOB-03, JOB-04)."""

from accounts.connections import release
from orgs.projects import access
from orgs.projects.access import HasAccess
from orgs.projects.models import Level, Project
from tokens.authentication import require_live
from tokens.caller import narrowed_by
from tokens.errors import TokenUnknown
from tokens.models import Token, TokenKind
from tokens.work import endings, words
from tokens.work.errors import AccessEnded, AuthorityEnded, JobNotFound, TransferNotFound
from tokens.work.models import Job, Transfer, TransferKind, TransferState, Work

NEEDED = {TransferKind.UPLOAD: Level.UPLOAD, TransferKind.DOWNLOAD: Level.VIEW}


def hold_live(token: Token) -> Token:
    """Lock the row of `token` until the transaction ends, and return it; raises a DeadToken unless it authenticates now.

    A revoke locks the same row: what begins under this lock is there before the revoke, which then ends it, or not at all.
    """
    row = _held(token)
    require_live(row)
    return row


def hold_for_own(token: Token) -> Token:
    """Lock and return the row of `token`, which may be retired: it finishes what it began. Raises a DeadToken where it is over."""
    row = _held(token)
    if not row.is_authority:
        require_live(row)
    return row


def _held(token: Token) -> Token:
    row = Token.objects.select_for_update(no_key=True, of=("self",)).select_related("user").get(pk=token.pk)
    if not row.user.is_active:
        raise TokenUnknown()
    return row


def require_goes_on(transfer: Transfer) -> None:
    """Return where `transfer`, read anew, may go on now: it was not ended, its token has authority, its person the project.

    Raises AuthorityEnded (in the words of its end), or AccessEnded, which is its end. No connection is kept for the next time.
    """
    try:
        row = Transfer.objects.select_related("token__user").get(pk=transfer.pk)
        if row.state == TransferState.FAILED:
            raise AuthorityEnded(reason=row.failure_message or words.over(row))
        require_authority(row.token, row)
        try:
            require_access(row, row.token)
        except AccessEnded as lost:
            endings.end_without_access(row, message=str(lost))
            raise
    finally:
        release()


def require_authority(token: Token, work: Work) -> None:
    """Return where `token` can still carry work; raises AuthorityEnded."""
    if not token.is_authority or not token.user.is_active:
        raise AuthorityEnded(reason=words.auth_error(work.noun, "expired" if token.is_over else token.end_why))


def require_access(work: Transfer | Job, token: Token) -> None:
    """Return where person and token still reach the project of `work` at the level that it needs, and its file stands there.

    Raises AccessEnded.
    """
    level = Level.CONTRIBUTE if isinstance(work, Job) else NEEDED[TransferKind(work.kind)]
    projects = narrowed_by(token, Project.objects.visible_to(token.user))
    if isinstance(work, Transfer):
        projects = projects.filter(files__file=work.file_id)  # it may have been removed from there
    if work.project_id is None or not projects.filter(pk=work.project_id).at_least(level).exists():
        raise AccessEnded(reason=words.access_lost(work.noun))


def require_may_end(caller: HasAccess, work: Transfer | Job) -> None:
    """Return where `caller` may end `work`: what runs on their own token; all of their own where nothing narrows them, and in projects
    where they have CONTRIBUTE; others' jobs where they administer the project. The token of a job ends its own alone (JOB-05).

    Raises JobNotFound, TransferNotFound, ProjectNotFound or LevelTooLow.
    """
    token, own = getattr(caller, "token", None), work.user_id == caller.user.pk
    if token is not None and work.token_id == token.pk:
        return
    if token is not None and token.kind == TokenKind.JOB:
        raise JobNotFound() if isinstance(work, Job) else TransferNotFound()
    if own and caller.controls_account:
        return
    project_id = work.project.public_id if work.project else ""
    access.find(caller, project_id, Level.CONTRIBUTE if own else Level.ADMINISTER)
