"""The logic of programs."""

from __future__ import annotations

from returns.result import Success

from confect_core import Id, Outcome
from confect_server import impl
from foundry._generated import impls
from foundry._generated.db import MutationCtx, QueryCtx
from foundry.access import InOrganisation, Member, NotAllowed, NotInOrganisation
from foundry.checks import editing, ours
from foundry.programs.spec import ByProgram, Connect, Create, Programs
from foundry.tables import Program


@impl(Programs.list_)
async def list_(ctx: QueryCtx[Member], args: InOrganisation) -> list[Program]:
    organisation = Member.of(ctx).organisation
    found = ctx.db.programs.by_organisation(organisation=organisation, is_archived=False)
    return await found.order("desc").collect()


@impl(Programs.create)
async def create(ctx: MutationCtx[Member], args: Create) -> Outcome[Id[Program], NotAllowed]:
    organisation = editing(ctx).organisation
    return Success(
        await ctx.db.programs.insert(
            organisation=organisation, name=args.name, description=args.description
        )
    )


@impl(Programs.connect)
async def connect(
    ctx: MutationCtx[Member], args: Connect
) -> Outcome[None, NotAllowed | NotInOrganisation]:
    editing(ctx)
    program = ours(ctx, await ctx.db.programs.get(args.program), args.program)
    await ctx.db.programs.patch(program.id, repository=args.repository)
    return Success(None)


@impl(Programs.archive)
async def archive(
    ctx: MutationCtx[Member], args: ByProgram
) -> Outcome[None, NotAllowed | NotInOrganisation]:
    editing(ctx)
    program = ours(ctx, await ctx.db.programs.get(args.program), args.program)
    await ctx.db.programs.patch(program.id, is_archived=True)
    return Success(None)


programs = impls.programs(list=list_, create=create, connect=connect, archive=archive)
