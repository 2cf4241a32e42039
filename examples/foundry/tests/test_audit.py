"""The audit log: every write, whoever writes, and nothing that was undone."""

from __future__ import annotations

from returns.result import Failure

from confect_core import PaginationOptions
from confect_server.testing import TestApp
from foundry._generated import refs
from foundry._generated.db import QueryCtx
from foundry.access import NotAllowed
from foundry.tables import AuditEntry
from foundry.testing.people import Company, company, got

public = refs.public
ALL = PaginationOptions(num_items=100)


async def entries(acme: Company) -> list[AuditEntry]:
    """All entries, the newest first."""
    page = await acme.owner.calls.page(public.audit.entries, ALL, organisation=acme.organisation)
    return got(page).page


async def test_every_write_is_noted_with_who_did_what(t: TestApp) -> None:
    acme = await company(t, "acme")
    before = len(await entries(acme))
    requirement = await acme.approved()
    change, insert = (await entries(acme))[: len(await entries(acme)) - before]
    assert (insert.action, insert.table, insert.fields) == ("insert", "requirements", [])
    assert (change.action, change.fields) == ("change", ["status"])
    for entry in (insert, change):
        assert (entry.document, entry.actor) == (requirement, acme.editor.user)


async def test_what_a_mutation_undoes_is_not_noted(t: TestApp) -> None:
    acme = await company(t, "acme")
    before = await entries(acme)
    refused = await acme.viewer.calls.mutation(
        public.programs.create, organisation=acme.organisation, name="x", description=""
    )
    assert isinstance(refused, Failure)
    assert await entries(acme) == before


async def test_only_owners_read_it(t: TestApp) -> None:
    acme = await company(t, "acme")
    page = await acme.editor.calls.page(public.audit.entries, ALL, organisation=acme.organisation)
    assert page == Failure(NotAllowed(role="editor"))


async def test_entries_are_of_one_organisation(t: TestApp) -> None:
    acme, globex = await company(t, "acme"), await company(t, "globex")

    async def every(ctx: QueryCtx) -> list[AuditEntry]:
        return await ctx.db.audit_entries.query().collect()

    assert {each.organisation for each in await entries(acme)} == {acme.organisation}
    both = await t.read(every)
    assert {each.organisation for each in both} == {acme.organisation, globex.organisation}
