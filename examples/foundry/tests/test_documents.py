"""Documents and the files that they are made of."""

from __future__ import annotations

from returns.result import Failure

from confect_core import Id, StoredFile
from confect_server.testing import TestApp
from foundry._generated import refs
from foundry.access import NotAllowed
from foundry.documents.spec import NoSuchUpload
from foundry.tables import Document
from foundry.testing.people import Company, company, got, uploaded

public = refs.public


async def added(t: TestApp, acme: Company) -> Document:
    file = await uploaded(t, acme, b"It must fly")
    created = await acme.editor.calls.mutation(
        public.documents.add,
        organisation=acme.organisation,
        program=acme.program,
        title="Charter",
        file=file,
    )
    found = await t.query(refs.internal.analyses.document, document=got(created))
    assert found is not None
    return found


async def url_of(acme: Company, document: Document) -> str | None:
    return got(
        await acme.viewer.calls.query(
            public.documents.url, organisation=acme.organisation, document=document.id
        )
    )


async def test_what_was_uploaded_is_read_by_members(t: TestApp) -> None:
    acme = await company(t, "acme")
    url = await url_of(acme, await added(t, acme))
    assert url is not None
    response = await t.fetch("GET", url)
    assert (response.status_code, response.content) == (200, b"It must fly")
    assert response.headers["content-type"] == "text/plain"


async def test_viewers_upload_nothing(t: TestApp) -> None:
    acme = await company(t, "acme")
    refused = await acme.viewer.calls.mutation(
        public.documents.upload_url, organisation=acme.organisation
    )
    assert refused == Failure(NotAllowed(role="viewer"))


async def test_the_file_of_another_organisation_is_not_taken(t: TestApp) -> None:
    acme, globex = await company(t, "acme"), await company(t, "globex")
    document = await added(t, acme)
    taken = await globex.editor.calls.mutation(
        public.documents.add,
        organisation=globex.organisation,
        program=globex.program,
        title="Ours now",
        file=document.file,
    )
    assert taken == Failure(NoSuchUpload(file=document.file))


async def test_a_document_goes_with_its_file(t: TestApp) -> None:
    acme = await company(t, "acme")
    document = await added(t, acme)
    url = await url_of(acme, document)
    assert url is not None
    remove = public.documents.remove
    got(
        await acme.editor.calls.mutation(
            remove, organisation=acme.organisation, document=document.id
        )
    )
    assert (await t.fetch("GET", url)).status_code == 404
    assert await stored(t, document.file) is None


async def stored(t: TestApp, file: Id[StoredFile]) -> StoredFile | None:
    return await t.read(lambda ctx: ctx.storage.metadata(file))
