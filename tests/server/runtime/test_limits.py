"""Every limit holds at its value and one above, names itself, and can be set."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import anyio
import pytest
from anyio.lowlevel import checkpoint

from confect_core.values import Value, dumps
from confect_core.values.limits import MAX_DOCUMENT_SIZE
from confect_server import Limits, MutationCtx, QueryCtx
from confect_server.engine import TooManyDocumentsRead
from confect_server.runtime import ADMIN, run_time
from confect_server.runtime.backoff import Backoff
from confect_server.runtime.outcome import Succeeded
from confect_server.runtime.requests import SessionRequest
from tests.server.runtime.ledger import Entry, Refs, counts
from tests.server.runtime.scribe import Scribe, scribe
from tests.server.stores import SettableClock

Steps = Callable[[Any], Awaitable[str]]


async def filled(at: Scribe, count: int) -> None:
    async def steps(ctx: MutationCtx[Any]) -> str:
        for number in range(count):
            await ctx.db.table(Entry).insert(text=f"{number:03}")
        return "filled"

    await at.mutation(steps)


def inserting(count: int) -> Steps:
    async def steps(ctx: MutationCtx[Any]) -> str:
        for _ in range(count):
            await ctx.db.table(Entry).insert(text="x")
        return "written"

    return steps


def scanning(count: int) -> Steps:
    async def steps(ctx: QueryCtx[Any]) -> str:
        return f"read {len(await ctx.db.table(Entry).query().take(count))}"

    return steps


def asking(count: int) -> Steps:
    async def steps(ctx: QueryCtx[Any]) -> str:
        for number in range(count):
            await ctx.db.table(Entry).by("by_text", text=f"{number:03}").first()
        return "asked"

    return steps


async def changing(ctx: MutationCtx[Any]) -> str:
    """Three documents are asked for by one range, and each is patched and one deleted."""
    entries = await ctx.db.table(Entry).query().take(3)
    for entry in entries:
        await ctx.db.table(Entry).change(entry.id, {"text": "changed"})
    await ctx.db.delete(entries[0].id)
    return str(counts(ctx.meta))


async def test_documents_read() -> None:
    async with scribe(limits=Limits(documents_read=5)) as at:
        await filled(at, 6)
        for run, fail in ((at.query, at.failed_query), (at.mutation, at.failed_mutation)):
            assert await run(scanning(5)) == "read 5"
            told = await fail(scanning(6))
            assert "TooManyDocumentsRead: this run would have read 6 documents; the limit" in told
            assert "documents_read is 5 " in told
            assert "raise documents_read in [tool.confect.limits]" in told


async def test_documents_that_a_filter_leaves_out_are_read() -> None:
    async def steps(ctx: QueryCtx[Any]) -> str:
        return f"{len(await ctx.db.table(Entry).query().filter(lambda _: False).collect())}"

    async with scribe(limits=Limits(documents_read=5)) as at:
        await filled(at, 5)
        assert await at.query(steps) == "0"
        await filled(at, 1)
        assert "TooManyDocumentsRead" in await at.failed_query(steps)


async def test_bytes_read() -> None:
    async with scribe() as at:
        await filled(at, 3)
        sizes: list[int] = []

        async def steps(ctx: QueryCtx[Any]) -> str:
            await scanning(3)(ctx)
            sizes.append(ctx.meta.bytes_read.used)
            entry = await ctx.db.table(Entry).query().first()
            assert entry is not None
            return "measured"

        await at.query(steps)
        store = at.backend.database._store
        async with scribe(store, Limits(bytes_read=sizes[0])) as limited:
            assert await limited.query(scanning(3)) == "read 3"
        async with scribe(store, Limits(bytes_read=sizes[0] - 1)) as limited:
            told = await limited.failed_query(scanning(3))
            assert f"would have read {sizes[0]:,} bytes of documents" in told
            assert f"the limit bytes_read is {sizes[0] - 1:,} " in told
            assert await limited.query(scanning(2)) == "read 2"


async def test_ranges_read() -> None:
    async with scribe(limits=Limits(ranges_read=4)) as at:
        for run, fail in ((at.query, at.failed_query), (at.mutation, at.failed_mutation)):
            assert await run(asking(4)) == "asked"
            told = await fail(asking(5))
            assert "TooManyRangesRead: this run would have asked for 5 documents or ranges" in told
            assert "the limit ranges_read is 4 " in told


async def test_documents_written() -> None:
    async with scribe(limits=Limits(documents_written=3)) as at:
        assert await at.mutation(inserting(3)) == "written"
        told = await at.failed_mutation(inserting(4))
        assert "TooManyDocumentsWritten: this run would have made 4 writes; the limit" in told
        assert "documents_written is 3 " in told
        assert await at.texts() == ["x"] * 3


async def test_bytes_written() -> None:
    one = 2 + 2 + 5 + 2 + 1  # the object, its field and its text as the size of a value counts
    async with scribe() as at:

        async def steps(ctx: MutationCtx[Any]) -> str:
            await inserting(1)(ctx)
            return str(ctx.meta.bytes_written.used)

        size = int(str(await at.mutation(steps)))
        assert abs(size - one) <= 4
    async with scribe(limits=Limits(bytes_written=3 * size)) as at:
        assert await at.mutation(inserting(3)) == "written"
    async with scribe(limits=Limits(bytes_written=3 * size - 1)) as at:
        told = await at.failed_mutation(inserting(3))
        assert f"TooManyBytesWritten: this run would have written {3 * size} bytes" in told
        assert f"the limit bytes_written is {3 * size - 1} " in told
        assert await at.texts() == []


async def test_what_is_written_is_read_once_for_it_however_often_it_is_written() -> None:
    async with scribe() as at:
        await filled(at, 3)
        # three by the range and three by their patches, which ask for them
        assert await at.mutation(changing) == "(6, 4, 4)"


async def test_what_runs_itself_uses_no_limit_of_the_mutation() -> None:
    limits = Limits(documents_read=0, ranges_read=0, documents_written=1)
    async with scribe(limits=limits) as at:
        at.script.steps = inserting(1)
        for _ in range(2):
            request = SessionRequest("session", 1)
            result = await at.backend.executor.run_mutation("ledger:mutate", {}, ADMIN, request)
            assert result.ts is not None
        assert at.script.runs == 1


async def test_an_answer_larger_than_a_document_is_remembered_like_others() -> None:
    async def answer(_: object) -> str:
        return "x" * 2 * MAX_DOCUMENT_SIZE

    async with scribe() as at:
        at.script.steps = answer
        request = SessionRequest("session", 1)
        for _ in range(2):
            result = await at.backend.executor.run_mutation("ledger:mutate", {}, ADMIN, request)
            assert isinstance(result.outcome, Succeeded)
            assert len(result.outcome.value) == 2 * MAX_DOCUMENT_SIZE + 2
        assert at.script.runs == 1


@pytest.mark.parametrize("name", ["deeper", "deeper_query"])
async def test_nesting(name: str) -> None:
    async with scribe(limits=Limits(nesting=3)) as at:
        assert await at.run(name, count=3.0) == 3.0
        told = await at.failure(name, count=4.0)
        assert (
            "NestedTooDeep: this call would have been 4 functions deep; the limit nesting" in told
        )
    async with scribe(limits=Limits(nesting=0)) as at:
        assert await at.run(name, count=0.0) == 0.0
        assert "NestedTooDeep" in await at.failure(name, count=1.0)


async def test_arguments_of_every_call() -> None:
    args: dict[str, Value] = {"text": "x" * 100}
    size = len(dumps(args))
    async with scribe(limits=Limits(arguments_bytes=size)) as at:
        assert await at.run("echo", **args) == args["text"]
        assert await at.run("add", **args) == "X" * 100
        assert await at.run("act", **args) == "x" * 200
    async with scribe(limits=Limits(arguments_bytes=size - 1)) as at:
        for name in ("echo", "add", "act"):
            told = await at.failure(name, **args)
            assert f"ArgumentsTooLarge: the arguments have {size} bytes; the limit" in told
            assert f"arguments_bytes is {size - 1} " in told

        async def steps(ctx: QueryCtx[Any]) -> str:
            return await ctx.run_query(Refs.echo, text="x" * 100)

        assert "ArgumentsTooLarge" in await at.failed_query(steps)


async def test_results_of_every_call() -> None:
    async with scribe(limits=Limits(result_bytes=102)) as at:
        assert await at.run("echo", text="x" * 100) == "x" * 100
        assert await at.run("add", text="x" * 100) == "X" * 100
    async with scribe(limits=Limits(result_bytes=101)) as at:
        for name in ("echo", "add"):
            told = await at.failure(name, text="x" * 100)
            assert "ResultTooLarge: the result has 102 bytes; the limit result_bytes is 101" in told
        assert await at.run("texts") == []

        async def steps(ctx: QueryCtx[Any]) -> str:
            return (await ctx.run_query(Refs.twice, text="x" * 50))[:1]

        assert "ResultTooLarge" in await at.failed_query(steps)


async def test_the_time_of_a_run_that_never_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    now_s = [100.0]
    monkeypatch.setattr(run_time, "monotonic", lambda: now_s[0])

    def taking(seconds: float) -> Steps:
        async def steps(ctx: QueryCtx[Any]) -> str:
            if isinstance(ctx, MutationCtx):
                await ctx.run_mutation(Refs.add, text="x")
            now_s[0] += seconds
            assert (ctx.meta.run_time_s.used, ctx.meta.run_time_s.limit) == (seconds, 2.0)
            return "in time"

        return steps

    async with scribe(limits=Limits(run_time_s=2.0)) as at:
        assert await at.query(taking(2.0)) == "in time"
        told = await at.failed_query(taking(2.5))
        assert "RanTooLong: this run took 2.5 seconds; the limit run_time_s is 2.0 " in told
        assert "RanTooLong" in await at.failed_mutation(taking(2.5))
        assert await at.texts() == []
        assert await at.mutation(taking(2.0)) == "in time"
        assert await at.texts() == ["x"]


async def test_a_run_that_waits_too_long_is_interrupted_and_undone() -> None:
    ended: list[str] = []

    async def steps(ctx: MutationCtx[Any]) -> str:
        await ctx.run_mutation(Refs.add, text="x")
        try:
            await anyio.sleep_forever()
        except BaseException as error:
            ended.append(type(error).__name__)
            raise
        return "not reached"

    async with scribe(limits=Limits(run_time_s=0.02)) as at:
        assert "RanTooLong" in await at.failed_mutation(steps)
        assert ended == ["CancelledError"]
        assert await at.texts() == []


async def test_a_timeout_of_the_handler_itself_stays_one() -> None:
    async def own_timeout(ctx: QueryCtx[Any]) -> str:
        await checkpoint()
        raise TimeoutError("of the handler")

    async with scribe() as at:
        assert "Uncaught TimeoutError: of the handler" in await at.failed_query(own_timeout)


async def test_a_run_that_is_cancelled_from_outside_is_not_told_of_a_limit() -> None:
    async with scribe() as at:

        async def steps(ctx: QueryCtx[Any]) -> str:
            scope.cancel()
            await anyio.sleep_forever()
            return "not reached"

        with anyio.CancelScope() as scope:
            await at.query(steps)
        assert scope.cancelled_caught


async def test_a_run_that_waits_in_time_answers() -> None:
    async def steps(ctx: QueryCtx[Any]) -> str:
        for _ in range(3):
            await checkpoint()
        try:
            await _raising()
        except ValueError:
            return "waited"
        return "not reached"

    async def _raising() -> None:
        await checkpoint()
        raise ValueError

    async with scribe() as at:
        assert await at.query(steps) == "waited"


async def test_a_handler_may_catch_a_limit_and_is_held_to_it_still() -> None:
    async def steps(ctx: QueryCtx[Any]) -> str:
        for _ in range(2):
            with pytest.raises(TooManyDocumentsRead):
                await scanning(6)(ctx)
        meta = ctx.meta.documents_read
        return f"{meta.used} of {meta.limit}, {meta.remaining} left"

    async with scribe(limits=Limits(documents_read=5)) as at:
        await filled(at, 6)
        assert await at.query(steps) == "5 of 5, 0 left"


async def test_what_is_left_is_told() -> None:
    async def steps(ctx: MutationCtx[Any]) -> str:
        await scanning(2)(ctx)
        await inserting(2)(ctx)
        meta = ctx.meta
        left = (meta.documents_read, meta.ranges_read, meta.documents_written, meta.nesting)
        assert 0 < meta.run_time_s.remaining < meta.run_time_s.limit
        return str([each.remaining for each in left])

    limits = Limits(documents_read=10, ranges_read=10, documents_written=10, nesting=4)
    async with scribe(limits=limits) as at:
        await filled(at, 3)
        assert await at.mutation(steps) == "[8, 9, 8, 4]"


async def test_each_attempt_of_a_mutation_begins_with_all_of_its_limits() -> None:
    limits = Limits(documents_read=2, ranges_read=1, documents_written=1)
    async with scribe(limits=limits) as at:
        await filled(at, 1)

        async def steps(ctx: MutationCtx[Any]) -> str:
            entry = await ctx.db.table(Entry).query().first()
            assert entry is not None
            if at.script.runs == 2:  # the first was the one that filled
                await at.backend.executor.run_mutation("ledger:overwrite", {}, ADMIN)
            await ctx.db.table(Entry).replace(entry.id, text=entry.text + "!")
            return "changed"

        assert await at.mutation(steps) == "changed"
        assert at.script.runs == 3
        assert await at.texts() == ["000?!"]


class Impatient(SettableClock):
    """A clock by which every time is over at once."""

    def __init__(self) -> None:
        super().__init__()
        self.waited: list[float] = []

    async def sleep(self, seconds: float, /) -> None:
        self.waited.append(seconds)


async def test_who_loses_waits_longer_each_time_and_never_as_long_as_another() -> None:
    clock = Impatient()
    backoff = Backoff(clock, lambda count: b"\x80" + bytes(count - 1))
    for _ in range(12):
        await backoff.wait()
    assert clock.waited[:4] == [0.0005, 0.001, 0.002, 0.004]
    assert clock.waited[-1] == 0.125
    await Backoff(clock, bytes).wait()
    assert clock.waited[-1] == 0.0
