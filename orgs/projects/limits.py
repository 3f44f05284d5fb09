"""The numbers of this room, with their units (DX_PROTOCOL 5)."""

NAME_MAX_CHARS = 255
SUMMARY_MAX_CHARS = 500
DESCRIPTION_MAX_CHARS = 10_000
PUBLIC_ID_MAX_CHARS = 32

TAG_MAX_CHARS = 128
TAGS_PER_PROJECT = 100
PROPERTY_KEY_MAX_CHARS = 128
PROPERTY_VALUE_MAX_CHARS = 700
PROPERTIES_PER_PROJECT = 100

FOLDER_NAME_MAX_CHARS = 255
PATH_MAX_CHARS = 512  # four bytes each at most: an index entry of PostgreSQL holds some 2,700
FOLDERS_PER_PROJECT = 10_000  # a description lists all of them at once

MADE_PER_HOUR = 100  # projects, by one person
INVITED_PER_HOUR = 200  # members, by one person: an invitation is a mail to somebody else
HOUR_SECONDS = 3600
DAY_SECONDS = 86_400

PAGE_ROWS = 25
FIND_DEFAULT_ROWS, FIND_MAX_ROWS = 100, 1000  # DX_PROTOCOL 5.2
GLOB_MAX_CHARS = 300

REGION = "local:gatehouse"  # there is one; the client prints it, and asks for it before it copies
