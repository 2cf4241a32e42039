"""Environment variables: typed, in the database, and seen to change."""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from confect_core import ref
from confect_core.values import Value, loads
from confect_server import Environment
from confect_server.environment.errors import (
    BadVariableName,
    BadVariables,
    TooManyVariables,
    VariablesTooLong,
    VariableTooLong,
)
from confect_server.environment.stored import MAX_VALUE_BYTES, MAX_VARIABLES
from confect_server.runtime import CLIENT, Backend
from confect_server.runtime.outcome import Failed, RunOutcome, Succeeded
from confect_server.store import MemoryStore, SqliteStore, Store
from confect_server.testing import TestApp
from confect_server.transport import AdminKey, ConfectAsgi, serving
from tests.server.environment.shop import Env, Shop, shop
from tests.sync_socket import sync_socket

KEY = {"STRIPE_KEY": "sk"}


@dataclass
class Running:
    """The shop, and how often its queries ran."""

    backend: Backend
    runs: Counter[str]

    async def set(self, **changes: str | None) -> None:
        await self.backend.environment.change(changes)

    async def query(self, name: str) -> RunOutcome:
        return (await self.backend.queries.run(f"shop:{name}", {}, CLIENT)).outcome

    async def page_size(self) -> Value:
        return value_of(await self.query("page_size"))

    async def key(self) -> Value:
        return value_of((await self.backend.executor.run_mutation("shop:key", {}, CLIENT)).outcome)

    async def region(self) -> Value:
        return value_of(await self.backend.executor.run_action("shop:region", {}, CLIENT))


def value_of(outcome: RunOutcome) -> Value:
    assert isinstance(outcome, Succeeded), outcome
    return loads(outcome.value)


@asynccontextmanager
async def opened(
    process: Mapping[str, str] | None = None, store: Store | None = None
) -> AsyncGenerator[Running]:
    runs = Counter[str]()
    process = KEY if process is None else process
    async with Backend.open(shop(runs), store or MemoryStore(), process=process) as backend:
        yield Running(backend, runs)


async def test_what_is_stored_counts_before_the_process_and_that_before_a_default() -> None:
    async with opened({**KEY, "PAGE_SIZE": "30"}) as at:
        assert await at.page_size() == 30
        await at.set(PAGE_SIZE="40")
        assert await at.page_size() == 40
        await at.set(PAGE_SIZE=None)
        assert await at.page_size() == 30
    async with opened() as at:
        assert await at.page_size() == 20


async def test_every_kind_of_function_reads_settings() -> None:
    async with opened() as at:
        await at.set(AWS_REGION="eu", STRIPE_KEY="stored", PAGE_SIZE="3")
        assert (await at.page_size(), await at.key(), await at.region()) == (3, "stored", "eu")


async def test_an_empty_value_counts_as_none() -> None:
    async with opened({**KEY, "PAGE_SIZE": ""}) as at:
        assert await at.page_size() == 20
        await at.set(PAGE_SIZE="", STRIPE_KEY="")
        assert (await at.page_size(), await at.key()) == (20, "sk")
    with pytest.raises(BadVariables):
        async with opened({"STRIPE_KEY": ""}):
            raise AssertionError("it started")


async def test_only_a_change_runs_a_query_again() -> None:
    async with opened() as at:
        for _ in range(3):
            await at.page_size()
        assert at.runs["page_size"] == 1
        await at.set(PAGE_SIZE="7")
        assert await at.page_size() == 7
        assert at.runs["page_size"] == 2


async def test_a_subscribed_query_hears_of_a_change() -> None:
    async with opened() as at:
        app = ConfectAsgi(at.backend, AdminKey("secret"))
        async with (
            serving(app, "127.0.0.1", 0) as port,
            sync_socket(f"ws://127.0.0.1:{port}") as socket,
        ):
            await socket.add(0, "shop:page_size")
            assert (await socket.hear())["modifications"][0]["value"] == 20
            await at.set(PAGE_SIZE="8")
            assert (await socket.hear())["modifications"][0]["value"] == 8


