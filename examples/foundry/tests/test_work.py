"""Requirements and tasks."""

from __future__ import annotations

from returns.result import Failure, Success

from confect_core import Id, PaginationOptions
from confect_server.testing import TestApp
from foundry._generated import refs
from foundry.tables import Requirement, Task
from foundry.tasks.spec import NotApproved
from foundry.testing.people import Company, company, got

public = refs.public


async def task_of(acme: Company, requirement: Id[Requirement], title: str = "Build it") -> Id[Task]:
    return got(
        await acme.editor.calls.mutation(
            public.tasks.create,
            organisation=acme.organisation,
            requirement=requirement,
            title=title,
        )
    )


async def requirement_in(acme: Company, id: Id[Requirement]) -> Requirement:
    every = got(
        await acme.viewer.calls.query(
            public.requirements.of_program, organisation=acme.organisation, program=acme.program
        )
    )
    return next(each for each in every if each.id == id)


async def test_work_begins_once_its_requirement_is_approved(t: TestApp) -> None:
    acme = await company(t, "acme")
    draft = await acme.requirement()
    refused = await acme.editor.calls.mutation(
        public.tasks.create, organisation=acme.organisation, requirement=draft, title="Build it"
    )
    assert refused == Failure(NotApproved())
    assert (await requirement_in(acme, draft)).created_by == acme.editor.user
    await task_of(acme, await acme.approved())


async def test_a_requirement_is_done_when_all_of_its_tasks_are(t: TestApp) -> None:
    acme = await company(t, "acme")
    requirement = await acme.approved()
    tasks = [await task_of(acme, requirement, title) for title in ("one", "two")]
    for task, expected in zip(tasks, ("approved", "done"), strict=True):
        await acme.editor.calls.mutation(
            public.tasks.move, organisation=acme.organisation, task=task, status="done"
        )
        assert (await requirement_in(acme, requirement)).status == expected
    await acme.editor.calls.mutation(
        public.tasks.move, organisation=acme.organisation, task=tasks[0], status="doing"
    )
    assert (await requirement_in(acme, requirement)).status == "approved"


async def test_tasks_are_assigned_to_members(t: TestApp) -> None:
    acme, globex = await company(t, "acme"), await company(t, "globex")
    task = await task_of(acme, await acme.approved())
    for user, is_member in ((acme.viewer.user, True), (globex.viewer.user, False), (None, True)):
        assigned = await acme.editor.calls.mutation(
            public.tasks.assign, organisation=acme.organisation, task=task, user=user
        )
        assert isinstance(assigned, Success) is is_member


async def test_a_board_comes_in_pages(t: TestApp) -> None:
    acme = await company(t, "acme")
    requirement = await acme.approved()
    for number in range(5):
        await task_of(acme, requirement, str(number))
    titles: list[str] = []
    cursor: str | None = None
    for _ in range(2):
        page = got(
            await acme.viewer.calls.page(
                public.tasks.board,
                PaginationOptions(num_items=3, cursor=cursor),
                organisation=acme.organisation,
                program=acme.program,
            )
        )
        titles += [task.title for task in page.page]
        cursor = page.continue_cursor
    assert titles == ["0", "1", "2", "3", "4"]
