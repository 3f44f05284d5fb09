"""The acts of this room: what a token's bearer, an executor, or a person at a page can do with files, transfers and jobs."""

from tokens.work.flows.arranging import clone, move, remove, rename, set_details, set_hidden, set_properties, set_tags
from tokens.work.flows.downloading import begin_download
from tokens.work.flows.ending import end_by_hand, end_downloads_due, find_own, give_up_uploads_due
from tokens.work.flows.jobs import Progress, Started, fail_vanished_due, finish, heartbeat, start, terminate
from tokens.work.flows.uploading import NewFile, Ticket, begin_part, close, create_file

__all__ = [
    "NewFile",
    "Progress",
    "Started",
    "Ticket",
    "begin_download",
    "begin_part",
    "clone",
    "close",
    "create_file",
    "end_by_hand",
    "end_downloads_due",
    "fail_vanished_due",
    "find_own",
    "finish",
    "give_up_uploads_due",
    "heartbeat",
    "move",
    "remove",
    "rename",
    "set_details",
    "set_hidden",
    "set_properties",
    "set_tags",
    "start",
    "terminate",
]
