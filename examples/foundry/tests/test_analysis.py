"""The analysis of documents: asked for, waited for, and not lost when something fails."""

from __future__ import annotations

from confect_core import Id
from confect_server.testing import TestApp
from foundry._generated import refs
from foundry.tables import Document
from foundry.testing.model import ScriptedModel
from foundry.testing.people import Company, company, got

public = refs.public


async def added(acme: Company, title: str = "Charter") -> Id[Document]:
    return got(
        await acme.editor.calls.mutation(
            public.documents.add,
            organisation=acme.organisation,
            program=acme.program,
            title=title,
            content="It must fly",
        )
    )


async def request(acme: Company, document: Id[Document]) -> None:
    got(
        await acme.editor.calls.mutation(
            public.documents.request_analysis, organisation=acme.organisation, document=document
        )
    )


async def test_whoever_watches_sees_the_analysis_come(t: TestApp, model: ScriptedModel) -> None:
    acme = await company(t, "acme")
    document = await added(acme)
    async with acme.viewer.calls.subscribe(
        public.documents.of_program, organisation=acme.organisation, program=acme.program
    ) as documents:
        assert [each.status for each in got(await anext(documents))] == ["new"]
        await request(acme, document)
        assert [each.status for each in got(await anext(documents))] == ["waiting"]
        await t.run_due()
        (analysed,) = got(await anext(documents))
    assert analysed.status == "analysed"
    assert analysed.analysis is not None
    assert analysed.analysis.requirements == ["It must fly"]
    assert model.read == ["Charter"]


async def test_asking_twice_is_asking_once(t: TestApp, model: ScriptedModel) -> None:
    acme = await company(t, "acme")
    document = await added(acme)
    await request(acme, document)
    await request(acme, document)
    await t.run_due()
    assert model.read == ["Charter"]


async def test_a_model_that_fails_leaves_word_and_may_be_asked_again(
    t: TestApp, model: ScriptedModel
) -> None:
    acme = await company(t, "acme")
    document = await added(acme)
    model.is_down = True
    for expected in ("failed", "analysed"):
        await request(acme, document)
        await t.run_due()
        found = await t.query(refs.internal.analyses.document, document=document)
        assert found is not None
        assert found.status == expected
        model.is_down = False


async def test_what_was_asked_for_survives_a_crash(t: TestApp, model: ScriptedModel) -> None:
    acme = await company(t, "acme")
    document = await added(acme)
    await request(acme, document)
    await t.crash()
    await t.run_due()
    found = await t.query(refs.internal.analyses.document, document=document)
    assert found is not None
    assert found.status == "analysed"
    assert model.read == ["Charter"]
