"""The peer of the database: SQLite by itself through apsw, with a table for each index.

Its rows are ready before the time runs: a document's id and text, and the two keys of its indexes.
"""

from __future__ import annotations

import secrets
from collections.abc import Generator, Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import NamedTuple

import orjson

from benchmarks.application import order
from benchmarks.product import customers_of
from confect_core.values import key_of
from confect_server.store.sqlite_connection import Connection, connect, keep_log

_TABLES = (
    "CREATE TABLE documents (id BLOB PRIMARY KEY, value BLOB)",
    "CREATE TABLE by_customer (key BLOB, id BLOB, PRIMARY KEY (key, id)) WITHOUT ROWID",
    "CREATE TABLE by_number (key BLOB, id BLOB, PRIMARY KEY (key, id)) WITHOUT ROWID",
)
_PUT_DOCUMENT = "INSERT INTO documents VALUES (?, ?)"
_PUT_BY_CUSTOMER = "INSERT INTO by_customer VALUES (?, ?)"
_PUT_BY_NUMBER = "INSERT INTO by_number VALUES (?, ?)"
_OF_CUSTOMER = """
SELECT value FROM by_customer AS i JOIN documents AS d ON d.id = i.id
WHERE i.key = ? ORDER BY i.id LIMIT ?
"""
_ORDERS_A_COMMIT = 500


class Row(NamedTuple):
    """An order as it is stored."""

    id: bytes
    value: bytes
    customer: bytes
    number: bytes


class RawSqlite:
    """Orders in SQLite, as durable as ours."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def insert(self, rows: Sequence[Row]) -> None:
        """Add orders, all in one commit."""
        connection = self._connection
        connection.execute("BEGIN IMMEDIATE")
        connection.executemany(_PUT_DOCUMENT, [(row.id, row.value) for row in rows])
        connection.executemany(_PUT_BY_CUSTOMER, [(row.customer, row.id) for row in rows])
        connection.executemany(_PUT_BY_NUMBER, [(row.number, row.id) for row in rows])
        connection.execute("COMMIT")

    def insert_document(self, row: Row) -> None:
        """Add one row to one table, in a commit of its own."""
        self._connection.execute(_PUT_DOCUMENT, (row.id, row.value))

    def of_customer(self, key: bytes, count: int) -> list[object]:
        """The first orders of a customer, decoded."""
        found = self._connection.execute(_OF_CUSTOMER, (key, count)).fetchall()
        return [orjson.loads(value) for (value,) in found if isinstance(value, bytes)]

    def stock(self, orders: int) -> None:
        """Add so many orders, ten for each customer."""
        numbers = iter(range(orders))
        for first in range(0, orders, _ORDERS_A_COMMIT):
            count = min(_ORDERS_A_COMMIT, orders - first)
            self.insert(rows(numbers, count, customers_of(orders)))


@contextmanager
def raw_sqlite(database: Path) -> Generator[RawSqlite]:
    """An empty database in this file."""
    with closing(connect(database)) as connection:
        keep_log(connection)
        for table in _TABLES:
            connection.execute(table)
        yield RawSqlite(connection)


def rows(numbers: Iterator[int], count: int, customers: int) -> list[Row]:
    """The next orders."""
    return [_row(order(next(numbers), customers)) for _ in range(count)]


def _row(fields: dict[str, object]) -> Row:
    value = orjson.dumps({**fields, "_id": secrets.token_hex(16), "_creationTime": 1.7e12})
    id = secrets.token_bytes(16)
    customer, number = fields["customer"], fields["number"]
    assert isinstance(customer, str)
    assert isinstance(number, int)
    return Row(id, value, key_of((customer,)), key_of((number,)))
