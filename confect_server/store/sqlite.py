"""A store in one SQLite file.

Every read is one statement that is read to its end at once, so that no read transaction stays open:
one that does keeps the write-ahead log from starting over, and every commit then pays for its
length. Reads run inline: a point read takes two microseconds, a thread hop fifty.
"""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Callable, Sequence
from contextlib import ExitStack, closing
from pathlib import Path
from typing import Any, cast

import anyio
import apsw

from confect_core.values import Interval
from confect_server.store.base import (
    Admission,
    Commit,
    Head,
    IndexedRevision,
    Located,
    LogEntry,
    Order,
    Revision,
)
from confect_server.store.errors import DatabaseBusy, ForeignDatabase, LogTrimmed
from confect_server.store.log_codec import decode_changes, encode_changes
from confect_server.store.sqlite_connection import (
    Cell,
    Connection,
    connect,
    do_not_wait,
    free_space_by_steps,
    keep_log,
    number,
    only_read,
)
from confect_server.store.sqlite_past import (
    PastReads,
    check_horizon,
    check_log,
    forget,
    forget_index,
    give_back,
    raise_horizon,
    trim_log,
)

_APPLICATION_ID = 0x436F6E66  # "Conf"
_FORMAT = 2

# Documents lie in the order in which they came, with a narrow index beside them: kept in the order
# of their random ids, a batch wrote a fifth more pages and a range took 40 % longer to read.
_TABLES = """
CREATE TABLE head (
    only_row INTEGER PRIMARY KEY CHECK (only_row = 1), ts INTEGER, incarnation TEXT,
    horizon INTEGER DEFAULT 0, log_start INTEGER DEFAULT 0,
    walked_ts INTEGER DEFAULT 0, walked_bytes INTEGER DEFAULT 0
);
CREATE TABLE documents (
    table_no INTEGER, id BLOB, ts INTEGER, value BLOB, UNIQUE (table_no, id, ts)
);
CREATE TABLE index_entries (
    index_no INTEGER, key BLOB, ts INTEGER, is_deleted INTEGER, table_no INTEGER, doc_id BLOB,
    PRIMARY KEY (index_no, key, ts)
) WITHOUT ROWID;
CREATE TABLE commit_log (ts INTEGER PRIMARY KEY, commit_id BLOB, changes BLOB);
"""

_GET = """
SELECT ts, value FROM documents WHERE table_no = ? AND id = ? AND ts <= ?
ORDER BY ts DESC LIMIT 1
"""

# SQLite takes the columns that are not grouped from the row with the largest ts.
_FOUND = """(
    SELECT key, table_no, doc_id, is_deleted, max(ts) FROM index_entries
    WHERE index_no = ?1 AND key >= ?2 AND key < ?3 AND ts <= ?4
    GROUP BY key HAVING is_deleted = 0 ORDER BY key {order} LIMIT ?5
) AS found"""
_LOCATE = f"SELECT key, table_no, doc_id FROM {_FOUND}"
_SCAN = f"""
SELECT found.key, found.table_no, found.doc_id, d.ts, d.value
FROM {_FOUND}
JOIN documents AS d ON d.rowid = (
    SELECT rowid FROM documents
    WHERE table_no = found.table_no AND id = found.doc_id AND ts <= ?4
    ORDER BY ts DESC LIMIT 1
)
ORDER BY found.key {{order}}
"""
_SCANS = {"asc": _SCAN.format(order="ASC"), "desc": _SCAN.format(order="DESC")}
_LOCATES = {"asc": _LOCATE.format(order="ASC"), "desc": _LOCATE.format(order="DESC")}
_LAST_KEY = b"\xff"
"""After every key: a key begins with the tag of a value, and no tag is that high."""

_BUSY_RETRY_S = 0.001

# as its class is called, a named tuple takes twice as long
_revision: Callable[..., Any] = tuple.__new__  # pyright: ignore[reportUnknownMemberType, reportUnknownVariableType]  # a generic class

_HEAD = "SELECT ts, incarnation, horizon, log_start FROM head"
_LOG = "SELECT ts, changes FROM commit_log WHERE ts > ? ORDER BY ts"
_TS_OF = "SELECT ts FROM commit_log WHERE ts > ? AND commit_id = ?"
_PUT_DOCUMENT = "INSERT INTO documents VALUES (?, ?, ?, ?)"
_PUT_INDEX_ROW = "INSERT INTO index_entries VALUES (?, ?, ?, ?, ?, ?)"
_PUT_LOG = "INSERT INTO commit_log VALUES (?, ?, ?)"


