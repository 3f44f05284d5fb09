"""The numbers of this room, with their units and sources (DESIGN 3, SECURITY TOK and CLI)."""

LABEL_MAX_CHARS = 64  # code points after NFC (TOK-12)
PREFIX_SHOWN_CHARS = 8  # `ght_` and four more (TOK-12)

LONGEST_LIFE_MONTHS = 12  # DESIGN 3: longest one year
DEFAULT_LIFE_MONTHS = 1  # DESIGN 3: one calendar month
LOGIN_LIFE_SECONDS = 30 * 86_400  # DESIGN 3: a `cli` login

LIVE_PER_USER = 500  # TOK-13
MADE_PER_HOUR = 60  # TOK-13
HOUR_SECONDS = 3600

LAST_USED_SECONDS = 60  # last use is written at most once in this time (STYLE, walk 2)
EXPIRY_BATCH_ROWS = 500

REPEAT_MEMORY_SECONDS = 120  # CLI-04: the dx client sends a body again when an answer is lost
EPOCH_MS_MAX = 2**53  # CLI-06: the largest whole number that JSON carries exactly

PAGE_ROWS = 25
SEARCH_MAX_CHARS = 100
EVENTS_SHOWN = 25
ENDED_SHOWN_DAYS = 90
