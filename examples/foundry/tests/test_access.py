"""Who may do what, and that nobody sees what other organisations have."""

from __future__ import annotations

from returns.result import Failure, Success

from confect_server.testing import TestApp
from foundry._generated import refs
from foundry.access import NoAccess, NotAllowed, NotInOrganisation, NotSignedIn
from foundry.members.spec import LastOwner, NobodyOfThatAddress
from foundry.testing.people import company, got, person

public = refs.public


async def test_who_has_not_signed_in_is_told_so(t: TestApp) -> None:
    acme = await company(t, "acme")
    nobody, stranger = t.as_client(), t.as_user(subject="stranger").as_client()
    for calls in (nobody, stranger):
        listed = await calls.query(public.programs.list, organisation=acme.organisation)
        assert listed == Failure(NotSignedIn())
    assert await nobody.mutation(public.account.sign_in) == Failure(NotSignedIn())


async def test_members_see_their_organisations_and_no_others(t: TestApp) -> None:
    acme, globex = await company(t, "acme"), await company(t, "globex")
    (mine,) = got(await acme.viewer.calls.query(public.account.organisations))
    assert (mine.organisation.id, mine.role) == (acme.organisation, "viewer")
    refused = await acme.owner.calls.query(public.programs.list, organisation=globex.organisation)
    assert refused == Failure(NoAccess(organisation=globex.organisation))


async def test_a_document_of_another_organisation_is_as_good_as_none(t: TestApp) -> None:
    acme, globex = await company(t, "acme"), await company(t, "globex")
    refused = await acme.owner.calls.query(
        public.requirements.of_program, organisation=acme.organisation, program=globex.program
    )
    assert refused == Failure(NotInOrganisation(document=globex.program))
    archived = await acme.owner.calls.mutation(
        public.programs.archive, organisation=acme.organisation, program=globex.program
    )
    assert archived == Failure(NotInOrganisation(document=globex.program))
    (program,) = got(
        await globex.viewer.calls.query(public.programs.list, organisation=globex.organisation)
    )
    assert not program.is_archived


async def test_a_viewer_changes_nothing(t: TestApp) -> None:
    acme = await company(t, "acme")
    created = await acme.viewer.calls.mutation(
        public.programs.create, organisation=acme.organisation, name="x", description=""
    )
    assert created == Failure(NotAllowed(role="viewer"))


async def test_a_new_member_sees_programs_as_soon_as_they_are_added(t: TestApp) -> None:
    acme, new = await company(t, "acme"), await person(t, "new")
    async with new.calls.subscribe(
        public.programs.list, organisation=acme.organisation
    ) as programs:
        assert await anext(programs) == Failure(NoAccess(organisation=acme.organisation))
        await acme.owner.calls.mutation(
            public.members.add,
            organisation=acme.organisation,
            email="new@example.org",
            role="viewer",
        )
        assert [each.name for each in got(await anext(programs))] == ["Rocket"]
        await acme.owner.calls.mutation(
            public.members.remove, organisation=acme.organisation, user=new.user
        )
        assert await anext(programs) == Failure(NoAccess(organisation=acme.organisation))


async def test_an_organisation_keeps_an_owner(t: TestApp) -> None:
    acme = await company(t, "acme")
    left = await acme.owner.calls.mutation(
        public.members.remove, organisation=acme.organisation, user=acme.owner.user
    )
    assert left == Failure(LastOwner())


async def test_nobody_is_added_by_an_address_that_nobody_has_proved(t: TestApp) -> None:
    acme = await company(t, "acme")
    claimed = t.as_user(subject="liar", email="boss@example.org", emailVerified=False)
    assert isinstance(await claimed.mutation(public.account.sign_in), Success)
    added = await acme.owner.calls.mutation(
        public.members.add, organisation=acme.organisation, email="boss@example.org", role="owner"
    )
    assert added == Failure(NobodyOfThatAddress(email="boss@example.org"))