class SqliteStore:
    """The store in a file; several processes may share the file, each with a store of its own."""

    def __init__(self, path: Path, *, busy_timeout_s: float = 10.0) -> None:
        self.path = path
        self._busy_timeout_s = busy_timeout_s
        self._opened: tuple[Connection, Connection, PastReads] | None = None
        self._lock = asyncio.Lock()  # SQLite's lock is between connections, and one writes here

    async def open(self) -> None:
        """Open the file, creating it and the folders above it if they are not there."""
        with ExitStack() as opening:
            try:
                self.path.parent.mkdir(parents=True, exist_ok=True)
                if not self.path.exists():  # only its owner may look into it, and into its log
                    self.path.touch(mode=0o600)
                writer = opening.enter_context(closing(connect(self.path)))
                do_not_wait(writer)
                await self._patiently(lambda: self._make_ready(writer))
                reader = opening.enter_context(closing(connect(self.path)))
                keep_log(reader)
            except (apsw.NotADBError, apsw.CantOpenError, apsw.ReadOnlyError, OSError) as error:
                raise ForeignDatabase(str(self.path), str(error)) from None
            opening.pop_all()
            self._opened = writer, reader, PastReads(reader)

    async def open_to_read(self) -> None:
        """Open a file that is there, and change nothing of it, whoever uses it meanwhile."""
        with ExitStack() as opening:
            try:
                reader = opening.enter_context(closing(connect(self.path)))
                only_read(reader)
                self._check(reader)
                if number(reader, "schema_version") == 0:
                    raise ForeignDatabase(str(self.path), "nothing was ever written to it")
            except (apsw.NotADBError, apsw.CantOpenError) as error:
                raise ForeignDatabase(str(self.path), str(error)) from None
            opening.pop_all()
            self._opened = reader, reader, PastReads(reader)

    async def close(self) -> None:
        """Close the connections; the write-ahead log is folded into the file."""
        if self._opened is not None:
            writer, reader, _ = self._opened
            writer.close()
            reader.close()
        self._opened = None

    async def head(self) -> Head:
        """The newest durable commit."""
        return _head(self._reader)

    async def get(self, table_no: int, id: bytes, ts: int) -> Revision | None:
        """The document as of `ts`, unless it did not exist."""
        _, reader, past = self._open
        found = _get(reader, table_no, id, ts)
        past.check(ts)
        return found

    async def scan(
        self, index_no: int, interval: Interval, ts: int, order: Order, limit: int
    ) -> list[IndexedRevision]:
        """The first documents of an interval as of `ts`, at most `limit` of them."""
        _, reader, past = self._open
        found = _scan(reader, index_no, interval, ts, order, limit)
        past.check(ts)
        return found

    async def locate(
        self, index_no: int, interval: Interval, ts: int, order: Order, limit: int
    ) -> list[Located]:
        """Where `scan` finds its documents."""
        _, reader, past = self._open
        bindings = _bindings(index_no, interval, ts, limit)
        found = cast("list[Located]", reader.execute(_LOCATES[order], bindings).fetchall())
        past.check(ts)
        return found

    async def log_after(self, ts: int) -> list[LogEntry]:
        """The commits after `ts`, in order; raises `LogTrimmed` if some are no longer there."""
        entries = _log_after(self._reader, ts)
        check_log(self._reader, ts)
        return entries

    async def admit(self) -> Admission:
        """Take SQLite's write lock."""
        writer = self._open[0]
        await self._lock.acquire()
        try:
            await self._patiently(lambda: writer.execute("BEGIN IMMEDIATE"))
            return _SqliteAdmission(writer, _head(writer), self._lock)
        except BaseException:
            if writer.in_transaction:
                writer.execute("ROLLBACK")
            self._lock.release()
            raise

    async def ts_of(self, commit_id: bytes, after: int = 0) -> int | None:
        """The timestamp of a commit after `after`, or None if it never happened."""
        row = self._reader.execute(_TS_OF, (after, commit_id)).fetchone()
        return None if row is None else cast("int", row[0])

    @property
    def _reader(self) -> Connection:
        return self._open[1]

    @property
    def _open(self) -> tuple[Connection, Connection, PastReads]:
        assert self._opened is not None, "the store is open while it is used"
        return self._opened

    def _make_ready(self, connection: Connection) -> None:
        self._check(connection)
        free_space_by_steps(connection)
        keep_log(connection)
        _create_if_new(connection)

    def _check(self, connection: Connection) -> None:
        """Refuse what is not ours, before anything of it is changed."""
        if number(connection, "schema_version") == 0:
            return
        if number(connection, "application_id") != _APPLICATION_ID:
            raise ForeignDatabase(str(self.path), "it is another program's SQLite file")
        if number(connection, "user_version") != _FORMAT:
            raise ForeignDatabase(str(self.path), "another version of confect wrote it")

    async def _patiently(self, step: Callable[[], object]) -> None:
        """Do a step once no other process is in its way; all else here goes on meanwhile."""
        if _is_done(step):
            return
        with anyio.move_on_after(self._busy_timeout_s):
            while True:
                await anyio.sleep(_BUSY_RETRY_S)
                if _is_done(step):
                    return
        raise DatabaseBusy(str(self.path), f"it did not let go for {self._busy_timeout_s} s")


