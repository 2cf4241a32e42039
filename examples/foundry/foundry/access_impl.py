"""How it is found out who calls, and what they are in the organisation that the call is about."""

from __future__ import annotations

from returns.result import Failure

from confect_server import Answer, Call, Proceed, around, middleware
from foundry._generated.db import QueryCtx
from foundry.access import (
    CurrentUser,
    InOrganisation,
    Member,
    MemberAccess,
    NoAccess,
    NotSignedIn,
    SignedIn,
)


@middleware(SignedIn)
async def signed_in(ctx: QueryCtx) -> CurrentUser:
    identity = ctx.auth.identity()
    if identity is not None:
        found = ctx.db.users.by_token(token_identifier=identity.token_identifier)
        user = await found.unique()
        if user is not None:
            return CurrentUser(user)
    raise NotSignedIn


@around(MemberAccess)
async def member_access(
    ctx: QueryCtx[CurrentUser], call: Call, proceed: Proceed[Member]
) -> Answer | Failure[NoAccess]:
    assert isinstance(call.args, InOrganisation), "everything behind it is called with one"
    organisation, user = call.args.organisation, CurrentUser.of(ctx).user
    found = ctx.db.memberships.by_user(user=user.id, organisation=organisation)
    membership = await found.unique()
    if membership is None:
        return Failure(NoAccess(organisation=organisation))
    return await proceed(Member(organisation, membership.role))
