"""Pause points: named places between two steps that must look like one to everybody else.

Nothing happens there in a running server. Tests hold execution there, let it go on, make it fail,
or kill the process, and so reach by choice what else only bad luck reaches.
"""

from __future__ import annotations

from enum import Enum
from typing import Protocol


class PausePoint(Enum):
    """A place that execution has reached."""

    COMMIT_ADMITTED = "the head lock is taken and nothing is written"
    COMMIT_APPENDED = "a batch is written and not yet durable"
    COMMIT_DURABLE = "a batch is durable and nobody here was told"
    COMMIT_PUBLISHED = "a batch is published and its callers are not answered"
    INDEX_BEGUN = "new indexes are written and nothing of what was there before is in them"
    INDEX_STEPPED = "a part of what was there before is in a new index"
    SCHEMA_CHECKED = "stored documents are as a new schema wants them and it is not in force"
    SCHEMA_WRITTEN = "a new schema is about to be committed, and nobody else commits"
    PUSH_WOKEN = "a socket is behind and has not looked up to what it will be answered"
    QUERY_RAN = "a query has run and what it read is not watched"
    PUSH_RAN = "all that was stale has run and the socket is not told"
    HORIZON_RAISED = "older snapshots are refused and nothing of them is deleted"
    PAST_DELETED = "some of the past is deleted and not yet for good"
    JOB_DUE = "a scheduled function is due and nobody has begun it"
    JOB_CLAIMED = "a scheduled action is said to run and does not yet"
    JOB_RAN = "a scheduled function has run and how it ended is not written"
    JOB_ENDED = "how a scheduled function ended is written and the next is not looked for"
    FILE_STORED = "the bytes of a file are durable and nothing says whose they are"
    ORPHAN_FOUND = "bytes that no file has are marked as deleted and not removed"
    FILE_REMOVED = "the bytes of a deleted file are gone and what led to them is there"
    LOG_LOST = "the log that would tell what happened is trimmed and nobody here was told"


class Pauses(Protocol):
    """What is told of each pause point that is reached, and may take its time or raise."""

    async def reached(self, point: PausePoint) -> None:
        """Execution goes on once this returns."""
        ...


class NoPauses:
    """Lets everything pass."""

    async def reached(self, point: PausePoint) -> None:
        """Return at once."""
