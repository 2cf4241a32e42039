"""The logic of accounts."""

from __future__ import annotations

from chat._generated import impls
from chat._generated.db import MutationCtx, QueryCtx
from chat.access import CurrentUser, NotSignedIn
from chat.account.spec import Account
from chat.tables import User
from confect_core import Failure, Id, NoArgs, Outcome, Success
from confect_server import impl


@impl(Account.sign_in)
async def sign_in(ctx: MutationCtx, args: NoArgs) -> Outcome[Id[User], NotSignedIn]:
    identity = ctx.auth.identity()
    if identity is None:
        return Failure(NotSignedIn())
    token, name = identity.token_identifier, identity.name or "Somebody"
    user = await ctx.db.users.by_token(token_identifier=token).unique()
    if user is None:
        return Success(await ctx.db.users.insert(token_identifier=token, name=name))
    if user.name != name:
        await ctx.db.users.patch(user.id, name=name)
    return Success(user.id)


@impl(Account.me)
async def me(ctx: QueryCtx[CurrentUser], args: NoArgs) -> User:
    return CurrentUser.of(ctx).user


account = impls.account(sign_in=sign_in, me=me)
