"""A plain function: registered as it is, its signature says what a call takes and answers."""

from __future__ import annotations

from app._generated.db import QueryCtx
from confect_server import plain


@plain.query
async def search(ctx: QueryCtx, text: str, *, limit: int = 20) -> list[str]:
    found: list[str] = []
    async for note in ctx.db.notes.query().order("desc"):
        if text.lower() in note.text.lower():
            found.append(note.text)
        if len(found) == limit:
            break
    return found
