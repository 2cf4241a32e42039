"""What a run may use and no more: an error for each limit, and the count of what is used.

::

    DatabaseError
    └── LimitExceeded      TooManyDocumentsRead, TooManyBytesRead, TooManyRangesRead,
                           TooManyDocumentsWritten, TooManyBytesWritten, NestedTooDeep,
                           TooManyFunctionsScheduled, TooManyFunctionsPending,
                           TooManyBytesScheduled,
                           ScheduledArgumentsTooLarge,
                           RanTooLong, ArgumentsTooLarge, ResultTooLarge
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import ClassVar

from confect_core.errors import DatabaseError
from confect_server.settings import Limits

UNLIMITED = Limits(
    documents_read=sys.maxsize,
    bytes_read=sys.maxsize,
    ranges_read=sys.maxsize,
    documents_written=sys.maxsize,
    bytes_written=sys.maxsize,
    nesting=sys.maxsize,
    functions_scheduled=sys.maxsize,
    functions_pending=sys.maxsize,
    bytes_scheduled=sys.maxsize,
    scheduled_arguments_bytes=sys.maxsize,
)
"""For the database's own transactions, whose size is that of the data."""


class LimitExceeded(DatabaseError):
    """A run would use more than its limit; one class for each limit."""

    setting: ClassVar[str]
    """The limit's name in `Limits` and in `[tool.confect.limits]`."""
    _what: ClassVar[str]
    _instead: ClassVar[str]

    def __init__(self, used: float, limit: float) -> None:
        super().__init__(
            f"{self._what.format(used=f'{used:,}')}; the limit {self.setting} is {limit:,}",
            hint=f"{self._instead}, or raise {self.setting} in [tool.confect.limits]",
        )
        self.used = used
        self.limit = limit


class TooManyDocumentsRead(LimitExceeded):
    """A run reads too many documents, those included that a filter leaves out."""

    setting = "documents_read"
    _what = "this run would have read {used} documents"
    _instead = "read a range of an index, take(), or a page"


class TooManyBytesRead(LimitExceeded):
    """The documents that a run reads are too large together."""

    setting = "bytes_read"
    _what = "this run would have read {used} bytes of documents"
    _instead = "read fewer documents, or keep what is large in documents of its own"


class TooManyRangesRead(LimitExceeded):
    """A run asks too often: each get and each query counts."""

    setting = "ranges_read"
    _what = "this run would have asked for {used} documents or ranges, one after another"
    _instead = "ask for a range of an index where each document is asked for"


class TooManyDocumentsWritten(LimitExceeded):
    """A run writes too often."""

    setting = "documents_written"
    _what = "this run would have made {used} writes"
    _instead = "write in several mutations"


class TooManyBytesWritten(LimitExceeded):
    """The documents that a run writes are too large together."""

    setting = "bytes_written"
    _what = "this run would have written {used} bytes of documents"
    _instead = "write in several mutations"


class TooManyFunctionsScheduled(LimitExceeded):
    """A run schedules too many functions."""

    setting = "functions_scheduled"
    _what = "this run would have scheduled {used} functions"
    _instead = "schedule one that schedules the others, some at a time"


class TooManyFunctionsPending(LimitExceeded):
    """So many scheduled functions wait already that no more are taken."""

    setting = "functions_pending"
    _what = "{used} scheduled functions wait to be run"
    _instead = "schedule fewer, or wait until some have run"


class TooManyBytesScheduled(LimitExceeded):
    """The arguments of what a run schedules are too large together."""

    setting = "bytes_scheduled"
    _what = "this run would have scheduled functions with {used} bytes of arguments"
    _instead = "store what is large, and pass its id"


class ScheduledArgumentsTooLarge(LimitExceeded):
    """The arguments of one scheduled function are too large."""

    setting = "scheduled_arguments_bytes"
    _what = "the arguments of a scheduled function have {used} bytes"
    _instead = "store what is large, and pass its id"


class NestedTooDeep(LimitExceeded):
    """A function calls one that calls one, and so on, too deep."""

    setting = "nesting"
    _what = "this call would have been {used} functions deep"
    _instead = "call an async def of your own; only its writes would not be undone alone"


class RanTooLong(LimitExceeded):
    """A query or a mutation took too long, waiting included."""

    setting = "run_time_s"
    _what = "this run took {used} seconds"
    _instead = "do what takes time in an action"


class ArgumentsTooLarge(LimitExceeded):
    """The arguments of a call are too large."""

    setting = "arguments_bytes"
    _what = "the arguments have {used} bytes"
    _instead = "send them in several calls"


class ResultTooLarge(LimitExceeded):
    """What a function answers is too large."""

    setting = "result_bytes"
    _what = "the result has {used} bytes"
    _instead = "answer in pages"


class Usage:
    """What a transaction has used; refuses what would be beyond a limit, and does not count that.

    What an undone part of it used stays counted, because the work was done.
    """

    documents_read = 0
    bytes_read = 0
    ranges_read = 0
    documents_written = 0
    bytes_written = 0
    functions_scheduled = 0
    bytes_scheduled = 0

    def __init__(self, limits: Limits) -> None:
        self.limits = limits

    def ask(self) -> None:
        """One more document or range is asked for."""
        if self.ranges_read >= self.limits.ranges_read:
            raise TooManyRangesRead(self.ranges_read + 1, self.limits.ranges_read)
        self.ranges_read += 1

    def read(self, size: int) -> None:
        """One more document is read."""
        if self.documents_read >= self.limits.documents_read:
            raise TooManyDocumentsRead(self.documents_read + 1, self.limits.documents_read)
        bytes_read = self.bytes_read + size
        if bytes_read > self.limits.bytes_read:
            raise TooManyBytesRead(bytes_read, self.limits.bytes_read)
        self.documents_read += 1
        self.bytes_read = bytes_read

    def read_all(self, sizes: Sequence[int]) -> None:
        """So many more documents are read, counted up to the one that is too much."""
        documents_read = self.documents_read + len(sizes)
        bytes_read = self.bytes_read + sum(sizes)
        limits = self.limits
        if documents_read > limits.documents_read or bytes_read > limits.bytes_read:
            for size in sizes:
                self.read(size)
        self.documents_read = documents_read
        self.bytes_read = bytes_read

    def write(self, size: int) -> None:
        """One more document is written."""
        if self.documents_written >= self.limits.documents_written:
            raise TooManyDocumentsWritten(self.documents_written + 1, self.limits.documents_written)
        bytes_written = self.bytes_written + size
        if bytes_written > self.limits.bytes_written:
            raise TooManyBytesWritten(bytes_written, self.limits.bytes_written)
        self.documents_written += 1
        self.bytes_written = bytes_written

    def schedule(self, size: int) -> None:
        """One more function is scheduled, with arguments of this length."""
        limits = self.limits
        if size > limits.scheduled_arguments_bytes:
            raise ScheduledArgumentsTooLarge(size, limits.scheduled_arguments_bytes)
        if self.functions_scheduled >= limits.functions_scheduled:
            raise TooManyFunctionsScheduled(
                self.functions_scheduled + 1, limits.functions_scheduled
            )
        bytes_scheduled = self.bytes_scheduled + size
        if bytes_scheduled > limits.bytes_scheduled:
            raise TooManyBytesScheduled(bytes_scheduled, limits.bytes_scheduled)
        self.functions_scheduled += 1
        self.bytes_scheduled = bytes_scheduled
