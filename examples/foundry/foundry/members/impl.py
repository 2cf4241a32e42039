"""The logic of accounts and memberships."""

from __future__ import annotations

from returns.result import Failure, Success

from confect_core import Id, NoArgs, Outcome
from confect_server import impl
from foundry._generated import impls
from foundry._generated.db import MutationCtx, QueryCtx
from foundry.access import CurrentUser, InOrganisation, Member, NotAllowed, NotSignedIn
from foundry.checks import owning
from foundry.members.spec import (
    Account,
    Add,
    Found,
    LastOwner,
    Members,
    MyOrganisation,
    NobodyOfThatAddress,
    OfMember,
)
from foundry.tables import Membership, Organisation, User


@impl(Account.sign_in)
async def sign_in(ctx: MutationCtx, args: NoArgs) -> Outcome[Id[User], NotSignedIn]:
    identity = ctx.auth.identity()
    if identity is None:
        return Failure(NotSignedIn())
    token, name = identity.token_identifier, identity.name or ""
    email = identity.email if identity.is_email_verified else None
    user = await ctx.db.users.by_token(token_identifier=token).unique()
    if user is None:
        return Success(await ctx.db.users.insert(token_identifier=token, name=name, email=email))
    await ctx.db.users.patch(user.id, name=name, email=email)
    return Success(user.id)


@impl(Account.organisations)
async def organisations(ctx: QueryCtx[CurrentUser], args: NoArgs) -> list[MyOrganisation]:
    found: list[MyOrganisation] = []
    async for each in ctx.db.memberships.by_user(user=CurrentUser.of(ctx).user.id):
        organisation = await ctx.db.organisations.get(each.organisation)
        if organisation is not None:
            found.append(MyOrganisation(organisation=organisation, role=each.role))
    return found


@impl(Account.found)
async def found(ctx: MutationCtx[CurrentUser], args: Found) -> Id[Organisation]:
    organisation = await ctx.db.organisations.insert(name=args.name)
    await ctx.db.memberships.insert(
        organisation=organisation, user=CurrentUser.of(ctx).user.id, role="owner"
    )
    return organisation


@impl(Members.list_)
async def list_(ctx: QueryCtx[Member], args: InOrganisation) -> list[Membership]:
    organisation = Member.of(ctx).organisation
    return await ctx.db.memberships.by_organisation(organisation=organisation).collect()


@impl(Members.add)
async def add(
    ctx: MutationCtx[Member], args: Add
) -> Outcome[Id[Membership], NotAllowed | NobodyOfThatAddress]:
    organisation = owning(ctx).organisation
    user = await ctx.db.users.by_email(email=args.email).first()
    if user is None:
        return Failure(NobodyOfThatAddress(email=args.email))
    present = await ctx.db.memberships.by_user(user=user.id, organisation=organisation).first()
    if present is None:
        id = await ctx.db.memberships.insert(
            organisation=organisation, user=user.id, role=args.role
        )
        return Success(id)
    await ctx.db.memberships.patch(present.id, role=args.role)
    return Success(present.id)


@impl(Members.remove)
async def remove(ctx: MutationCtx[Member], args: OfMember) -> Outcome[None, NotAllowed | LastOwner]:
    organisation = owning(ctx).organisation
    members = await ctx.db.memberships.by_organisation(organisation=organisation).collect()
    if not any(each.role == "owner" and each.user != args.user for each in members):
        return Failure(LastOwner())
    for each in members:
        if each.user == args.user:
            await ctx.db.memberships.delete(each.id)
    return Success(None)


account = impls.account(sign_in=sign_in, organisations=organisations, found=found)
members = impls.members(list=list_, add=add, remove=remove)
