"""The peer of the server: the orders of `application.py` behind FastAPI, on SQLite.

Once as most such applications are written, with SQLAlchemy's asyncio on aiosqlite and a session for
each request, and once as fast as FastAPI gets without an ORM: one connection of sqlite3, used on
the loop, because a thread for each request takes longer than the statement. Both are as durable as
ours (WAL, synchronous=FULL), have the same fields and indexes, and are served by uvicorn on uvloop
and httptools without an access log.

Each runs in a process of its own, which is this module: `python -m benchmarks.fastapi_peer`.
"""

from __future__ import annotations

import socket
import sqlite3
import sys
from collections.abc import AsyncGenerator, Iterator
from contextlib import asynccontextmanager, closing
from pathlib import Path
from typing import Annotated, Any

import anyio
import uvicorn
from fastapi import Depends, FastAPI, HTTPException, Request
from pydantic import BaseModel, ConfigDict
from sqlalchemy import event, insert, select
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker, create_async_engine
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from benchmarks.application import order

_PRAGMAS = (
    "PRAGMA journal_mode = WAL",
    "PRAGMA synchronous = FULL",
    "PRAGMA busy_timeout = 30000",
)
_SCHEMA = """
CREATE TABLE orders (
    id INTEGER PRIMARY KEY, number INTEGER NOT NULL, customer TEXT NOT NULL, item TEXT NOT NULL,
    quantity INTEGER NOT NULL, price REAL NOT NULL, is_paid BOOLEAN NOT NULL, city TEXT NOT NULL,
    note TEXT NOT NULL
);
CREATE INDEX by_number ON orders (number);
CREATE INDEX by_customer ON orders (customer);
"""
_INSERT = """
INSERT INTO orders (number, customer, item, quantity, price, is_paid, city, note)
VALUES (:number, :customer, :item, :quantity, :price, :is_paid, :city, :note)
"""
_SELECT = "SELECT * FROM orders WHERE number = ? LIMIT 1"

_BACKLOG = 2048


class NewOrder(BaseModel):
    """What is placed."""

    number: int
    customer: str
    item: str
    quantity: int
    price: float
    is_paid: bool
    city: str
    note: str


class StoredOrder(NewOrder):
    """What is found."""

    model_config = ConfigDict(from_attributes=True)

    id: int


class Placed(BaseModel):
    """What a placed order is found by."""

    id: int


class _Base(DeclarativeBase):
    pass


class _Order(_Base):
    __tablename__ = "orders"

    id: Mapped[int] = mapped_column(primary_key=True)
    number: Mapped[int] = mapped_column(index=True)
    customer: Mapped[str] = mapped_column(index=True)
    item: Mapped[str]
    quantity: Mapped[int]
    price: Mapped[float]
    is_paid: Mapped[bool]
    city: Mapped[str]
    note: Mapped[str]


async def _session_of(request: Request) -> AsyncGenerator[AsyncSession]:
    sessions: async_sessionmaker[AsyncSession] = request.app.state.sessions
    async with sessions() as session:
        yield session


_Session = Annotated[AsyncSession, Depends(_session_of)]


def with_sqlalchemy(database: Path, orders: int, customers: int) -> FastAPI:
    """The application on SQLAlchemy and aiosqlite, with so many orders to begin with."""

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncGenerator[None]:
        engine = create_async_engine(f"sqlite+aiosqlite:///{database}")
        event.listen(engine.sync_engine, "connect", _configure)
        async with engine.begin() as connection:
            await connection.run_sync(_Base.metadata.create_all)
            if orders:
                await connection.execute(insert(_Order), [*_stock(orders, customers)])
        app.state.sessions = async_sessionmaker(engine, expire_on_commit=False)
        yield
        await engine.dispose()

    app = FastAPI(lifespan=lifespan)

    @app.post("/orders")
    async def place(new: NewOrder, session: _Session) -> Placed:
        placed = _Order(**new.model_dump())
        session.add(placed)
        await session.commit()
        return Placed(id=placed.id)

    @app.get("/orders/{number}")
    async def find(number: int, session: _Session) -> StoredOrder:
        found = await session.scalar(select(_Order).where(_Order.number == number).limit(1))
        if found is None:
            raise HTTPException(404)
        return StoredOrder.model_validate(found)

    return app


def with_sqlite3(database: Path, orders: int, customers: int) -> FastAPI:
    """The application on one connection of sqlite3, with so many orders to begin with."""
    connection = sqlite3.connect(database, isolation_level=None)
    connection.row_factory = sqlite3.Row

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncGenerator[None]:
        with closing(connection):
            _configure(connection)
            connection.executescript(_SCHEMA)
            connection.execute("BEGIN")
            connection.executemany(_INSERT, _stock(orders, customers))
            connection.execute("COMMIT")
            yield

    app = FastAPI(lifespan=lifespan)

    @app.post("/orders")
    async def place(new: NewOrder) -> Placed:
        placed = connection.execute(_INSERT, new.model_dump())
        assert placed.lastrowid is not None, "an insert has a row"
        return Placed(id=placed.lastrowid)

    @app.get("/orders/{number}")
    async def find(number: int) -> StoredOrder:
        found = connection.execute(_SELECT, (number,)).fetchone()
        if found is None:
            raise HTTPException(404)
        return StoredOrder(**found)

    return app


def _configure(connection: sqlite3.Connection, _: object = None) -> None:
    cursor = connection.cursor()
    for pragma in _PRAGMAS:
        cursor.execute(pragma)
    cursor.close()


def _stock(orders: int, customers: int) -> Iterator[dict[str, Any]]:
    return (order(number, customers) for number in range(orders))


async def _serve(app: FastAPI) -> None:
    with closing(socket.socket()) as listening:
        listening.bind(("127.0.0.1", 0))
        listening.listen(_BACKLOG)
        config = uvicorn.Config(app, http="httptools", access_log=False, log_level="warning")
        server = uvicorn.Server(config)
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(server.serve, [listening])
            while not server.started:  # noqa: ASYNC110  # uvicorn tells it in no other way
                await anyio.sleep(0.01)
            print(listening.getsockname()[1], flush=True)


_APPLICATIONS = {"sqlalchemy": with_sqlalchemy, "sqlite3": with_sqlite3}

if __name__ == "__main__":
    name, database, orders, customers = sys.argv[1:]
    app = _APPLICATIONS[name](Path(database), int(orders), int(customers))
    anyio.run(_serve, app, backend_options={"use_uvloop": True})
