"""The numbers of this room, with their units and sources (SECURITY.md section 0; RFC 6238)."""

from datetime import timedelta

STEP_SECONDS = 30  # RFC 6238, 4.1; what every app takes for granted
DIGITS = 6
SECRET_BYTES = 20  # RFC 4226, section 4: 160 bits
WINDOW_STEPS = 1  # RFC 6238, 5.2: the step of now, and one to either side for the way here
DRIFT_STEPS = 10  # how far a wrong clock is diagnosed; nothing so far off is accepted
DRIFT_MEMORY_SECONDS = 600  # two codes of the same drift within this let the page name it

SHOWN_LIFE_SECONDS = 900  # of a half-made set-up, and of new backup codes on the page

BACKUP_CODES = 10
BACKUP_CODE_CHARS = 12
CODE_TYPED_MAX_CHARS = 48  # with blanks and dashes; what is longer is no code
BACKUP_CODES_WARNED = 3  # so many left, and the page says so

# Wrong codes of one account, over all doors: so many in so long.
WRONG_CODES = ((5, timedelta(minutes=5)), (15, timedelta(hours=1)), (30, timedelta(days=1)))
WRONG_CODES_A_DAY = WRONG_CODES[-1][0]
SWEEP_AFTER = WRONG_CODES[-1][1]

RESETS_PER_STAFF_AND_HOUR = 20
RESETS_PER_PERSON_AND_DAY = 5  # each is mailed to the person
RESET_BATCH_ROWS = 100

REENCRYPT_BATCH_ROWS = 100  # locked for some milliseconds
