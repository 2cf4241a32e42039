"""The analysis of documents: asked for, waited for, and not lost when something fails."""

from __future__ import annotations

from confect_core import Id
from confect_server.testing import TestApp
from foundry._generated import refs
from foundry.documents.impl import ATTEMPT_TAKES, ATTEMPTS
from foundry.tables import Document
from foundry.testing.model import ScriptedModel
from foundry.testing.people import Company, company, got, uploaded

public = refs.public


async def added(
    t: TestApp, acme: Company, title: str = "Charter", content: bytes = b"It must fly"
) -> Id[Document]:
    """A new document with a file that was uploaded."""
    return got(
        await acme.editor.calls.mutation(
            public.documents.add,
            organisation=acme.organisation,
            program=acme.program,
            title=title,
            file=await uploaded(t, acme, content),
        )
    )


async def request(acme: Company, document: Id[Document]) -> None:
    got(
        await acme.editor.calls.mutation(
            public.documents.request_analysis, organisation=acme.organisation, document=document
        )
    )


async def status_of(t: TestApp, document: Id[Document]) -> str:
    found = await t.query(refs.internal.analyses.document, document=document)
    assert found is not None
    return found.status


async def test_whoever_watches_sees_the_analysis_come(t: TestApp, model: ScriptedModel) -> None:
    acme = await company(t, "acme")
    document = await added(t, acme)
    async with acme.viewer.calls.subscribe(
        public.documents.of_program, organisation=acme.organisation, program=acme.program
    ) as documents:
        assert [each.status for each in got(await anext(documents))] == ["new"]
        model.hold()
        await request(acme, document)
        await t.run_due()
        assert [each.status for each in got(await anext(documents))] == ["waiting"]
        model.go_on()
        (analysed,) = got(await anext(documents))
    assert analysed.status == "analysed"
    assert analysed.analysis is not None
    assert analysed.analysis.requirements == ["It must fly"]
    assert model.read == ["Charter"]


async def test_asking_twice_is_asking_once(t: TestApp, model: ScriptedModel) -> None:
    acme = await company(t, "acme")
    document = await added(t, acme)
    await request(acme, document)
    await request(acme, document)
    await t.run_due()
    assert model.read == ["Charter"]


async def test_a_model_that_fails_leaves_word_and_may_be_asked_again(
    t: TestApp, model: ScriptedModel
) -> None:
    acme = await company(t, "acme")
    document = await added(t, acme)
    model.is_down = True
    for expected in ("failed", "analysed"):
        await request(acme, document)
        await t.run_due()
        assert await status_of(t, document) == expected
        model.is_down = False


async def test_an_analysis_that_dies_with_its_server_is_begun_again(
    t: TestApp, model: ScriptedModel
) -> None:
    acme = await company(t, "acme")
    document = await added(t, acme)
    model.hold()
    await request(acme, document)
    await t.run_due()
    assert model.read == ["Charter"]
    await t.crash()
    model.go_on()
    await t.run_due()
    assert await status_of(t, document) == "waiting"
    await t.advance(ATTEMPT_TAKES)
    assert await status_of(t, document) == "analysed"
    assert model.read == ["Charter", "Charter"]


async def test_what_looks_after_one_request_leaves_the_next_alone(
    t: TestApp, model: ScriptedModel
) -> None:
    acme = await company(t, "acme")
    document = await added(t, acme)
    await request(acme, document)
    await t.advance(ATTEMPT_TAKES / 2)
    assert await status_of(t, document) == "analysed"
    model.hold()
    await request(acme, document)
    await t.advance(ATTEMPT_TAKES * 0.75)
    assert model.read == ["Charter", "Charter"]


async def test_a_model_that_never_answers_is_asked_some_times(
    t: TestApp, model: ScriptedModel
) -> None:
    acme = await company(t, "acme")
    document = await added(t, acme)
    model.hold()
    await request(acme, document)
    await t.advance(ATTEMPT_TAKES * (ATTEMPTS + 1))
    assert await status_of(t, document) == "failed"
    assert len(model.read) == ATTEMPTS


async def test_what_is_no_text_fails(t: TestApp, model: ScriptedModel) -> None:
    acme = await company(t, "acme")
    document = await added(t, acme, content=b"\xff\xfe")
    await request(acme, document)
    await t.run_due()
    assert await status_of(t, document) == "failed"
    assert model.read == []
