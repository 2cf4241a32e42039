"""What build systems call: JSON over HTTP, with a token of the identity provider."""

from __future__ import annotations

from typing import Any

import httpx2

from confect_core import Id
from confect_server.testing import TestApp
from foundry._generated import refs
from foundry.tables import Requirement, Role, Task
from foundry.testing.issuer import Issuer
from foundry.testing.people import Company, company, got

public = refs.public


class Build:
    """A build of a company, which bears the token of a member that it has for builds."""

    def __init__(self, t: TestApp, of: Company, authorization: str) -> None:
        self._t = t
        self._organisation = of.organisation
        self.authorization = authorization

    async def progress(self, requirement: Id[Requirement]) -> httpx2.Response:
        path = f"/v1/organisations/{self._organisation}/requirements/{requirement}"
        return await self._t.fetch("GET", path, headers={"authorization": self.authorization})

    async def move(self, task: Id[Task], status: str) -> httpx2.Response:
        path = f"/v1/organisations/{self._organisation}/tasks/{task}/moves"
        return await self._t.fetch(
            "POST", path, json={"status": status}, headers={"authorization": self.authorization}
        )


async def build_of(t: TestApp, issuer: Issuer, acme: Company, role: Role) -> Build:
    """A build that may do as much as somebody with this role."""
    email = f"{role}-build@example.org"
    token = issuer.token(role, t.now, email=email, email_verified=True)
    signed_in = t.as_user(issuer=issuer.url, subject=role, email=email, emailVerified=True)
    got(await signed_in.mutation(public.account.sign_in))
    add = public.members.add
    got(
        await acme.owner.calls.mutation(add, organisation=acme.organisation, email=email, role=role)
    )
    return Build(t, acme, f"Bearer {token}")


async def task_of(acme: Company, requirement: Id[Requirement]) -> Id[Task]:
    return got(
        await acme.editor.calls.mutation(
            public.tasks.create,
            organisation=acme.organisation,
            requirement=requirement,
            title="Build it",
        )
    )


async def test_a_build_moves_tasks_and_asks_how_far_it_has_come(t: TestApp, issuer: Issuer) -> None:
    acme = await company(t, "acme")
    build, requirement = await build_of(t, issuer, acme, "editor"), await acme.approved()
    first, _second = await task_of(acme, requirement), await task_of(acme, requirement)
    moved = await build.move(first, "done")
    assert (moved.status_code, moved.content) == (204, b"")
    progress = await build.progress(requirement)
    assert progress.json() == {
        "title": "It starts",
        "status": "approved",
        "open_tasks": 1,
        "done_tasks": 1,
    }


async def test_a_build_may_do_what_its_member_may(t: TestApp, issuer: Issuer) -> None:
    acme, globex = await company(t, "acme"), await company(t, "globex")
    build = await build_of(t, issuer, acme, "viewer")
    requirement = await acme.approved()
    task = await task_of(acme, requirement)
    told = [
        (each.status_code, each.json()["code"])
        for each in (
            await build.move(task, "done"),
            await build.move(task, "somewhere"),
            await build.progress(await globex.requirement()),
            await Build(t, acme, "Bearer of nothing").progress(requirement),
            await Build(t, globex, build.authorization).progress(requirement),
        )
    ]
    assert told == [
        (403, "NotAllowed"),
        (422, "InvalidRequest"),
        (404, "NotInOrganisation"),
        (401, "NotSignedIn"),
        (403, "NoAccess"),
    ]


async def test_openapi_describes_it(t: TestApp) -> None:
    described: dict[str, Any] = (await t.fetch("GET", "/openapi.json")).json()
    path = "/v1/organisations/{organisation}/requirements/{requirement}"
    answers = described["paths"][path]["get"]["responses"]
    assert {"200", "401", "403", "404"} <= set(answers)
    assert "bearer" in described["components"]["securitySchemes"]
