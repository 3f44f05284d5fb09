"""The clock doctor (S6.10): a phone whose clock is wrong makes codes that are right at another time.

At set-up the drift is named at once. At a login one wrong code always gets the same words; only the second one in a row of the same
drift lets the page say more, and nothing that is said or noted makes any code count (OTP-05).
"""

from accounts.errors import GatehouseError, StepRefused
from accounts.wording import counted
from twofactor import limits, totp, vault
from twofactor.errors import ClockIsWrong, CodesUnreadable, SetUpClockIsWrong, SetUpCodeWrong
from twofactor.models import Authenticator

MEMORY_STEPS = limits.DRIFT_MEMORY_SECONDS // limits.STEP_SECONDS
STEPS_PER_MINUTE = 60 // limits.STEP_SECONDS


def diagnose(device: Authenticator, code: str | None) -> StepRefused:
    """Return what a wrong `code` (None: it was none of an app) is refused with, and note it for the next one."""
    try:
        missed = _missed_step(device.key, code) if code else None
    except vault.Unreadable:
        return CodesUnreadable()
    now = totp.step_now()
    told = missed is not None and _is_second(device, missed, now)
    Authenticator.objects.filter(pk=device.pk).update(missed_step=missed, missed_at=None if missed is None else now)
    return ClockIsWrong(**_words(missed - now)) if told and missed is not None else StepRefused()


def diagnose_set_up(secret: bytes, code: str | None) -> GatehouseError:
    """Return what a wrong code of somebody who sets up is refused with."""
    missed = _missed_step(secret, code) if code else None
    return SetUpCodeWrong() if missed is None else SetUpClockIsWrong(**_words(missed - totp.step_now()))


def _missed_step(secret: bytes, code: str) -> int | None:
    now = totp.step_now()
    off = [step for step in totp.steps_of(secret, code, reach=limits.DRIFT_STEPS) if abs(step - now) > limits.WINDOW_STEPS]
    return off[0] if off else None


def _is_second(device: Authenticator, missed: int, now: int) -> bool:
    """Return whether the wrong code before was another one, lately, of the same drift: it can differ by one step at its edge."""
    if device.missed_step is None or device.missed_at is None:
        return False
    before = device.missed_step - device.missed_at
    return missed > device.missed_step and now - device.missed_at < MEMORY_STEPS and abs(missed - now - before) <= 1


def _words(drift_steps: int) -> dict[str, str]:
    minutes = counted(max(1, round(abs(drift_steps) / STEPS_PER_MINUTE)), "minute")
    return {"minutes": minutes, "age": "old" if drift_steps < 0 else "early", "drift": "slow" if drift_steps < 0 else "fast"}
