"""A test hears what functions say."""

from __future__ import annotations

import logging

import pytest

from confect_server import MutationCtx, QueryCtx
from tests.server.testing.test_app import opened_bank


async def test_lines_are_kept_of_functions_and_of_what_tests_run(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async def seed(ctx: MutationCtx) -> None:
        ctx.log.info("seeded %s", 1, by="ann")

    async def look(ctx: QueryCtx) -> None:
        ctx.log.debug("looked")

    async with opened_bank() as t:
        with caplog.at_level(logging.INFO, "confect.functions"):
            await t.run(seed)
            await t.read(look)
        assert [(line.function, line.getMessage(), line.fields) for line in t.logs] == [
            ("<seed>", "seeded 1", {"by": "ann"}),
            ("<look>", "looked", {}),
        ]
        assert [record.getMessage() for record in caplog.records] == ["seeded 1"]
