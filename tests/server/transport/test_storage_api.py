"""Files over HTTP, through a real server."""

from __future__ import annotations

import hashlib
from base64 import b64encode
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager
from urllib.parse import urlsplit

import anyio
import httpx2
import pytest

from confect_server.runtime import Backend
from confect_server.settings import Settings, Sharing, Storage
from confect_server.storage import MemoryBlobs
from confect_server.storage.errors import BadContentType
from confect_server.store import MemoryStore
from confect_server.transport import AdminKey, ConfectAsgi, serving
from tests.server.storage.archive import Refs, running
from tests.server.storage.test_files import call
from tests.server.stores import SettableClock

_NS_PER_S = 1_000_000_000
SMALL = Settings(storage=Storage(file_bytes=1_000_000))


@pytest.fixture
def clock() -> SettableClock:
    return SettableClock()


@asynccontextmanager
async def served(clock: SettableClock) -> AsyncGenerator[tuple[Backend, httpx2.AsyncClient]]:
    async with (
        running(clock, settings=SMALL) as backend,
        serving(ConfectAsgi(backend, AdminKey("")), "127.0.0.1", 0),
        httpx2.AsyncClient() as http,
    ):
        yield backend, http


async def uploaded(
    backend: Backend, http: httpx2.AsyncClient, content: bytes, **headers: str
) -> str:
    """The URL of a file that was uploaded."""
    to = await call(backend, Refs.upload_url)
    answer = await http.post(to, content=content, headers=headers)
    assert answer.status_code == 200, answer.text
    url = await call(backend, Refs.url, file=answer.json()["storageId"])
    assert url is not None
    return url


def bytes_in(backend: Backend) -> int:
    blobs = backend.files.blobs
    assert isinstance(blobs, MemoryBlobs)
    return len(blobs._stored)


def digest_of(content: bytes) -> str:
    return b64encode(hashlib.sha256(content).digest()).decode()


async def test_a_file_is_uploaded_and_downloaded(clock: SettableClock) -> None:
    async with served(clock) as (backend, http):
        content = bytes(range(256)) * 2_000
        url = await uploaded(backend, http, content, **{"content-type": "image/png"})
        answer = await http.get(url)
        assert (answer.status_code, answer.content) == (200, content)
        assert answer.headers["content-type"] == "image/png"
        assert answer.headers["content-length"] == str(len(content))
        assert answer.headers["digest"] == f"sha-256={digest_of(content)}"
        assert answer.headers["cache-control"] == "private, max-age=2592000"
        assert answer.headers["accept-ranges"] == "bytes"
        head = await http.head(url)
        assert (head.status_code, head.content) == (200, b"")
        assert head.headers["content-length"] == str(len(content))


async def test_a_part_of_a_file_is_asked_for(clock: SettableClock) -> None:
    async with served(clock) as (backend, http):
        url = await uploaded(backend, http, b"0123456789")
        part = await http.get(url, headers={"range": "bytes=2-4"})
        assert (part.status_code, part.content) == (206, b"234")
        assert part.headers["content-range"] == "bytes 2-4/10"
        last = await http.get(url, headers={"range": "bytes=-3"})
        assert last.content == b"789"
        several = await http.get(url, headers={"range": "bytes=0-1,4-5"})
        assert several.status_code == 416
        assert several.headers["content-range"] == "bytes */10"


async def test_a_file_is_found_by_its_key_as_uuids_are_written(clock: SettableClock) -> None:
    async with served(clock) as (backend, http):
        url = await uploaded(backend, http, b"abc")
        start, key = url[:-32], url[-32:]
        dashed = f"{key[:8]}-{key[8:12]}-{key[12:16]}-{key[16:20]}-{key[20:]}"
        assert (await http.get(start + dashed)).content == b"abc"
        assert (await http.get(f"{url}?component=x")).content == b"abc"
        unknown = await http.get(f"{start}00000000-0000-4000-8000-000000000000")
        assert (unknown.status_code, unknown.json()["code"]) == (404, "FileNotFound")
        for wrong in ("", "x", dashed[1:], dashed.replace("-", "", 1), "0" * 31):
            answer = await http.get(start + wrong)
            assert (answer.status_code, answer.json()["code"]) == (400, "InvalidStoragePath")


async def test_an_empty_file_is_a_file(clock: SettableClock) -> None:
    async with served(clock) as (backend, http):
        url = await uploaded(backend, http, b"")
        answer = await http.get(url, headers={"range": "bytes=0-1"})
        assert (answer.status_code, answer.content) == (200, b"")


