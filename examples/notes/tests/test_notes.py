"""What the notes application promises."""

from __future__ import annotations

import pytest
from returns.result import Failure, Success

from app._generated import refs
from app._generated.db import MutationCtx
from app.notes.spec import Forbidden, NoteNotFound
from app.services import Mailer
from app.tables import Note
from confect_core import Id
from confect_core.values.codec import Mismatch
from confect_server.testing import TestApp

notes = refs.public.notes


async def test_the_newest_note_comes_first(t: TestApp) -> None:
    for text in ("one", "two", "three"):
        await t.mutation(notes.insert, text=text)
    found = await t.query(notes.list)
    assert [note.text for note in found] == ["three", "two", "one"]
    assert {(note.author, note.at, note.tag) for note in found} == {("somebody", 1_000.0, None)}
    first = await t.query(notes.first)
    assert first is not None
    assert first.text == "one"


async def test_everybody_sees_a_new_note(t: TestApp) -> None:
    async with t.as_client().subscribe(notes.list) as lists:
        assert await anext(lists) == []
        id = await t.mutation(notes.insert, text="hi", tag="new")
        (note,) = await anext(lists)
        assert (note.id, note.text, note.tag) == (id, "hi", "new")


async def test_a_note_is_found_by_its_id_until_it_is_removed(t: TestApp) -> None:
    id = await t.mutation(notes.insert, text="hi")
    assert (await t.query(notes.get, note_id=id)).unwrap().text == "hi"
    assert await t.mutation(notes.remove, note_id=id) == Success(None)
    gone = Failure(NoteNotFound(note_id=id))
    assert await t.query(notes.get, note_id=id) == gone
    assert await t.mutation(notes.remove, note_id=id) == gone


async def test_a_pinned_note_is_not_removed(t: TestApp) -> None:
    async def pin(ctx: MutationCtx) -> Id[Note]:
        return await ctx.db.notes.insert(text="hi", author="somebody", at=0.0, tag="pinned")

    id = await t.run(pin)
    refused = await t.mutation(notes.remove, note_id=id)
    assert refused == Failure(Forbidden(reason="the note is pinned"))
    assert await t.query(notes.first) is not None


async def test_a_note_is_short(t: TestApp) -> None:
    with pytest.raises(Mismatch, match="at most 100 characters"):
        await t.mutation(notes.insert, text="x" * 101)


async def test_notes_are_searched_by_their_text(t: TestApp) -> None:
    for text in ("Apples", "Pears", "more apples"):
        await t.mutation(notes.insert, text=text)
    assert await t.query(notes.search, "apple") == ["more apples", "Apples"]
    assert await t.query(notes.search, "apple", limit=1) == ["more apples"]
    assert await t.query(notes.search, "plum") == []


async def test_a_note_is_sent_by_mail(t: TestApp, mailer: Mailer) -> None:
    id = await t.mutation(notes.insert, text="hi")
    assert await t.action(notes.email, note_id=id) is True
    await t.mutation(notes.remove, note_id=id)
    assert await t.action(notes.email, note_id=id) is False
    assert mailer.sent == ["hi"]


async def test_the_backend_clears_the_notes(t: TestApp) -> None:
    await t.mutation(notes.insert, text="hi")
    await t.mutation(refs.internal.notes.clear)
    assert await t.query(notes.list) == []
