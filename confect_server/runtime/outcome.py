"""What running a function gave: the records that the executor hands to every entry."""

from __future__ import annotations

import re
from typing import ClassVar, NamedTuple, TypeAlias

from confect_core.protocol import EncodedValue
from confect_core.protocol.record import record
from confect_server.circumstances import LookedAt
from confect_server.engine import ReadSet

_REQUEST_ID = re.compile(r"\[Request ID: ([0-9A-Za-z-]+)\] ")


@record
class Succeeded:
    """A function returned; its value is encoded once, for everybody it goes to."""

    value: EncodedValue
    log_lines: tuple[str, ...] = ()
    unavailable: ClassVar[None] = None

    @property
    def length(self) -> int:
        """How long it is, as it is told."""
        return len(self.value) + (sum(map(len, self.log_lines)) if self.log_lines else 0)


@record
class Failed:
    """A function failed, with a message for people and perhaps data for the program."""

    message: str
    error_data: EncodedValue | None = None
    log_lines: tuple[str, ...] = ()
    cause: Exception | None = None
    """What was raised, where `Failures` keep it; it holds on to all that was there."""
    unavailable: str | None = None
    """Why nothing has happened, if that was no fault of the function: it may be called again."""
    is_unsure: bool = False
    """Can nobody say whether the function has happened?"""

    @property
    def length(self) -> int:
        """How long it is, as it is told."""
        data = 0 if self.error_data is None else len(self.error_data)
        return len(self.message) + data + sum(map(len, self.log_lines))


RunOutcome: TypeAlias = Succeeded | Failed
"""How a run ended."""


@record
class QueryRun:
    """A query's outcome and the journal that its next run starts from."""

    outcome: RunOutcome
    journal: str | None = None


def is_same_outcome(one: RunOutcome, other: RunOutcome) -> bool:
    """Whether a caller could not tell the outcomes apart; the id of the request does not count."""
    if one is other:
        return True
    if isinstance(one, Failed) and isinstance(other, Failed):
        return (
            one.error_data == other.error_data
            and one.log_lines == other.log_lines
            and _without_request_id(one.message) == _without_request_id(other.message)
        )
    return one == other


class Digest(NamedTuple):
    """What stands for a long outcome where it is only compared.

    The hash is Python's own: keyed anew in each process, 64 bits, and remembered by the text, so
    that a result is hashed once for all the sockets that it goes to.
    """

    length: int
    hashed: int


def digest_of(outcome: RunOutcome) -> Digest:
    """Equal for outcomes that a caller could not tell apart."""
    if isinstance(outcome, Succeeded):
        return Digest(len(outcome.value), hash((outcome.value, outcome.log_lines)))
    told = (_without_request_id(outcome.message), outcome.error_data, outcome.log_lines)
    return Digest(0, hash(told))


def request_id_in(message: str) -> str | None:
    """The id by which a failure is known, in the log too."""
    match = _REQUEST_ID.match(message)
    return None if match is None else match[1]


def _without_request_id(message: str) -> str:
    match = _REQUEST_ID.match(message)
    return message if match is None else message[match.end() :]


@record
class QueryResult:
    """How a query ended, at which snapshot, what it read there, and what it depends on besides."""

    outcome: RunOutcome
    ts: int
    reads: ReadSet
    looked_at: LookedAt
    journal: str | None = None
    """Where its page ended; its next run on behalf of the same subscription starts from it."""
    is_out_of_retention: bool = False
    """Was it refused because its snapshot is no longer kept? At a newer one it has an answer."""


@record
class MutationResult:
    """How a mutation ended; with a commit timestamp if it was committed."""

    outcome: RunOutcome
    ts: int | None