async def test_a_file_that_is_opened_as_a_page_can_do_nothing_there(clock: SettableClock) -> None:
    async with served(clock) as (backend, http):
        url = await uploaded(backend, http, b"<script>", **{"content-type": "text/html"})
        answer = await http.get(url)
        assert answer.headers["content-type"] == "text/html"
        assert answer.headers["content-security-policy"] == "sandbox"
        assert answer.headers["x-content-type-options"] == "nosniff"


async def test_a_browser_that_has_the_file_is_told_so(clock: SettableClock) -> None:
    async with served(clock) as (backend, http):
        url = await uploaded(backend, http, b"abc")
        tag = (await http.get(url)).headers["etag"]
        again = await http.get(url, headers={"if-none-match": tag})
        assert (again.status_code, again.content) == (304, b"")


async def test_pages_of_other_origins_read_and_upload(clock: SettableClock) -> None:
    async with served(clock) as (backend, http):
        origin = {"origin": "https://page.example"}
        url = await uploaded(backend, http, b"abc")
        answer = await http.get(url, headers=origin)
        assert answer.headers["access-control-allow-origin"] == "https://page.example"
        to = await call(backend, Refs.upload_url)
        asked = await http.options(to, headers={**origin, "access-control-request-headers": "x"})
        assert asked.status_code == 204
        refused = await http.post(to.replace("token=", "token=x"), content=b"", headers=origin)
        assert refused.headers["access-control-allow-origin"] == "https://page.example"


@pytest.mark.parametrize("header", ["digest", "content-digest"])
async def test_what_was_changed_on_its_way_is_refused(clock: SettableClock, header: str) -> None:
    async with served(clock) as (backend, http):
        to = await call(backend, Refs.upload_url)
        said = digest_of(b"abc") if header == "digest" else f":{digest_of(b'abc')}:"
        wrong = await http.post(to, content=b"abd", headers={header: f"sha-256={said}"})
        assert (wrong.status_code, wrong.json()["code"]) == (400, "WrongDigest")
        assert bytes_in(backend) == 0
        right = await http.post(to, content=b"abc", headers={header: f"sha-256={said}"})
        assert right.status_code == 200


async def test_a_file_that_is_too_large_is_refused_and_not_kept(clock: SettableClock) -> None:
    async with served(clock) as (backend, http):
        to = await call(backend, Refs.upload_url)
        answer = await http.post(to, content=bytes(1_000_001))
        assert (answer.status_code, answer.json()["code"]) == (413, "BlobTooLarge")
        assert bytes_in(backend) == 0


async def test_a_client_that_leaves_leaves_nothing(clock: SettableClock) -> None:
    async def half() -> AsyncIterator[bytes]:
        yield b"abc"
        raise ConnectionAbortedError

    async with served(clock) as (backend, http):
        to = await call(backend, Refs.upload_url)
        with pytest.raises(ConnectionAbortedError):
            await http.post(to, content=half())
        await uploaded(backend, http, b"after")
        assert bytes_in(backend) == 1
        assert len(await call(backend, Refs.every)) == 1


async def test_a_token_is_for_an_hour_and_of_this_database(clock: SettableClock) -> None:
    async with served(clock) as (backend, http):
        to = await call(backend, Refs.upload_url)
        for token in ("", "x", "å", to.partition("token=")[2][:-2] + "AA"):
            answer = await http.post(to.partition("?")[0], content=b"", params={"token": token})
            assert (answer.status_code, answer.json()["code"]) == (401, "StorageTokenInvalid")
        assert (await http.post(to, content=b"")).status_code == 200
        assert (await http.post(to, content=b"")).status_code == 200
        clock.at_ns += 3_601 * _NS_PER_S
        late = await http.post(to, content=b"")
        assert (late.status_code, late.json()["code"]) == (401, "StorageTokenExpired")
    async with served(clock) as (other, http):
        own = await call(other, Refs.upload_url)
        foreign = own.partition("token=")[0] + "token=" + to.partition("token=")[2]
        assert (await http.post(foreign, content=b"")).json()["code"] == "StorageTokenInvalid"


async def test_paths_of_no_file_and_of_deleted_ones(clock: SettableClock) -> None:
    async with served(clock) as (backend, http):
        to = await call(backend, Refs.upload_url)
        file = (await http.post(to, content=b"abc")).json()["storageId"]
        url = await call(backend, Refs.url, file=file)
        assert url is not None
        at = url.rpartition("/")[0]
        assert (await http.get(f"{at}/nonsense")).json()["code"] == "InvalidStoragePath"
        assert (await http.get(f"{at}/{'0' * 32}")).json()["code"] == "FileNotFound"
        await call(backend, Refs.delete, file=file)
        gone = await http.get(url)
        assert (gone.status_code, gone.json()["code"]) == (404, "FileNotFound")
        assert (await http.put(url, content=b"")).status_code == 405


