"""State of this room: files with their parts, and what runs: transfers, jobs."""

from tokens.work.models.files import File, FileInProject, FileProperty, FileState, FileWord, Part, PartState, WordKind
from tokens.work.models.running import Job, JobState, Reason, Transfer, TransferKind, TransferState, Work

__all__ = [
    "File",
    "FileInProject",
    "FileProperty",
    "FileState",
    "FileWord",
    "Job",
    "JobState",
    "Part",
    "PartState",
    "Reason",
    "Transfer",
    "TransferKind",
    "TransferState",
    "WordKind",
    "Work",
]
