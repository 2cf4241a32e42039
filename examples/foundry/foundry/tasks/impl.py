"""The logic of tasks."""

from __future__ import annotations

from datetime import timedelta

from returns.result import Failure, Success

from confect_core import Id, NoArgs, Outcome, PaginationOptions, PaginationResult
from confect_server import Range, impl
from foundry._generated import impls, refs
from foundry._generated.db import MutationCtx, QueryCtx
from foundry.access import Member, NotAllowed, NotInOrganisation
from foundry.checks import editing, ours
from foundry.programs.spec import ByProgram
from foundry.tables import Requirement, Task
from foundry.tasks.spec import Assign, Create, Merged, Move, NotApproved, Tasks, TaskWork

STALLED_AFTER = timedelta(weeks=2)
_AT_ONCE = 200
"""How many tasks are flagged in one transaction, which others may have to wait for."""


@impl(Tasks.board)
async def board(
    ctx: QueryCtx[Member], args: ByProgram, options: PaginationOptions
) -> Outcome[PaginationResult[Task], NotInOrganisation]:
    program = ours(ctx, await ctx.db.programs.get(args.program), args.program)
    return Success(await ctx.db.tasks.by_program(program=program.id).paginate(options))


@impl(Tasks.create)
async def create(
    ctx: MutationCtx[Member], args: Create
) -> Outcome[Id[Task], NotAllowed | NotInOrganisation | NotApproved]:
    member = editing(ctx)
    requirement = ours(ctx, await ctx.db.requirements.get(args.requirement), args.requirement)
    if requirement.status == "draft":
        return Failure(NotApproved())
    return Success(
        await ctx.db.tasks.insert(
            organisation=member.organisation,
            program=requirement.program,
            requirement=requirement.id,
            title=args.title,
            status="todo",
            moved_at=ctx.now().timestamp(),
        )
    )


@impl(Tasks.move)
async def move(
    ctx: MutationCtx[Member], args: Move
) -> Outcome[None, NotAllowed | NotInOrganisation]:
    editing(ctx)
    task = ours(ctx, await ctx.db.tasks.get(args.task), args.task)
    moved_at = ctx.now().timestamp()
    await ctx.db.tasks.patch(task.id, status=args.status, moved_at=moved_at, is_stalled=False)
    await _settle(ctx, task.requirement)
    return Success(None)


@impl(Tasks.assign)
async def assign(
    ctx: MutationCtx[Member], args: Assign
) -> Outcome[None, NotAllowed | NotInOrganisation]:
    member = editing(ctx)
    task = ours(ctx, await ctx.db.tasks.get(args.task), args.task)
    if args.user is not None:
        found = ctx.db.memberships.by_user(user=args.user, organisation=member.organisation)
        if await found.first() is None:
            return Failure(NotInOrganisation(document=args.user))
    await ctx.db.tasks.patch(task.id, assignee=args.user)
    return Success(None)


@impl(TaskWork.merged)
async def merged(ctx: MutationCtx, args: Merged) -> int:
    count, moved_at = 0, ctx.now().timestamp()
    for id in args.tasks:
        task = await ctx.db.tasks.get(id)
        if task is None or task.status == "done":
            continue
        program = await ctx.db.programs.get(task.program)
        # whoever opens a pull request names what they like
        if program is not None and program.repository == args.repository:
            await ctx.db.tasks.patch(
                id,
                status="done",
                moved_at=moved_at,
                is_stalled=False,
                pull_request=args.pull_request,
            )
            await _settle(ctx, task.requirement)
            count += 1
    return count


@impl(TaskWork.flag_stalled)
async def flag_stalled(ctx: MutationCtx, args: NoArgs) -> int:
    """Flag what has been worked on for too long; if that is too much for once, go on after."""
    before = (ctx.now() - STALLED_AFTER).timestamp()
    standing = ctx.db.tasks.by_movement(status="doing", is_stalled=False, moved_at=Range(lt=before))
    found = await standing.take(_AT_ONCE)
    for task in found:
        await ctx.db.tasks.patch(task.id, is_stalled=True)
    if len(found) == _AT_ONCE:
        await ctx.scheduler.run_after(timedelta(), refs.internal.task_work.flag_stalled)
    return len(found)


async def _settle(ctx: MutationCtx, id: Id[Requirement]) -> None:
    """A requirement is done once all of its tasks are, and not before."""
    requirement = await ctx.db.requirements.get(id)
    if requirement is None:
        return
    tasks = await ctx.db.tasks.by_requirement(requirement=id).collect()
    is_done = all(task.status == "done" for task in tasks)
    await ctx.db.requirements.patch(id, status="done" if is_done else "approved")


tasks = impls.tasks(board=board, create=create, move=move, assign=assign)
task_work = impls.task_work(merged=merged, flag_stalled=flag_stalled)
