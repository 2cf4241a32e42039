"""The environment variables of a project: on its server if one runs, else in its database."""

from __future__ import annotations

import os
from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import NamedTuple, Protocol, cast

import anyio
import httpx2

from confect_codegen.errors import NoServer, NotChanged, ServerUnreachable
from confect_codegen.running import ProjectState
from confect_server.engine import Database
from confect_server.runtime.clock import SystemClock
from confect_server.runtime.environment import RunningEnvironment
from confect_server.store import SqliteStore
from confect_server.transport.http.environment import LIST, UPDATE

_TIMEOUT_S = 60.0


class Listed(NamedTuple):
    """What is stored, and which of it people are not shown unless they ask."""

    values: dict[str, str]
    secrets: frozenset[str]


class StoredVariables(Protocol):
    """Where the variables are."""

    def list(self) -> Listed:
        """All that are stored."""
        ...

    def change(self, changes: Mapping[str, str | None]) -> None:
        """Set some, or remove them where None is given: all or none."""
        ...


def variables_of(state: ProjectState, database: Path | None, url: str | None) -> StoredVariables:
    """Where the variables of a project are, unless a file or a server is named."""
    if database is not None:
        return InDatabase(database)
    try:
        return OnServer(url or state.address(), state.admin_key())
    except NoServer:
        return InDatabase(state.database)


class OnServer:
    """Variables that a running server looks after: it refuses what its application cannot take."""

    def __init__(self, url: str, admin_key: str) -> None:
        self._url = url
        self._headers = {"Authorization": f"Convex {admin_key}"}

    def list(self) -> Listed:
        answer = self._ask("GET", LIST, None).json()
        values = cast("dict[str, str]", answer["environmentVariables"])
        return Listed(values, frozenset(cast("list[str]", answer["secrets"])))

    def change(self, changes: Mapping[str, str | None]) -> None:
        each = [{"name": name, "value": value} for name, value in changes.items()]
        self._ask("POST", UPDATE, {"changes": each})

    def _ask(self, method: str, path: str, body: object) -> httpx2.Response:
        try:
            answer = httpx2.request(
                method, self._url + path, json=body, headers=self._headers, timeout=_TIMEOUT_S
            )
        except httpx2.TransportError as error:
            raise ServerUnreachable(self._url, str(error)) from None
        if not answer.is_success:
            raise NotChanged(answer.json()["message"])
        return answer


class InDatabase:
    """Variables in a database file; nobody knows here what the application declares."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def list(self) -> Listed:
        if not self._path.exists():
            return Listed({}, frozenset())
        stored = anyio.run(self._stored)
        return Listed(stored, frozenset(stored))

    def change(self, changes: Mapping[str, str | None]) -> None:
        self._path.parent.mkdir(parents=True, exist_ok=True)
        anyio.run(self._change, changes)

    async def _stored(self) -> dict[str, str]:
        async with self._opened() as environment:
            return await environment.stored()

    async def _change(self, changes: Mapping[str, str | None]) -> None:
        async with self._opened() as environment:
            await environment.change(changes)

    @asynccontextmanager
    async def _opened(self) -> AsyncGenerator[RunningEnvironment]:
        clock = SystemClock()
        async with Database.open(SqliteStore(self._path), clock, os.urandom) as database:
            yield RunningEnvironment(database, clock, os.urandom)
