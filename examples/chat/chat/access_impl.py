"""How it is found out who calls."""

from __future__ import annotations

from chat._generated.db import QueryCtx
from chat.access import CurrentUser, NotSignedIn, SignedIn
from confect_server import middleware


@middleware(SignedIn)
async def signed_in(ctx: QueryCtx) -> CurrentUser:
    identity = ctx.auth.identity()
    if identity is not None:
        token = identity.token_identifier
        user = await ctx.db.users.by_token(token_identifier=token).unique()
        if user is not None:
            return CurrentUser(user)
    raise NotSignedIn
