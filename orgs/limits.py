"""The numbers of this room, with their units and sources (DESIGN 3, ACCEPTANCE S7, SECURITY ORG and ADM)."""

HANDLE_MAX_CHARS = 30
NAME_MAX_CHARS = 150
EMAIL_MAX_CHARS = 254  # RFC 5321, 4.5.3.1.3 less the angle brackets
AUTO_LOGOUT_LEAST_MINUTES, AUTO_LOGOUT_MOST_MINUTES = 1, 24 * 60  # S2.3
GRACE_DEFAULT_DAYS, GRACE_MOST_DAYS = 14, 90
TOKEN_LIFE_MOST_DAYS = 365
RESET_WAIT_MOST_HOURS = 24  # ADM-05: never under 1
INVITATION_LIFE_SECONDS = 7 * 86_400  # ORG-06
INVITED_PER_HOUR = 100  # by one person, over all organizations
TOLD_PER_ADDRESS_AND_DAY = 3  # mails to one address from one organization
CHANGES_PER_HOUR = 1000  # of levels, by one person, over all organizations; in a call for several members each counts
LEVEL_MAILS_PER_DAY = 3  # to one person from one organization
POLICIES_PER_HOUR = 60  # sets of policies, by one person
PREVIEWS_PER_PERSON_AND_MINUTE, PREVIEWS_PER_ADDRESS_AND_MINUTE = 60, 300  # of whom policies would hit, over all doors (API-08)
JOIN_TRIES_PER_HOUR = 20  # to make an account with one invitation: each tells whether a username is free
INVITATION_KEEP_SECONDS = 30 * 86_400  # after its end; then the address of whoever was invited is forgotten
PENDING_MOST = 1000  # invitations of one organization that nobody has answered
MINUTE_SECONDS, HOUR_SECONDS, DAY_SECONDS = 60, 3600, 86_400
POLICY_STATEMENT_MS = 60_000  # what a statement of a policy may take on PostgreSQL, where others may take 10 s
SETTLING_SECONDS = 600  # how long after a change of policies or members logins that raced with it are looked for
REHEARSED_DAYS = 14  # N5: how far back a tally looks
STALE_TOKEN_DAYS = 60  # S7.3: unused for so long
LONG_AWAY_DAYS = 60
PAGE_ROWS = 25
