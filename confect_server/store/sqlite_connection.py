"""One connection to a SQLite file, as this store uses it.

apsw's stubs name types that type checkers find from Python 3.12 on only, so the little that is used
of it is written down here.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Protocol, TypeAlias, cast

import apsw

Cell: TypeAlias = int | str | bytes | None
"""What a column holds."""

_BUSY_TIMEOUT_MS = 10_000
_CHECKPOINT_PAGES = 1000
_PRAGMAS = ("journal_mode = WAL", "synchronous = FULL", f"wal_autocheckpoint = {_CHECKPOINT_PAGES}")


class Rows(Protocol):
    """The rows that a statement returns."""

    def fetchone(self) -> tuple[Cell, ...] | None: ...

    def fetchall(self) -> list[tuple[Cell, ...]]: ...


class Connection(Protocol):
    """What is used of `apsw.Connection`."""

    @property
    def in_transaction(self) -> bool: ...

    def execute(
        self, statement: str, bindings: Sequence[Cell] | Mapping[str, Cell] | None = None
    ) -> Rows: ...

    def executemany(self, statement: str, bindings: Iterable[Sequence[Cell]]) -> Rows: ...

    def data_version(self) -> int: ...

    def close(self) -> None: ...


def connect(path: Path) -> Connection:
    """A connection that waits for other processes."""
    opened = apsw.Connection(str(path))
    # else SQLite, with the statistics that apsw's has, compiles a statement anew for each value
    # that a range begins or ends with: of the 18 µs that a range of one document took, 12
    opened.config(apsw.SQLITE_DBCONFIG_ENABLE_QPSG, 1)
    opened.set_busy_timeout(_BUSY_TIMEOUT_MS)
    return cast("Connection", opened)


def only_read(connection: Connection) -> None:
    """Refuse from now on to change the file."""
    connection.execute("PRAGMA query_only = ON")


def keep_log(connection: Connection) -> None:
    """Let what is committed be durable, in a write-ahead log that readers do not wait for."""
    for pragma in _PRAGMAS:
        # one statement a call: apsw stops at the first that returns a row
        connection.execute(f"PRAGMA {pragma}").fetchall()


def free_space_by_steps(connection: Connection) -> None:
    """Let a file that is new be cut shorter later, without being written anew as a whole.

    A commit then writes one page in a hundred more.
    """
    connection.execute("PRAGMA auto_vacuum = INCREMENTAL").fetchall()


def do_not_wait(connection: Connection) -> None:
    """Let the connection say at once that another process is in its way."""
    connection.execute("PRAGMA busy_timeout = 0").fetchall()


def number(connection: Connection, pragma: str) -> int:
    """The value of a pragma that is a number."""
    row = connection.execute(f"PRAGMA {pragma}").fetchone()
    assert row is not None, "every pragma asked for here has a value"
    return cast("int", row[0])
