"""Files over HTTP: uploads to URLs that a mutation has made, and downloads by unguessable ones."""

from __future__ import annotations

import re
from base64 import b64decode
from collections.abc import Awaitable, Callable
from contextlib import suppress
from hashlib import sha256
from typing import TypeVar

from starlette.requests import ClientDisconnect
from starlette.responses import JSONResponse, Response, StreamingResponse

from confect_core import StoredFile
from confect_core.errors import ConfectError
from confect_server.engine import OutOfRetention, Transaction
from confect_server.runtime import Backend
from confect_server.storage import Files
from confect_server.storage.errors import (
    BadContentType,
    BadDigest,
    BlobTooLarge,
    StorageTokenExpired,
    StorageTokenInvalid,
    WrongDigest,
)
from confect_server.storage.rows import file_at
from confect_server.transport.http.byte_range import ByteRange, NoSuchRange, range_of
from confect_server.transport.http.errors import BodyTooSlow, Headers
from confect_server.transport.http.exchange import Exchange
from confect_server.transport.http.intake import Intake
from confect_server.transport.http.refusals import tell_failure

T = TypeVar("T")

PREFIX = "/api/storage/"
_UPLOAD = f"{PREFIX}upload"

_KEY = re.compile(r"[0-9a-f]{32}")
_UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
"""How such keys are usually written, and are looked for by whoever made one up."""
_KEPT_BY_BROWSERS = "private, max-age=2592000"
_LENGTH = re.compile(rb"[0-9]{1,18}")
_DIGEST = re.compile(r"(?:^|,)\s*sha-256=([^,\s]*)", re.IGNORECASE)

_STATUS: dict[type[ConfectError], int] = {
    StorageTokenInvalid: 401,
    StorageTokenExpired: 401,
    BlobTooLarge: 413,
    WrongDigest: 400,
    BadDigest: 400,
    BadContentType: 400,
}


class StorageApi:
    """Takes files and gives them."""

    def __init__(self, backend: Backend, intake: Intake) -> None:
        self._intake = intake
        self._files: Files = backend.files
        self._database = backend.database
        self._transactions = backend.transactions

    async def answer(self, exchange: Exchange) -> bool:
        """Answer a request for a file; False if it is none."""
        if not exchange.path.startswith(PREFIX):
            return False
        try:
            response = await self._response(exchange)
        except Exception as error:
            await tell_failure(exchange, error)
            return True
        if response is not None:
            await exchange.stream_to_any_origin(response)
        return True

    async def _response(self, exchange: Exchange) -> Response | None:
        if exchange.path == _UPLOAD and exchange.method == "POST":
            return await self._taken(exchange)
        if exchange.method in ("GET", "HEAD"):
            return await self._given(exchange, exchange.path.removeprefix(PREFIX))
        return Response("Method not allowed", 405, headers={"allow": "GET, HEAD"})

    async def _taken(self, exchange: Exchange) -> Response | None:
        """The answer to an upload; None if nobody is there any more to be told."""
        content_type = exchange.header(b"content-type")
        try:
            self._files.check_token(exchange.query.get("token", ""))
            if _length_said(exchange) > self._files.largest:
                raise BlobTooLarge(self._files.largest)
            digest = _digest_in(exchange)
            told_type = None if content_type is None else content_type.decode("latin-1")
            chunks = self._intake.patient(exchange).chunks()
            id = await self._files.add(chunks, told_type, digest, self._write)
        except ClientDisconnect:
            return None
        except BodyTooSlow as slow:
            return _refusal(exchange, slow.status, slow.code, str(slow), slow.headers)
        except tuple(_STATUS) as refused:
            return _refusal(exchange, _STATUS[type(refused)], type(refused).__name__, str(refused))
        return JSONResponse({"storageId": id})

    async def _given(self, exchange: Exchange, key: str) -> Response:
        key = key.replace("-", "") if _UUID.fullmatch(key) else key
        if not _KEY.fullmatch(key):
            return _refusal(exchange, 400, "InvalidStoragePath", "the path is of no file")
        file = await self._file_at(key)
        if file is None:
            return _refusal(exchange, 404, "FileNotFound", "there is no such file")
        headers = _headers_of(file)
        etag = headers["etag"].encode()
        if _has(exchange.header(b"if-none-match"), etag):
            return Response(status_code=304, headers=headers)
        is_same = exchange.header(b"if-range") in (None, etag)
        try:
            wanted = range_of(exchange.header(b"range") if is_same else None, file.size)
        except NoSuchRange:
            headers["content-range"] = f"bytes */{file.size}"
            return Response(status_code=416, headers=headers)
        return self._content(exchange, key, file, wanted)

    def _content(
        self, exchange: Exchange, key: str, file: StoredFile, wanted: ByteRange | None
    ) -> Response:
        headers = _headers_of(file)
        start, end = (0, file.size) if wanted is None else wanted
        if wanted is not None:
            headers["content-range"] = f"bytes {start}-{end - 1}/{file.size}"
        headers["content-length"] = str(end - start)
        status = 200 if wanted is None else 206
        if exchange.method == "HEAD":
            return Response(status_code=status, headers=headers)
        return StreamingResponse(self._files.read(key, start, end), status, headers)

    async def _file_at(self, key: str) -> StoredFile | None:
        with suppress(OutOfRetention):
            found = await self._look_for(key)
            if found is not None:
                return found
        await self._database.refresh()  # another process may have stored it
        return await self._look_for(key)

    async def _look_for(self, key: str) -> StoredFile | None:
        transaction = self._transactions.begin(is_read_only=True)
        try:
            return await file_at(transaction, key)
        finally:
            transaction.end()

    async def _write(self, work: Callable[[Transaction], Awaitable[T]]) -> T:
        result, _ = await self._transactions.write(work)
        return result


def _headers_of(file: StoredFile) -> dict[str, str]:
    digest = file.sha256
    return {
        "content-type": file.content_type or "application/octet-stream",
        "digest": f"sha-256={digest}",
        "etag": f'"{digest}"',
        "cache-control": _KEPT_BY_BROWSERS,
        "accept-ranges": "bytes",
        # what somebody uploaded is not to be taken for something else, a script for example
        "x-content-type-options": "nosniff",
        # nor is it to act as a page of this server, should somebody open it as one
        "content-security-policy": "sandbox",
    }


def _length_said(exchange: Exchange) -> int:
    """How long the body is said to be; 0 if that is not known before it comes."""
    said = exchange.header(b"content-length") or b""
    return int(said) if _LENGTH.fullmatch(said) else 0


def _digest_in(exchange: Exchange) -> bytes | None:
    """The SHA-256 that a `Digest` or a `Content-Digest` says, if one says it."""
    for name in (b"digest", b"content-digest"):
        said = _DIGEST.search((exchange.header(name) or b"").decode("latin-1"))
        if said is not None:
            return _sha256_of(said[1])
    return None


def _sha256_of(text: str) -> bytes:
    try:
        digest = b64decode(text.strip(":"), validate=True)
    except ValueError:
        raise BadDigest from None
    if len(digest) != sha256().digest_size:
        raise BadDigest
    return digest


def _has(known: bytes | None, etag: bytes) -> bool:
    """Does an `If-None-Match` name this very content?"""
    if known is None:
        return False
    tags = [each.strip().removeprefix(b"W/") for each in known.split(b",")]
    return etag in tags or tags == [b"*"]


def _refusal(
    exchange: Exchange, status: int, code: str, message: str, headers: Headers = ()
) -> Response:
    exchange.refused_as = code
    told = {name.decode(): value.decode() for name, value in headers}
    return JSONResponse({"code": code, "message": message}, status, told)
