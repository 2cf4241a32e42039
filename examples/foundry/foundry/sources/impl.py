"""The logic of events of the source code host."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import cast

import orjson

from confect_core import Id
from confect_server import impl
from foundry._generated import impls, refs
from foundry._generated.db import MutationCtx
from foundry.sources.spec import ByEvent, Receive, Sources
from foundry.tables import Task

_CLOSES = re.compile(r"\bcloses task ([0-9a-z]{31,37})\b", re.IGNORECASE)


@impl(Sources.receive)
async def receive(ctx: MutationCtx, args: Receive) -> bool:
    """Store an event and have it worked on; False if it has been delivered before."""
    if await ctx.db.source_events.by_delivery(delivery=args.delivery).first() is not None:
        return False
    event = await ctx.db.source_events.insert(
        delivery=args.delivery, kind=args.kind, payload=args.payload
    )
    await ctx.scheduler.run_after(timedelta(), refs.internal.sources.process, event=event)
    return True


@impl(Sources.process)
async def process(ctx: MutationCtx, args: ByEvent) -> None:
    """Move the tasks that a merged pull request closes."""
    event = await ctx.db.source_events.get(args.event)
    if event is None or event.status != "pending":
        return
    pull_request = _merged(event.kind, event.payload)
    if pull_request is None:
        await ctx.db.source_events.patch(event.id, status="ignored")
        return
    tasks = [Id[Task](each) for each in _CLOSES.findall(str(pull_request.get("body")))]
    url = str(pull_request.get("html_url"))
    await ctx.run_mutation(refs.internal.task_work.merged, tasks=tasks, pull_request=url)
    await ctx.db.source_events.patch(event.id, status="processed")


def _merged(kind: str, payload: str) -> dict[str, object] | None:
    """The pull request that an event says was merged, if it says so."""
    said = cast("dict[str, dict[str, object]]", orjson.loads(payload))
    pull_request = said.get("pull_request", {})
    return pull_request if kind == "pull_request" and pull_request.get("merged") is True else None


sources = impls.sources(receive=receive, process=process)
