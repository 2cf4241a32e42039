"""A backend: an application on a database, which can be exchanged while it runs."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import anyio
import pytest

from confect_core import FunctionSpec, GroupSpec, Index, NoArgs, Table
from confect_core.protocol import EncodedValue
from confect_core.values.codec import UnresolvedType
from confect_server import (
    ActionCtx,
    Actions,
    DataModel,
    GroupImpl,
    Impl,
    Layers,
    QueryCtx,
    Service,
    Settings,
    impl,
    layers,
)
from confect_server.runtime import CLIENT, Backend
from confect_server.runtime.outcome import RunOutcome, Succeeded
from confect_server.store import MemoryStore


class Log(Service):
    def __init__(self, name: str, lines: list[str]) -> None:
        self.name = name
        self.lines = lines


class Item(Table, name="items"):
    text: str


class Sized(Table, name="sized"):
    size: int
    by_size = Index("size")


class Unfinished(Table, name="unfinished"):
    next: Later | None = None  # type: ignore[name-defined]  # noqa: F821  # pyright: ignore[reportUndefinedVariable]  # as meant


def version(name: str, lines: list[str], *tables: type[Table], breaks: bool = False) -> Impl[Any]:
    """An application that answers its name, and logs the opening and closing of its service."""

    class Things(GroupSpec):
        name_ = FunctionSpec.public_query(returns=str)

    @impl(Things.name_)
    async def name_(ctx: QueryCtx[Log], args: NoArgs) -> str:
        return Log.of(ctx).name

    async def open_log() -> AsyncIterator[Log]:
        if breaks:
            raise RuntimeError("no room")
        lines.append(f"open {name}")
        yield Log(name, lines)
        lines.append(f"close {name}")

    provided: Layers[Any] = layers().add(Log, open_log)
    return Impl(provided).provide(
        GroupImpl("things", Things, {"name": name_}, {}, DataModel(tables))
    )


async def name_of(backend: Backend) -> bytes:
    outcome = (await backend.executor.run_query("things:name", {}, CLIENT)).outcome
    assert isinstance(outcome, Succeeded)
    return outcome.value


async def test_services_live_as_long_as_the_backend() -> None:
    lines: list[str] = []
    async with Backend.open(version("one", lines), MemoryStore()) as backend:
        assert await name_of(backend) == b'"one"'
        assert lines == ["open one"]
    assert lines == ["open one", "close one"]


async def test_services_are_closed_when_what_uses_the_backend_fails() -> None:
    lines: list[str] = []
    with pytest.raises(ValueError, match="outside"):
        async with Backend.open(version("one", lines), MemoryStore()):
            raise ValueError("outside")
    assert lines == ["open one", "close one"]


async def test_another_version_takes_over_without_a_gap() -> None:
    lines: list[str] = []
    async with Backend.open(version("one", lines, Item), MemoryStore()) as backend:
        await backend.replace(version("two", lines, Item, Sized))
        assert lines == ["open one", "open two", "close one"]
        assert await name_of(backend) == b'"two"'
        assert {"items", "sized"} <= set(backend.executor.application.tables.by_name)
    assert lines[3:] == ["close two"]


@pytest.mark.parametrize("mistake", ["a service", "a table"])
async def test_a_version_that_cannot_start_changes_nothing(mistake: str) -> None:
    lines: list[str] = []
    async with Backend.open(version("one", lines), MemoryStore()) as backend:
        if mistake == "a service":
            with pytest.raises(RuntimeError, match="no room"):
                await backend.replace(version("two", lines, breaks=True))
        else:
            with pytest.raises(UnresolvedType):
                await backend.replace(version("two", lines, Unfinished))
        assert await name_of(backend) == b'"one"'
        assert lines == ["open one"]
    assert lines == ["open one", "close one"]


async def test_what_was_stored_is_there_when_the_backend_is_opened_again() -> None:
    store = MemoryStore()
    async with Backend.open(version("one", [], Item), store) as backend:
        number = backend.executor.application.tables.by_name["items"].number
    async with Backend.open(version("two", [], Sized, Item), store) as backend:
        tables = backend.executor.application.tables.by_name
        assert tables["items"].number == number
        assert tables["sized"].number != number
        assert list(tables["sized"].indexes) == ["by_creation_time", "by_size"]


class Pause(Service):
    def __init__(self) -> None:
        self.begun = anyio.Event()
        self.may_end = anyio.Event()
        self.is_open = True


def pausing(pause: Pause, lines: list[str], *, breaks: bool = False) -> Impl[Any]:
    """An application whose action waits in a service, and says whether that is still open."""

    class Things(GroupSpec):
        wait = FunctionSpec.public_action(returns=bool)

    @impl(Things.wait)
    async def wait(ctx: ActionCtx[Pause], args: NoArgs) -> bool:
        taken = Pause.of(ctx)
        taken.begun.set()
        await taken.may_end.wait()
        return taken.is_open

    async def open_pause() -> AsyncIterator[Pause]:
        async with anyio.create_task_group():  # which only the task that opened it may close
            yield pause
        pause.is_open = False
        lines.append("closed")
        if breaks:
            raise RuntimeError("it does not close")

    return Impl(layers().add(Pause, open_pause)).provide(
        GroupImpl("things", Things, {"wait": wait})
    )


async def test_services_of_a_replaced_version_stay_open_while_something_of_it_runs() -> None:
    pause, lines, answers = Pause(), list[str](), list[RunOutcome]()

    async def call() -> None:
        answers.append(await backend.executor.run_action("things:wait", {}, CLIENT))

    async with (
        Backend.open(pausing(pause, lines), MemoryStore()) as backend,
        anyio.create_task_group() as tasks,
    ):
        tasks.start_soon(call)
        await pause.begun.wait()
        await backend.replace(version("two", lines))
        assert lines == ["open two"]
        pause.may_end.set()
    assert answers == [Succeeded(EncodedValue(b"true"))]
    assert sorted(lines) == ["close two", "closed", "open two"]


async def test_services_of_a_replaced_version_are_closed_after_some_grace(
    caplog: pytest.LogCaptureFixture,
) -> None:
    pause, lines, settings = Pause(), list[str](), Settings(actions=Actions(grace_s=0.01))

    async def call() -> None:
        await backend.executor.run_action("things:wait", {}, CLIENT)

    async with (
        Backend.open(pausing(pause, lines), MemoryStore(), settings=settings) as backend,
        anyio.create_task_group() as tasks,
    ):
        tasks.start_soon(call)
        await pause.begun.wait()
        await backend.replace(version("two", lines))
        with anyio.fail_after(30):
            while pause.is_open:
                await anyio.lowlevel.checkpoint()
        pause.may_end.set()
    assert "1 functions still run 0.01 s after their version was replaced" in caplog.text


async def test_a_service_that_does_not_close_is_told_of() -> None:
    pause = Pause()
    with pytest.raises(RuntimeError, match="it does not close"):
        async with Backend.open(pausing(pause, [], breaks=True), MemoryStore()):
            pass
