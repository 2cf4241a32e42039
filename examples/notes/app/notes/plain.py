"""A plain function: registered as it is, with no spec schemas of its own."""

from __future__ import annotations

from app._generated.db import QueryCtx


async def search(ctx: QueryCtx, text: str, *, limit: int = 20) -> list[str]:
    found: list[str] = []
    async for note in ctx.db.notes.query().order("desc"):
        if text.lower() in note.text.lower():
            found.append(note.text)
        if len(found) == limit:
            break
    return found
