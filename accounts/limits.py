"""The numbers of this room, with their units and sources (SECURITY.md section 0, ACCEPTANCE S2, S3)."""

ANONYMOUS_SESSION_LIFE_SECONDS = 3600  # holds a reset key or a pending login, never a person
SESSION_LIFE_SECONDS = 24 * 3600  # S2.7
SESSION_TOUCH_MAX_SECONDS = 60  # DESIGN 2.2: at most one write per min(60 s, limit/10)
SESSIONS_PER_USER = 50  # SES-12
ENDED_SESSION_MEMORY_SECONDS = 24 * 3600  # how long a browser is told why its session ended

PENDING_LOGIN_SECONDS = 600  # LOG-09
PENDING_LOGIN_WRONG_ANSWERS = 5  # then it is over (SECURITY.md, section 0)
CODE_TYPED_MAX_CHARS = 64
CONFIRMED_SECONDS = 600  # DESIGN 3: the password need not be given again for so long
RESET_LINK_LIFE_SECONDS = 3600  # S3.7
EMAIL_LINK_LIFE_SECONDS = 24 * 3600  # RST-07

PASSWORD_MAX_CHARS = 1024  # code points after NFKC
PASSWORD_TYPED_MAX_CHARS = 4 * PASSWORD_MAX_CHARS  # before it: normalising takes time that grows with the square
PERSON_NAME_MAX_CHARS = 150
USERNAME_TYPED_MAX_CHARS = 150  # what a login looks at (LOG-10)
USERNAME_MAX_CHARS = 30
EMAIL_MAX_CHARS = 254  # RFC 5321, 4.5.3.1.3 less the angle brackets

FREE_FAILURES = 5  # per account (or per known browser of it) in FAILURE_WINDOW_SECONDS
FAILURE_WINDOW_SECONDS = 900
FIRST_WAIT_SECONDS = 30  # doubles with each further failure
LONGEST_WAIT_SECONDS = 900
FAILURES_IN_A_ROW = 100  # NIST SP 800-63B-4, 3.2.2
FAILURES_IN_A_ROW_KEEP_SECONDS = 90 * 86_400  # names nobody has are counted, too; the table must not grow for ever
ADDRESS_FAILURES = 50  # per address in FAILURE_WINDOW_SECONDS, over all accounts

MAILS_PER_ACCOUNT_AND_DAY = 5  # reset and confirmation mails
MAILS_PER_ADDRESS_AND_HOUR = 20
DAY_SECONDS, HOUR_SECONDS = 86_400, 3600

OUTBOX_LEASE_SECONDS = 60
OUTBOX_GIVE_UP_SECONDS = 48 * 3600
OUTBOX_KEEP_SECONDS = 30 * DAY_SECONDS
SWEEP_BATCH_ROWS = 5000
SESSION_SWEEP_BATCH_ROWS = 500  # each leaves a reason and an event: 5,000 would hold SQLite's lock for a second (F19)

SEAL_BATCH_ROWS = 1000
SEAL_STRETCH_IDS = 5000  # a round looks at so many of the newest events, and at so many others in turns
SEAL_LATE_SECONDS = 600  # an event without a seal for longer is a finding
STATE_GRACE_SECONDS = 120  # what the worker tidies may stand so long past its time; its tasks come round every minute at the latest
STATE_CHECK_SECONDS = DAY_SECONDS  # how often the worker looks at the state by itself
STATE_CHECK_KEEP_SECONDS = 90 * DAY_SECONDS
READ_BATCH_ROWS = 5000
MAIL_LATE_SECONDS = 900  # a mail that nobody takes up for so long is a finding

EXPORTS_PER_PERSON_AND_HOUR = 20  # of a security log
EXPORT_BATCH_ROWS = 1000

REASON_MIN_CHARS, REASON_MAX_CHARS = 10, 500  # of an act of support (ADM-04)
RESET_MAIL_PAUSE_SECONDS = 60  # a second click of support within it sends no second mail, which would kill the first one's link
STAFF_CODE_SECONDS = 12 * 3600  # how old the second factor of a session may be in the console (ADM-01)

DEVICE_COOKIE_SECONDS = 365 * DAY_SECONDS
DEVICE_COOKIE_USERS = 10
PAGE_ROWS = 25
