"""How it is found out who calls, and what they are in the organisation that the call is about."""

from __future__ import annotations

from returns.result import Failure, Success

from confect_core import Outcome
from confect_server import Call, middleware
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


@middleware(MemberAccess)
async def member_access(
    ctx: QueryCtx[CurrentUser], call: Call[InOrganisation]
) -> Outcome[Member, NoAccess]:
    organisation, user = call.args.organisation, CurrentUser.of(ctx).user
    found = ctx.db.memberships.by_user(user=user.id, organisation=organisation)
    membership = await found.unique()
    if membership is None:
        return Failure(NoAccess(organisation=organisation))
    return Success(Member(organisation, membership.role))
