"""The logic of events of the source code host."""

from __future__ import annotations

import re
from datetime import timedelta

from pydantic import BaseModel, ValidationError

from confect_server import impl
from foundry._generated import impls, refs
from foundry._generated.db import MutationCtx
from foundry.sources.spec import ByEvent, Receive, Sources
from foundry.tables import SourceEvent

_CLOSES = re.compile(r"\bcloses task ([0-9a-z]{31,37})\b", re.IGNORECASE)


class PullRequest(BaseModel):
    merged: bool = False
    body: str | None = None
    html_url: str


class Repository(BaseModel):
    full_name: str


class PullRequestEvent(BaseModel):
    """As much of GitHub's event as is needed."""

    pull_request: PullRequest
    repository: Repository


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
    said = _read(ctx, event)
    if said is None or not said.pull_request.merged:
        await ctx.db.source_events.patch(event.id, status="ignored")
        return
    named = map(ctx.db.tasks.normalize_id, _CLOSES.findall(said.pull_request.body or ""))
    await ctx.run_mutation(
        refs.internal.task_work.merged,
        repository=said.repository.full_name,
        tasks=[id for id in named if id is not None],
        pull_request=said.pull_request.html_url,
    )
    await ctx.db.source_events.patch(event.id, status="processed")


def _read(ctx: MutationCtx, event: SourceEvent) -> PullRequestEvent | None:
    """What an event says of a pull request, if that is what it is about."""
    if event.kind != "pull_request":
        return None
    try:
        return PullRequestEvent.model_validate_json(event.payload)
    except ValidationError as error:
        ctx.log.warning("the event cannot be read: %s", error, delivery=event.delivery)
        return None


sources = impls.sources(receive=receive, process=process)
