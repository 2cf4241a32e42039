"""What the notes application promises to its clients."""

from __future__ import annotations

from contextlib import aclosing

import pytest
from returns.result import Failure, Success

from app._generated import refs
from app.notes.spec import Forbidden, NoteNotFound
from app.services import Mailer
from confect_client import AsyncClient
from confect_core.values.codec import Mismatch
from confect_server.runtime import ADMIN, Backend


async def test_the_newest_note_comes_first(client: AsyncClient) -> None:
    for text in ("one", "two", "three"):
        await client.mutation(refs.public.notes.insert, text=text)
    notes = await client.query(refs.public.notes.list)
    assert [note.text for note in notes] == ["three", "two", "one"]
    assert {(note.author, note.at, note.tag) for note in notes} == {("somebody", 1_000.0, None)}
    first = await client.query(refs.public.notes.first)
    assert first is not None
    assert first.text == "one"


async def test_everybody_sees_a_new_note(client: AsyncClient) -> None:
    async with aclosing(client.subscribe(refs.public.notes.list)) as lists:
        assert await anext(lists) == []
        id = await client.mutation(refs.public.notes.insert, text="hi", tag="new")
        (note,) = await anext(lists)
        assert (note.id, note.text, note.tag) == (id, "hi", "new")


async def test_a_note_is_found_by_its_id_until_it_is_removed(client: AsyncClient) -> None:
    id = await client.mutation(refs.public.notes.insert, text="hi")
    assert (await client.query_or_raise(refs.public.notes.get, note_id=id)).text == "hi"
    assert await client.mutation(refs.public.notes.remove, note_id=id) == Success(None)
    with pytest.raises(NoteNotFound):
        await client.query_or_raise(refs.public.notes.get, note_id=id)
    gone = Failure(NoteNotFound(note_id=id))
    assert await client.mutation(refs.public.notes.remove, note_id=id) == gone


async def test_a_pinned_note_is_not_removed(client: AsyncClient) -> None:
    id = await client.mutation(refs.public.notes.insert, text="hi", tag="pinned")
    refused = await client.mutation(refs.public.notes.remove, note_id=id)
    assert refused == Failure(Forbidden(reason="the note is pinned"))
    assert await client.query(refs.public.notes.first) is not None


async def test_a_note_is_short(client: AsyncClient) -> None:
    with pytest.raises(Mismatch, match="at most 100 characters"):
        await client.mutation(refs.public.notes.insert, text="x" * 101)


async def test_notes_are_searched_by_their_text(client: AsyncClient) -> None:
    for text in ("Apples", "Pears", "more apples"):
        await client.mutation(refs.public.notes.insert, text=text)
    search = refs.public.notes.search
    assert await client.query(search, "apple") == ["more apples", "Apples"]
    assert await client.query(search, "apple", limit=1) == ["more apples"]
    assert await client.query(search, "plum") == []


async def test_a_note_is_sent_by_mail(client: AsyncClient, mailer: Mailer) -> None:
    id = await client.mutation(refs.public.notes.insert, text="hi")
    assert await client.action(refs.public.notes.email, note_id=id) is True
    await client.mutation(refs.public.notes.remove, note_id=id)
    assert await client.action(refs.public.notes.email, note_id=id) is False
    assert mailer.sent == ["hi"]


async def test_only_the_backend_clears_the_notes(client: AsyncClient, backend: Backend) -> None:
    await client.mutation(refs.public.notes.insert, text="hi")
    await backend.executor.run_mutation("notes:clear", {}, ADMIN)
    assert await client.query(refs.public.notes.list) == []