async def test_a_slow_reader_does_not_make_the_server_read_ahead(clock: SettableClock) -> None:
    async with served(clock) as (backend, http):
        url = await uploaded(backend, http, bytes(1_000_000))
        async with http.stream("GET", url) as answer:
            parts = answer.aiter_bytes(1_000)
            assert len(await anext(parts)) == 1_000
            other = await uploaded(backend, http, b"others go on")
            assert (await http.get(other)).content == b"others go on"
        with anyio.fail_after(20):
            assert (await http.get(other)).content == b"others go on"


@pytest.mark.parametrize("said", ["sha-256=short", "sha-256=:YWJj:", "sha-256=A"])
async def test_a_digest_that_is_none_is_refused(clock: SettableClock, said: str) -> None:
    async with served(clock) as (backend, http):
        to = await call(backend, Refs.upload_url)
        answer = await http.post(to, content=b"abc", headers={"digest": said})
        assert (answer.status_code, answer.json()["code"]) == (400, "BadDigest")
        assert bytes_in(backend) == 0


@pytest.mark.parametrize("content_type", ["text/plain\r\nx: y", "tëxt/plain", "文"])
async def test_a_content_type_that_no_header_can_carry_is_refused(
    clock: SettableClock, content_type: str
) -> None:
    async with served(clock) as (backend, http):
        with pytest.raises(BadContentType):
            await call(backend, Refs.store, content=b"abc", content_type=content_type)
        to = await call(backend, Refs.upload_url)
        answer = await http.post(to, content=b"", headers={b"content-type": b"\xe9"})
        assert (answer.status_code, answer.json()["code"]) == (400, "BadContentType")
        assert bytes_in(backend) == 0


async def test_what_says_that_it_is_too_large_is_not_waited_for(clock: SettableClock) -> None:
    async with served(clock) as (backend, _):
        to = urlsplit(await call(backend, Refs.upload_url))
        async with await anyio.connect_tcp("127.0.0.1", to.port or 0) as stream:
            head = (
                f"POST {to.path}?{to.query} HTTP/1.1\r\nHost: x\r\nContent-Length: 1000001\r\n\r\n"
            )
            await stream.send(head.encode())
            with anyio.fail_after(20):
                assert (await stream.receive()).startswith(b"HTTP/1.1 413 ")


async def test_what_was_uploaded_is_taken_for_what_it_was_said_to_be(clock: SettableClock) -> None:
    async with served(clock) as (backend, http):
        url = await uploaded(backend, http, b"<script>", **{"content-type": "text/plain"})
        for range_ in ("bytes=0-3", "bytes=0-"):
            answer = await http.get(url, headers={"range": range_})
            assert answer.headers["x-content-type-options"] == "nosniff"


async def test_every_form_in_which_a_browser_names_what_it_has(clock: SettableClock) -> None:
    async with served(clock) as (backend, http):
        url = await uploaded(backend, http, b"0123456789")
        tag = (await http.head(url)).headers["etag"]
        for known in (f"W/{tag}", f'"other", {tag}', "*"):
            answer = await http.get(url, headers={"if-none-match": known})
            assert (answer.status_code, answer.content) == (304, b"")
        for known, expected in ((tag, b"01"), ('"other"', b"0123456789")):
            answer = await http.get(url, headers={"range": "bytes=0-1", "if-range": known})
            assert answer.content == expected


async def test_a_file_is_there_for_a_process_that_was_not_told_of_it(
    clock: SettableClock,
) -> None:
    store, blobs = MemoryStore(), MemoryBlobs(clock)
    untold = Settings(sharing=Sharing(poll_s=None))
    async with (
        running(clock, store, blobs=blobs, settings=untold) as one,
        running(clock, store, blobs=blobs, settings=untold) as other,
        serving(ConfectAsgi(other, AdminKey("")), "127.0.0.1", 0) as port,
        httpx2.AsyncClient() as http,
    ):
        url = await call(one, Refs.url, file=await call(one, Refs.store, content=b"abc"))
        assert url is not None
        answer = await http.get(f"http://127.0.0.1:{port}{urlsplit(url).path}")
        assert (answer.status_code, answer.content) == (200, b"abc")
