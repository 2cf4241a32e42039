"""The logic of requirements."""

from __future__ import annotations

from returns.result import Success

from confect_core import Id, Outcome
from confect_server import impl
from foundry._generated import impls
from foundry._generated.db import MutationCtx, QueryCtx
from foundry.access import CurrentUser, Member, NotAllowed, NotInOrganisation
from foundry.checks import editing, ours
from foundry.programs.spec import ByProgram
from foundry.requirements.spec import ByRequirement, Create, Progress, Requirements
from foundry.tables import Requirement


@impl(Requirements.of_program)
async def of_program(
    ctx: QueryCtx[Member], args: ByProgram
) -> Outcome[list[Requirement], NotInOrganisation]:
    program = ours(ctx, await ctx.db.programs.get(args.program), args.program)
    return Success(await ctx.db.requirements.by_program(program=program.id).collect())


@impl(Requirements.progress)
async def progress(
    ctx: QueryCtx[Member], args: ByRequirement
) -> Outcome[Progress, NotInOrganisation]:
    requirement = ours(ctx, await ctx.db.requirements.get(args.requirement), args.requirement)
    tasks = await ctx.db.tasks.by_requirement(requirement=requirement.id).collect()
    done = sum(task.status == "done" for task in tasks)
    return Success(
        Progress(
            title=requirement.title,
            status=requirement.status,
            open_tasks=len(tasks) - done,
            done_tasks=done,
        )
    )


@impl(Requirements.create)
async def create(
    ctx: MutationCtx[CurrentUser | Member], args: Create
) -> Outcome[Id[Requirement], NotAllowed | NotInOrganisation]:
    member = editing(ctx)
    program = ours(ctx, await ctx.db.programs.get(args.program), args.program)
    return Success(
        await ctx.db.requirements.insert(
            organisation=member.organisation,
            program=program.id,
            title=args.title,
            description=args.description,
            status="draft",
            created_by=CurrentUser.of(ctx).user.id,
        )
    )


@impl(Requirements.approve)
async def approve(
    ctx: MutationCtx[Member], args: ByRequirement
) -> Outcome[None, NotAllowed | NotInOrganisation]:
    editing(ctx)
    requirement = ours(ctx, await ctx.db.requirements.get(args.requirement), args.requirement)
    await ctx.db.requirements.patch(requirement.id, status="approved")
    return Success(None)


requirements = impls.requirements(
    of_program=of_program, progress=progress, create=create, approve=approve
)
