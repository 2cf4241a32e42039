"""The past in a SQLite file: how far back it reaches, and how it is deleted.

Found by walking the commit log, which names every document and key that a commit replaced: a walk
costs by what there is to delete, not by what there is. How far it came is kept beside the head, so
that it goes on where it stopped, in whichever process.
"""

from __future__ import annotations

from typing import cast

from confect_server.store.base import KeyChange
from confect_server.store.errors import LogTrimmed, SnapshotForgotten
from confect_server.store.log_codec import decode_some
from confect_server.store.sqlite_connection import Connection, number

_BOUNDS = "SELECT horizon, log_start FROM head"
# Without the condition a sweep that finds nothing to do would write a page all the same.
_RAISE = """
UPDATE head SET horizon = newest.ts
FROM (SELECT ts FROM commit_log WHERE ts <= ? ORDER BY ts DESC LIMIT 1) AS newest
WHERE horizon < newest.ts
"""
_WALKED = "SELECT walked_ts, walked_bytes FROM head"
_SET_WALKED = "UPDATE head SET walked_ts = ?, walked_bytes = ?"
_TO_WALK = "SELECT ts, changes FROM commit_log WHERE ts > ? AND ts <= ? ORDER BY ts"
# The revision of a commit may stand for those that are appended with it: counts are written so.
_FORGET_REPLACED = """
DELETE FROM documents WHERE table_no = ?1 AND id = ?2 AND ts < (
    SELECT max(ts) FROM documents WHERE table_no = ?1 AND id = ?2 AND ts <= ?3
)
"""
_FORGET_DELETED = "DELETE FROM documents WHERE table_no = ? AND id = ? AND ts <= ?"
_FORGET_KEY = "DELETE FROM index_entries WHERE index_no = ? AND key = ? AND ts <= ?"
_FORGET_INDEX = """
DELETE FROM index_entries WHERE index_no = :index AND (key, ts) IN
(SELECT key, ts FROM index_entries WHERE index_no = :index LIMIT :limit)
RETURNING 1
"""
_TRIM = """
DELETE FROM commit_log WHERE ts IN (
    SELECT ts FROM commit_log WHERE ts <= min(?, (SELECT walked_ts FROM head)) ORDER BY ts LIMIT ?
) RETURNING ts
"""

_KEPT_FREE = 4
"""One page of so many may be free: what is replaced from now on needs them soon."""


class PastReads:
    """Makes sure that what a connection reads was not being deleted.

    A connection counts, for next to nothing, how often it saw the file change, so the horizon is
    read again only after somebody committed: asking for it with each read doubled its cost.
    """

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._version: int | None = None
        self._horizon = 0

    def check(self, ts: int) -> None:
        """Raise unless what was just read as of `ts` was all there."""
        if self._connection.data_version() != self._version:
            self._horizon, _ = _bounds(self._connection)
            self._version = self._connection.data_version()
        if ts < self._horizon:
            raise SnapshotForgotten(ts, self._horizon)


def check_horizon(ts: int, horizon: int) -> None:
    """Raise if a snapshot is before the horizon."""
    if ts < horizon:
        raise SnapshotForgotten(ts, horizon)


def check_log(connection: Connection, ts: int) -> None:
    """Raise unless the log, as it was read before, had every commit after `ts`."""
    _, log_start = _bounds(connection)
    if ts < log_start:
        raise LogTrimmed(ts, log_start)


def raise_horizon(connection: Connection, ts: int) -> None:
    """Let the newest commit up to `ts` be the oldest snapshot that can be read."""
    connection.execute(_RAISE, (ts,))


def forget(connection: Connection, horizon: int, limit: int) -> int:
    """Delete what at most `limit` changes up to the horizon replaced; how many there were."""
    walked_ts, at = cast("tuple[int, int]", connection.execute(_WALKED).fetchone())
    to_walk = connection.execute(_TO_WALK, (walked_ts, horizon))
    replaced: list[tuple[int, bytes, int]] = []
    deleted: list[tuple[int, bytes, int]] = []
    unkeyed: list[tuple[int, bytes, int]] = []
    count = 0
    while count < limit and (row := to_walk.fetchone()):
        ts, data = cast("tuple[int, bytes]", row)
        changes, at = decode_some(data, at, limit - count)
        count += max(1, len(changes))  # a commit without changes is looked at all the same
        for change in changes:
            _sort(change, ts, replaced, deleted, unkeyed)
        if at == len(data):
            walked_ts, at = ts, 0
    connection.executemany(_FORGET_REPLACED, replaced)
    connection.executemany(_FORGET_DELETED, deleted)
    connection.executemany(_FORGET_KEY, unkeyed)
    if count:
        connection.execute(_SET_WALKED, (walked_ts, at))
    return count


def forget_index(connection: Connection, index_no: int, limit: int) -> int:
    """Delete at most `limit` rows of an index, and give their number."""
    return len(connection.execute(_FORGET_INDEX, {"index": index_no, "limit": limit}).fetchall())


def trim_log(connection: Connection, ts: int, limit: int) -> int:
    """Delete at most `limit` of the commits up to `ts` that were walked, and give their number."""
    trimmed = cast("list[tuple[int]]", connection.execute(_TRIM, (ts, limit)).fetchall())
    if trimmed:
        connection.execute("UPDATE head SET log_start = ?", max(trimmed))
    return len(trimmed)


def give_back(connection: Connection, limit: int) -> int:
    """Cut at most `limit` pages off the file if a quarter of it is free, and give their number."""
    free = number(connection, "freelist_count")
    if free * _KEPT_FREE < number(connection, "page_count"):
        return 0
    connection.execute(f"PRAGMA incremental_vacuum({limit})").fetchall()
    return min(limit, free)


def _sort(
    change: KeyChange,
    ts: int,
    replaced: list[tuple[int, bytes, int]],
    deleted: list[tuple[int, bytes, int]],
    unkeyed: list[tuple[int, bytes, int]],
) -> None:
    """Note what a change lets go of.

    The number of a table stands for its index by id, so a key may be an id; as no table has the
    number of an index, what is no id finds no document, and what is one finds no row.
    """
    number, old, new = change
    if old is None:
        return
    if new is None:
        deleted.append((number, old, ts))
    elif new == old:
        replaced.append((number, old, ts))
    if new != old:
        unkeyed.append((number, old, ts))


def _bounds(connection: Connection) -> tuple[int, int]:
    return cast("tuple[int, int]", connection.execute(_BOUNDS).fetchone())
