"""Organisations with people in them, and what they have made, for tests to begin with."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeVar

from confect_core import Id, Outcome, StoredFile, TaggedError
from confect_server.testing import AppClient, TestApp
from foundry._generated import refs
from foundry.tables import Organisation, Program, Requirement, Role, User

T = TypeVar("T")
E = TypeVar("E", bound=TaggedError)


def got(outcome: Outcome[T, E]) -> T:
    """What is in the outcome of a call that should succeed."""
    return outcome.unwrap()


@dataclass(frozen=True)
class Person:
    """Somebody who has signed in, and calls as a browser would."""

    user: Id[User]
    calls: AppClient


async def person(t: TestApp, name: str) -> Person:
    """Somebody who signs in for the first time."""
    email = f"{name}@example.org"
    calls = t.as_user(subject=name, name=name, email=email, emailVerified=True).as_client()
    return Person(got(await calls.mutation(refs.public.account.sign_in)), calls)


@dataclass(frozen=True)
class Company:
    """An organisation with one person of each role, and a program."""

    organisation: Id[Organisation]
    owner: Person
    editor: Person
    viewer: Person
    program: Id[Program]

    async def requirement(self, title: str = "It starts") -> Id[Requirement]:
        """A new requirement of the program."""
        return got(
            await self.editor.calls.mutation(
                refs.public.requirements.create,
                organisation=self.organisation,
                program=self.program,
                title=title,
                description="",
            )
        )

    async def approved(self, title: str = "It starts") -> Id[Requirement]:
        """A new requirement that is approved."""
        requirement = await self.requirement(title)
        await self.editor.calls.mutation(
            refs.public.requirements.approve,
            organisation=self.organisation,
            requirement=requirement,
        )
        return requirement


async def company(t: TestApp, name: str) -> Company:
    """A new organisation of people whose names begin with its own."""
    owner = await person(t, f"{name}-owner")
    organisation = got(await owner.calls.mutation(refs.public.account.found, name=name))
    editor = await _added(t, owner, organisation, f"{name}-editor", "editor")
    viewer = await _added(t, owner, organisation, f"{name}-viewer", "viewer")
    create = refs.public.programs.create
    program = await owner.calls.mutation(
        create, organisation=organisation, name="Rocket", description="It flies"
    )
    return Company(organisation, owner, editor, viewer, got(program))


async def uploaded(t: TestApp, company: Company, content: bytes) -> Id[StoredFile]:
    """A file that the company's editor uploads, as a browser would."""
    upload_url = refs.public.documents.upload_url
    url = got(await company.editor.calls.mutation(upload_url, organisation=company.organisation))
    headers = {"content-type": "text/plain"}
    response = await t.fetch("POST", url, content=content, headers=headers)
    return Id[StoredFile](response.json()["storageId"])


async def _added(
    t: TestApp, owner: Person, organisation: Id[Organisation], name: str, role: Role
) -> Person:
    added = await person(t, name)
    email, add = f"{name}@example.org", refs.public.members.add
    got(await owner.calls.mutation(add, organisation=organisation, email=email, role=role))
    return added
