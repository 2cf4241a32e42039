"""Events of GitHub: signed, stored once, and worked on after they were answered."""

from __future__ import annotations

import hashlib
import hmac
import json

from confect_core import Id
from confect_server.testing import TestApp
from foundry._generated import refs
from foundry._generated.db import QueryCtx
from foundry.tables import SourceEvent, Task
from foundry.testing.people import Company, company, got

SECRET = "known to both"


def merged(task: Id[Task]) -> bytes:
    """The payload of an event: a pull request that closes a task was merged."""
    pull_request = {
        "merged": True,
        "body": f"Closes task {task}",
        "html_url": "https://github.com/acme/rocket/pull/7",
    }
    return json.dumps({"action": "closed", "pull_request": pull_request}).encode()


def signature(body: bytes, secret: str = SECRET) -> str:
    return "sha256=" + hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()


async def sent(t: TestApp, body: bytes, signed: str, delivery: str = "d-1") -> int:
    """The status that GitHub is answered with."""
    headers = {
        "x-hub-signature-256": signed,
        "x-github-delivery": delivery,
        "x-github-event": "pull_request",
    }
    return (await t.fetch("POST", "/webhooks/github", content=body, headers=headers)).status_code


async def task_in(acme: Company) -> Id[Task]:
    return got(
        await acme.editor.calls.mutation(
            refs.public.tasks.create,
            organisation=acme.organisation,
            requirement=await acme.approved(),
            title="Build it",
        )
    )


async def events(t: TestApp) -> list[SourceEvent]:
    async def every(ctx: QueryCtx) -> list[SourceEvent]:
        return await ctx.db.source_events.query().collect()

    return await t.read(every)


async def found(t: TestApp, task: Id[Task]) -> Task:
    async def get(ctx: QueryCtx) -> Task | None:
        return await ctx.db.tasks.get(task)

    read = await t.read(get)
    assert read is not None
    return read


async def test_a_merged_pull_request_closes_the_task_that_it_names(t: TestApp) -> None:
    acme = await company(t, "acme")
    task = await task_in(acme)
    body = merged(task)
    assert await sent(t, body, signature(body)) == 202
    await t.run_due()
    assert [event.status for event in await events(t)] == ["processed"]
    closed = await found(t, task)
    assert (closed.status, closed.pull_request) == ("done", "https://github.com/acme/rocket/pull/7")


async def test_an_event_that_is_not_signed_leaves_nothing(t: TestApp) -> None:
    body = b"{}"
    for signed in ("", "sha256=", signature(b"{ }"), signature(body, "another")):
        assert await sent(t, body, signed) == 401
    assert await events(t) == []


async def test_an_event_that_is_delivered_again_is_worked_on_once(t: TestApp) -> None:
    acme = await company(t, "acme")
    body = merged(await task_in(acme))
    assert [await sent(t, body, signature(body)) for _ in range(2)] == [202, 200]
    await t.run_due()
    assert [event.status for event in await events(t)] == ["processed"]


async def test_other_events_are_kept_and_ignored(t: TestApp) -> None:
    body = json.dumps({"action": "opened", "pull_request": {"merged": False}}).encode()
    assert await sent(t, body, signature(body)) == 202
    await t.run_due()
    assert [event.status for event in await events(t)] == ["ignored"]
