"""The numbers of this room, with their units and sources (DX_PROTOCOL 6, DESIGN 3, SECURITY JOB)."""

MIB = 1024 * 1024

# What the dx client is told before it uploads (DX_PROTOCOL 6.2)
MINIMUM_PART_BYTES = 5 * MIB  # but for the last part
MAXIMUM_PART_BYTES = 5 * 1024 * MIB
MAXIMUM_PARTS = 10_000
MAXIMUM_FILE_BYTES = 5_497_558_138_880  # 5 TiB
ATTEMPTS_PER_PART = 20  # a part may be sent again; each time is a row until it is swept

FILE_NAME_MAX_CHARS = 255
MEDIA_MAX_CHARS = 255
ANNOUNCED_MOST = 1_000  # parts of one file whose bytes have not come
FREE_LEAST_BYTES = 512 * 1024 * 1024  # on the disk of a local storage: the database may be on it, too
WORDS_PER_FILE = 100  # tags, and types
PROPERTIES_PER_FILE = 100
DETAILS_MAX_CHARS = 65_536  # as JSON
NONCE_MAX_CHARS = 128
NONCE_SECONDS = 24 * 3600  # DX_PROTOCOL 1.8
OPEN_FILES_PER_PERSON = 5_000  # files that are being uploaded
FILES_MADE_PER_HOUR = 100_000

READ_LEAST_BYTES, READ_MOST_BYTES = 64, 4096  # of an upload, at once: a read waits until all of it is there, and cannot be ended
READ_SECONDS = 0.25  # about how long one read may take: a slow sender is asked for less
PIECE_BYTES = 256 * 1024  # of an upload, handed to the storage at once
CHUNK_BYTES = 256 * 1024  # of a download, at once
CHECK_SECONDS = 0.5  # a running transfer looks at its token this often; once a second is the promise (JOB-03)

GRANT_SECONDS = 15 * 60  # JOB-06
DOWNLOAD_LIFE_SECONDS = 24 * 3600  # of the address of a download that is read again and again
DOWNLOAD_QUIET_SECONDS = 60  # without a byte, a download no longer counts as running; until its address dies it may go on
UPLOAD_IDLE_SECONDS = 24 * 3600  # without a byte, an upload is given up (SECURITY F03)
LEFTOVER_SECONDS = 15 * 60  # bytes that nothing names are thrown away after this
OWN_UPLOAD_SECONDS = 600  # how long a token that is over is told how its own upload ended (DX_PROTOCOL 6.7)

JOB_NAME_MAX_CHARS = 255
LEASE_SECONDS, LEASE_LEAST_SECONDS, LEASE_MOST_SECONDS = 60, 5, 3600
BEAT_SECONDS = 1.3  # how often an executor asks: what it runs is to be dead within 2 s of a revoke (S5.5)
HEARD_SECONDS, HEARD_PER_LEASE = 5, 4  # how often that it lives is written down, where it says nothing new; four times a lease at least
JOBS_PER_PERSON = 2_000  # that run
PROGRESS_NOTE_MAX_CHARS = 200
FAILURE_MESSAGE_MAX_CHARS = 2_000
REASON_MAX_CHARS = 64

SWEEP_ROWS = 500
FIND_DEFAULT_ROWS, FIND_MAX_ROWS = 100, 1000  # DX_PROTOCOL 5.2
LARGE_ROWS = 100  # of an answer that has parts or details of each
PAGE_ROWS = 25
RUNNING_SHOWN = 25
NAMES_SHOWN = 20
ENDED_IN_CONSOLE = 10  # on the console's page of a person
FAILED_SHOWN_DAYS, FAILED_SHOWN = 7, 5
RAN_SHOWN = 10  # on the page of a token
POLL_SECONDS = 3  # how often the home page asks again
