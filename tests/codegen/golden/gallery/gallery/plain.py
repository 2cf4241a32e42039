"""A plain function."""

from __future__ import annotations

from confect_core import Id
from gallery._generated.db import QueryCtx
from gallery.tables import Artist, Film, Painting


async def search(
    ctx: QueryCtx, text: str, artist: Id[Artist] | None = None, *, limit: int = 10
) -> list[Id[Painting | Film]]:
    """The pieces whose titles have a text in them."""
    if artist is None:
        found = await ctx.db.pieces.query().collect()
    else:
        found = await ctx.db.pieces.by_artist(artist=artist).collect()
    ids: list[Id[Painting | Film]] = [each.id for each in found if text in each.title]
    return ids[:limit]
