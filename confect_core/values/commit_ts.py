"""`CommitTs`: an int64 field that becomes the timestamp of the commit that writes it.

`COMMIT_TS` is the largest int64, so a document that waits for its timestamp sorts after all that
are committed, which is where it is going to be. In a canonical document it is `PENDING_COMMIT_TS`,
a value of a class of its own, so that only fields that are declared so are ever replaced.
"""

from __future__ import annotations

from typing import Annotated, Any, Final, TypeAlias

from pydantic import GetCoreSchemaHandler
from pydantic_core import core_schema as cs

from confect_core.values.errors import UnsettledCommitTs
from confect_core.values.limits import INT64_MAX, INT64_MIN
from confect_core.values.value import BigInt, Value

_MARK = {"confect_int64": True, "confect_commit_ts": True}

COMMIT_TS: Final = INT64_MAX
"""What is written into a `CommitTs` field to have the commit's timestamp there."""


class PendingCommitTs(BigInt):
    """The value of a `CommitTs` field until its commit has a timestamp."""

    __slots__ = ()

    def __repr__(self) -> str:
        return "COMMIT_TS"


PENDING_COMMIT_TS: Final = PendingCommitTs(COMMIT_TS)
"""The only value of its class."""


class _CommitTsMarker:
    """Marks the schema of an `int` as an int64 in which `COMMIT_TS` has its meaning."""

    def __get_pydantic_core_schema__(
        self, source: type[Any], handler: GetCoreSchemaHandler
    ) -> cs.CoreSchema:
        return cs.int_schema(ge=INT64_MIN, le=INT64_MAX, strict=True, metadata=_MARK)


CommitTs: TypeAlias = Annotated[int, _CommitTsMarker()]
"""An `Int64` that a mutation may leave to its commit: `at: CommitTs = COMMIT_TS`.

The commit's timestamp is in nanoseconds, and two commits are in the order of their timestamps.
"""


def is_commit_ts(node: dict[str, Any]) -> bool:
    """Is this the core schema of a `CommitTs`?"""
    metadata: dict[str, Any] = node.get("metadata") or {}
    return "confect_commit_ts" in metadata


def pending_or_int64(value: int) -> BigInt:
    """A field's value as documents hold it."""
    return PENDING_COMMIT_TS if value == COMMIT_TS else BigInt(value)


def settled(value: int) -> int:
    """The same value, unless it is no timestamp yet."""
    if value == COMMIT_TS:
        raise UnsettledCommitTs
    return value


def is_pending(value: Value) -> bool:
    """Is a timestamp waited for anywhere in this value?"""
    if isinstance(value, dict):
        return any(map(is_pending, value.values()))
    if isinstance(value, list):
        return any(map(is_pending, value))
    return value is PENDING_COMMIT_TS


def stamped(value: Value, ts: int) -> Value:
    """The value with this timestamp wherever one is waited for."""
    if isinstance(value, dict):
        return {name: stamped(item, ts) for name, item in value.items()}
    if isinstance(value, list):
        return [stamped(item, ts) for item in value]
    return BigInt(ts) if value is PENDING_COMMIT_TS else value