async def test_everything_that_is_missing_or_wrong_is_told_at_once_and_no_value_with_it() -> None:
    with pytest.raises(BadVariables) as refused:
        async with opened({"PAGE_SIZE": "hunter2", "MODE": "hunter3"}):
            raise AssertionError("it started")
    assert [each.split(":")[0] for each in refused.value.problems] == [
        "STRIPE_KEY",
        "PAGE_SIZE",
        "MODE",
    ]
    assert refused.value.problems[0] == "STRIPE_KEY: is missing"
    assert "hunter" not in str(refused.value)


async def test_a_change_with_which_the_application_could_not_run_is_not_made() -> None:
    async with opened({}, await stored(KEY)) as at:
        changes: list[dict[str, str | None]] = [
            {"PAGE_SIZE": "many", "MODE": "live"},
            {"STRIPE_KEY": None, "MODE": "live"},
            {"STRIPE_KEY": "", "MODE": "live"},
        ]
        for each in changes:
            with pytest.raises(BadVariables):
                await at.set(**each)
        assert await at.backend.environment.stored() == KEY


async def stored(variables: Mapping[str, str]) -> MemoryStore:
    """A store that has these variables."""
    store = MemoryStore()
    async with opened(store=store) as at:
        await at.set(**variables)
    return store


async def test_variables_outlive_the_server(tmp_path: Path) -> None:
    async with opened(store=SqliteStore(tmp_path / "data.db")) as at:
        await at.set(PAGE_SIZE="9", STRIPE_KEY="stored")
    async with opened({}, SqliteStore(tmp_path / "data.db")) as at:
        assert (await at.page_size(), await at.key()) == (9, "stored")


async def test_the_next_version_is_refused_if_it_lacks_a_variable_and_taken_once_it_is_there() -> (
    None
):
    class More(Environment):
        webhook: str

    async with opened() as at:
        following = shop(at.runs, Env, More)
        with pytest.raises(BadVariables, match="WEBHOOK: is missing"):
            await at.backend.replace(following)
        assert await at.page_size() == 20
        await at.set(WEBHOOK="https://x")
        await at.backend.replace(following)
        with pytest.raises(BadVariables, match="WEBHOOK"):
            await at.set(WEBHOOK=None)


async def test_settings_that_the_application_does_not_declare_are_refused() -> None:
    async with opened() as at:
        failed = await at.query("undeclared")
        assert isinstance(failed, Failed)
        assert "does not declare the environment Other" in failed.message


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"": "x"}, BadVariableName),
        ({"9A": "x"}, BadVariableName),
        ({"A B": "x"}, BadVariableName),
        ({"A" * 257: "x"}, BadVariableName),
        ({"A": "ä" * (MAX_VALUE_BYTES // 2) + "x"}, VariableTooLong),
        ({f"A{n}": "x" for n in range(MAX_VARIABLES + 1)}, TooManyVariables),
        ({f"A{n}": "x" * MAX_VALUE_BYTES for n in range(64)}, VariablesTooLong),
    ],
    ids=["empty", "digit", "space", "long name", "long value", "many", "long all together"],
)
async def test_what_is_too_much_is_refused_as_a_whole(
    changes: dict[str, Any], error: type[Exception]
) -> None:
    async with opened() as at:
        with pytest.raises(error):
            await at.set(**changes)
        assert await at.backend.environment.stored() == {}
        largest = {"A" * 256: "ä" * (MAX_VALUE_BYTES // 2)}
        await at.set(**largest)
        assert await at.backend.environment.stored() == largest


async def test_a_tested_application_reads_the_environment_that_the_test_gives() -> None:
    page_size = ref("shop:page_size", Shop.page_size)
    with pytest.raises(BadVariables):
        async with TestApp(shop(Counter())):
            raise AssertionError("it started")
    async with TestApp(shop(Counter()), environment={**KEY, "PAGE_SIZE": "4"}) as t:
        assert await t.query(page_size) == 4
        await t.backend.environment.change({"PAGE_SIZE": "5"})
        assert await t.query(page_size) == 5
