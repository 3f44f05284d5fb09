"""The numbers of this room, with their units and sources (DESIGN 3, SECURITY TOK and CLI)."""

LABEL_MAX_CHARS = 64  # code points after NFC (TOK-12)
PREFIX_SHOWN_CHARS = 8  # `ght_` and four more (TOK-12)

LONGEST_LIFE_MONTHS = 12  # DESIGN 3: longest one year
DEFAULT_LIFE_MONTHS = 1  # DESIGN 3: one calendar month
LOGIN_LIFE_SECONDS = 30 * 86_400  # DESIGN 3: a `cli` login

LIVE_PER_USER = 500  # TOK-13
MADE_PER_HOUR = 60  # TOK-13
JOBS_LIVE_PER_USER = 2_000  # the tokens of running jobs have counts of their own
JOBS_MADE_PER_HOUR = 3_000
HOUR_SECONDS = 3600

GENERATIONS_MOST = 5  # a token made by a token made by … : what ends with one is found one query a generation
SCOPE_PROJECTS_MOST = 100
OVERLAP_MAX_SECONDS = 24 * HOUR_SECONDS  # S4.10
OVERLAP_DEFAULT_SECONDS = HOUR_SECONDS
REMINDED_DAYS = (7, 1)  # S4.11
IDEMPOTENCY_SECONDS = 24 * HOUR_SECONDS  # TOK-13
IDEMPOTENCY_KEY_MAX_CHARS = 255

LAST_USED_SECONDS = 60  # last use is written at most once in this time (STYLE, walk 2)
EXPIRY_BATCH_ROWS = 500

REPEAT_MEMORY_SECONDS = 120  # CLI-04: the dx client sends a body again when an answer is lost

PAGE_ROWS = 25
SEARCH_MAX_CHARS = 100
EVENTS_SHOWN = 25
TOKENS_IN_CONSOLE, ENDED_IN_CONSOLE = 25, 5  # on the console's page of a person
TRIED_SHOWN_DAYS = 7  # how long the list tells of a dead token that was tried
TRY_NOTED_SECONDS = 10  # a try is noted at most once in this time for each token
TRY_RECORDED_SECONDS = 3600  # and in the security log once in this time for each token and address
PROJECTS_OFFERED = 50  # in the form of a new token, before somebody looks for others
ENDED_SHOWN_DAYS = 90
