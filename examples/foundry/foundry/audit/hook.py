"""The hook that writes the audit log, inside the transactions that it tells of."""

from __future__ import annotations

from typing import TypeAlias

from pydantic import BaseModel

from confect_core import Id
from confect_core.tables import definition_of
from confect_server import Change, on_write
from foundry._generated.db import MutationCtx
from foundry.tables import Document, Membership, Program, Requirement, Task, User

Audited: TypeAlias = Membership | Program | Requirement | Task | Document


@on_write(Membership | Program | Requirement | Task | Document)
async def audit_writes(ctx: MutationCtx, change: Change[Audited]) -> None:
    document = change.after or change.before
    assert document is not None, "a write has something before or after it"
    await ctx.db.audit_entries.insert(
        organisation=document.organisation,
        actor=await _actor(ctx),
        action="insert" if change.is_insert else "delete" if change.is_delete else "change",
        table=definition_of(type(document)).name,
        document=change.id,
        fields=_changed(change.before, change.after),
    )


async def _actor(ctx: MutationCtx) -> Id[User] | None:
    """Who has signed in; nobody has where the backend itself writes."""
    identity = ctx.auth.identity()
    if identity is None:
        return None
    user = await ctx.db.users.by_token(token_identifier=identity.token_identifier).unique()
    return None if user is None else user.id


def _changed(before: BaseModel | None, after: BaseModel | None) -> list[str]:
    """The names of the fields that are not what they were."""
    if before is None or after is None:
        return []
    fields = type(after).model_fields
    return sorted(name for name in fields if getattr(before, name) != getattr(after, name))
