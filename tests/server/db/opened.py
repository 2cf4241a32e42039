"""An open database with tables, whose transactions a test writes as it goes."""

from __future__ import annotations

import random
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from itertools import count

import anyio
from pydantic import BaseModel

from confect_core import ABSENT, Absent, Id, Index, Int64, Table
from confect_server.db import Cursors, DatabaseReader, DatabaseWriter, DataModel, OpenTables, Paging
from confect_server.engine import Database
from confect_server.store import MemoryStore

EPOCH_NS = 1_767_225_600_000_000_000


class Clock:
    """Moves on by a millisecond whenever it is asked."""

    def __init__(self) -> None:
        self._ticks = count()

    def now_ns(self) -> int:
        return EPOCH_NS + next(self._ticks) * 1_000_000

    async def sleep(self, seconds: float, /) -> None:
        """By the loop's clock."""
        await anyio.sleep(seconds)


class Color(StrEnum):
    RED = "red"
    BLUE = "blue"


class Address(BaseModel):
    city: str
    zip: int | None = None


class User(Table, name="users"):
    name: str
    age: int
    nickname: str | None = None
    score: float | Absent | None = ABSENT
    home: Address | None = None
    color: Color = Color.RED
    big: Int64 = 0
    born: datetime = datetime(2000, 1, 1, tzinfo=UTC)

    by_name = Index("name")
    by_name_and_age = Index("name", "age")
    by_age = Index("age")
    by_nickname = Index("nickname")
    by_score = Index("score")
    by_city = Index("home.city", "home.zip")
    by_color = Index("color")
    by_big = Index("big")
    by_born = Index("born")


class Post(Table, name="posts"):
    text: str
    author: Id[User] | None = None
    by_author = Index("author")


class Undeclared(Table, name="undeclared"):
    text: str


MODEL = DataModel((User, Post))


@dataclass
class Opened:
    """The database, in which a test reads and writes."""

    database: Database
    tables: OpenTables

    @asynccontextmanager
    async def writing(self) -> AsyncGenerator[DatabaseWriter]:
        """A transaction, which commits in the end."""
        transaction = self.database.begin()
        yield DatabaseWriter(transaction, self.tables, self.paging())
        await self.database.commit(transaction)

    @property
    def db(self) -> DatabaseReader:
        """The newest snapshot."""
        return self.db_with()

    def db_with(self, journal: str | None = None, ts: int | None = None) -> DatabaseReader:
        """A snapshot, as a run that starts from a journal reads it."""
        transaction = self.database.begin(ts, is_read_only=True)
        return DatabaseReader(transaction, self.tables, self.paging(journal))

    def paging(self, journal: str | None = None) -> Paging:
        """What a run of a function knows of pages."""
        return Paging(Cursors(self.database.incarnation), journal)


@asynccontextmanager
async def opened(model: DataModel = MODEL) -> AsyncGenerator[Opened]:
    """A new database with the tables of a model."""
    randomness = random.Random(0)
    async with Database.open(MemoryStore(), Clock(), randomness.randbytes) as database:
        await database.declare(model.declared)
        yield Opened(database, OpenTables.of(model.tables, database.catalog))
