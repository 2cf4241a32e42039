"""Events of GitHub: signed, stored once, and worked on after they were answered."""

from __future__ import annotations

import hashlib
import hmac
import json

import pytest

from confect_core import Id
from confect_server.testing import TestApp
from foundry._generated import refs
from foundry._generated.db import QueryCtx
from foundry.tables import SourceEvent, Task
from foundry.testing.people import Company, company, got

SECRET = "known to both"


PULL_REQUEST = "https://github.com/acme/rocket/pull/7"


def event(repository: str = "acme/rocket", **said: object) -> bytes:
    """The payload of an event that is about a pull request."""
    pull_request = {"html_url": PULL_REQUEST, **said}
    whole = {"pull_request": pull_request, "repository": {"full_name": repository}}
    return json.dumps(whole).encode()


def merged(*tasks: str, repository: str = "acme/rocket") -> bytes:
    """The payload of an event: a pull request that closes tasks was merged."""
    body = "\n".join(f"Closes task {task}" for task in tasks)
    return event(repository, merged=True, body=body)


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
    """A new task of a program whose source code is in acme/rocket."""
    got(
        await acme.editor.calls.mutation(
            refs.public.programs.connect,
            organisation=acme.organisation,
            program=acme.program,
            repository="acme/rocket",
        )
    )
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
    assert (closed.status, closed.pull_request) == ("done", PULL_REQUEST)


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


@pytest.mark.parametrize(
    "body", [event(merged=False), event(merged=True)[:-1], b"[]", b"{}"], ids=repr
)
async def test_other_events_are_kept_and_ignored(t: TestApp, body: bytes) -> None:
    assert await sent(t, body, signature(body)) == 202
    await t.run_due()
    assert [event.status for event in await events(t)] == ["ignored"]


async def test_only_tasks_of_its_repository_are_closed(t: TestApp) -> None:
    acme = await company(t, "acme")
    task = await task_in(acme)
    body = merged(task, repository="mallory/rocket")
    assert await sent(t, body, signature(body)) == 202
    await t.run_due()
    assert (await found(t, task)).status == "todo"


async def test_what_is_no_task_is_passed_over(t: TestApp) -> None:
    acme = await company(t, "acme")
    task = await task_in(acme)
    body = merged("a" * 32, acme.program, task)
    assert await sent(t, body, signature(body)) == 202
    await t.run_due()
    assert (await found(t, task)).status == "done"