class _SqliteAdmission:
    """The open write transaction."""

    def __init__(self, writer: Connection, head: Head, lock: asyncio.Lock) -> None:
        self._writer = writer
        self._lock = lock
        self._is_over = False
        self.head = head

    async def log_after(self, ts: int) -> list[LogEntry]:
        if ts < self.head.log_start:
            raise LogTrimmed(ts, self.head.log_start)
        return _log_after(self._writer, ts)

    async def append(self, commits: Sequence[Commit]) -> None:
        writer = self._writer
        writer.executemany(
            _PUT_DOCUMENT,
            [
                (table_no, id, commit.ts, value)
                for commit in commits
                for table_no, id, value in commit.documents
            ],
        )
        writer.executemany(
            _PUT_INDEX_ROW,
            [
                (index_no, key, commit.ts, is_deleted, table_no, id)
                for commit in commits
                for index_no, key, is_deleted, table_no, id in commit.index_rows
            ],
        )
        writer.executemany(
            _PUT_LOG,
            [(commit.ts, commit.commit_id, encode_changes(commit.changes)) for commit in commits],
        )
        writer.execute("UPDATE head SET ts = ?", (commits[-1].ts,))

    async def get(self, table_no: int, id: bytes, ts: int) -> Revision | None:
        check_horizon(ts, self.head.horizon)
        return _get(self._writer, table_no, id, ts)

    async def scan(
        self, index_no: int, interval: Interval, ts: int, order: Order, limit: int
    ) -> list[IndexedRevision]:
        check_horizon(ts, self.head.horizon)
        return _scan(self._writer, index_no, interval, ts, order, limit)

    async def raise_horizon(self, ts: int) -> None:
        raise_horizon(self._writer, ts)

    async def forget(self, limit: int) -> int:
        return forget(self._writer, self.head.horizon, limit)

    async def forget_index(self, index_no: int, limit: int) -> int:
        return forget_index(self._writer, index_no, limit)

    async def trim_log(self, ts: int, limit: int) -> int:
        return trim_log(self._writer, ts, limit)

    async def give_back(self, limit: int) -> int:
        return give_back(self._writer, limit)

    async def commit(self) -> None:
        try:
            self._writer.execute("COMMIT")
        finally:
            await self.abandon()

    async def abandon(self) -> None:
        if self._is_over:
            return
        self._is_over = True
        try:
            if self._writer.in_transaction:
                self._writer.execute("ROLLBACK")
        finally:
            self._lock.release()


def _create_if_new(connection: Connection) -> None:
    connection.execute("BEGIN IMMEDIATE")
    try:
        if number(connection, "schema_version") == 0:
            for statement in _TABLES.split(";"):
                connection.execute(statement)
            connection.execute(
                "INSERT INTO head (only_row, ts, incarnation) VALUES (1, 0, ?)",
                (secrets.token_hex(8),),
            )
            connection.execute(f"PRAGMA application_id = {_APPLICATION_ID}")
            connection.execute(f"PRAGMA user_version = {_FORMAT}")
        connection.execute("COMMIT")
    finally:
        if connection.in_transaction:
            connection.execute("ROLLBACK")


def _is_done(step: Callable[[], object]) -> bool:
    try:
        step()
    except apsw.BusyError:
        return False
    return True


def _head(connection: Connection) -> Head:
    return Head(*cast("tuple[int, str, int, int]", connection.execute(_HEAD).fetchone()))


def _log_after(connection: Connection, ts: int) -> list[LogEntry]:
    rows = cast("list[tuple[int, bytes]]", connection.execute(_LOG, (ts,)).fetchall())
    return [LogEntry(at, decode_changes(changes)) for at, changes in rows]


def _get(connection: Connection, table_no: int, id: bytes, ts: int) -> Revision | None:
    row = connection.execute(_GET, (table_no, id, ts)).fetchone()
    if row is None or row[1] is None:
        return None
    return Revision(*cast("tuple[int, bytes]", row))


def _scan(
    connection: Connection, index_no: int, interval: Interval, ts: int, order: Order, limit: int
) -> list[IndexedRevision]:
    rows = connection.execute(_SCANS[order], _bindings(index_no, interval, ts, limit)).fetchall()
    return [_revision(IndexedRevision, row) for row in rows]


def _bindings(index_no: int, interval: Interval, ts: int, limit: int) -> tuple[Cell, ...]:
    end = _LAST_KEY if interval.end is None else interval.end
    return index_no, interval.start, end, ts, limit
