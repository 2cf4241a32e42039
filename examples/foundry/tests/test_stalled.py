"""Tasks that have been worked on for weeks are flagged at night."""

from __future__ import annotations

from datetime import timedelta

from confect_core import Id, PaginationOptions
from confect_server.testing import TestApp
from foundry._generated import refs
from foundry.tables import Task
from foundry.testing.people import Company, company, got

public = refs.public
NIGHT = timedelta(days=1)


async def task_in(acme: Company) -> Id[Task]:
    return got(
        await acme.editor.calls.mutation(
            public.tasks.create,
            organisation=acme.organisation,
            requirement=await acme.approved(),
            title="Build it",
        )
    )


async def move(acme: Company, task: Id[Task]) -> None:
    """Begin a task, or begin it again."""
    move = public.tasks.move
    got(
        await acme.editor.calls.mutation(
            move, organisation=acme.organisation, task=task, status="doing"
        )
    )


async def stalled(acme: Company) -> list[Id[Task]]:
    options = PaginationOptions(num_items=1000)
    page = await acme.viewer.calls.page(
        public.tasks.board, options, organisation=acme.organisation, program=acme.program
    )
    return [task.id for task in got(page).page if task.is_stalled]


async def test_a_task_that_stands_still_for_two_weeks_is_flagged(t: TestApp) -> None:
    acme = await company(t, "acme")
    _waiting, stands, moves = [await task_in(acme) for _ in range(3)]
    await move(acme, stands)
    await t.advance(timedelta(days=13))
    await move(acme, moves)
    assert await stalled(acme) == []
    await t.advance(timedelta(days=2))
    assert await stalled(acme) == [stands]
    await t.advance(timedelta(days=30))
    assert await stalled(acme) == [stands, moves]


async def test_a_task_that_moves_again_is_not_flagged_any_more(t: TestApp) -> None:
    acme = await company(t, "acme")
    task = await task_in(acme)
    await move(acme, task)
    await t.advance(timedelta(days=30))
    assert await stalled(acme) == [task]
    await move(acme, task)
    assert await stalled(acme) == []
    await t.advance(NIGHT)
    assert await stalled(acme) == []


async def test_more_than_one_transaction_takes_are_flagged_in_one_night(t: TestApp) -> None:
    acme = await company(t, "acme")
    tasks = [await task_in(acme) for _ in range(450)]
    for task in tasks:
        await move(acme, task)
    await t.advance(timedelta(days=15))
    assert await stalled(acme) == tasks
