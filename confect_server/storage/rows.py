"""The documents of stored files: what is known of each, and under which key its bytes lie.

The key is a table of its own, because it is all that it takes to read the bytes: whoever may see
that a file exists may not have it by that. A file that is deleted leaves its key behind until the
bytes are gone, so that they are found after a crash too.
"""

from __future__ import annotations

from base64 import b64encode
from collections.abc import AsyncIterator
from typing import NamedTuple, cast

from confect_core import Id, StoredFile
from confect_core.values import Interval, Value, decode_id, key_of
from confect_core.values.codec import Codec
from confect_server.engine import (
    BLOBS,
    BLOBS_BY_DELETION,
    BLOBS_BY_FILE,
    BLOBS_BY_KEY,
    STORAGE,
    Transaction,
)
from confect_server.errors import WrongTable
from confect_server.storage.blobs import Blob

_FILE = Codec(StoredFile, what="_storage", is_stored=True)
_DELETED = Interval(key_of((0.0,)), None)  # files that were not come first, as undefined


class DeletedBlob(NamedTuple):
    """Bytes whose file was deleted, and since when."""

    id: bytes
    key: str
    deleted_at_ms: float


async def add_file(
    transaction: Transaction, blob: Blob, content_type: str | None
) -> Id[StoredFile]:
    """Make a file of bytes that are stored."""
    fields: dict[str, Value] = {
        "sha256": b64encode(blob.sha256).decode(),
        "size": float(blob.size),
    }
    if content_type is not None:
        fields["contentType"] = content_type
    id = await transaction.insert(STORAGE, fields)
    await transaction.insert(BLOBS, {"key": blob.key, "file": id})
    return Id[StoredFile](id)


async def file_of(transaction: Transaction, id: str) -> StoredFile | None:
    """What is known of a file; refuses ids of other tables."""
    number, internal = decode_id(id)
    if number != STORAGE:
        name = transaction.catalog.table_name(number)
        raise WrongTable(id, "_storage", name or "that does not exist")
    row = await transaction.get(STORAGE, internal)
    return None if row is None else _FILE.decode(row)


async def key_of_file(transaction: Transaction, file: StoredFile) -> str:
    """Where the bytes of a file lie."""
    found = transaction.range(BLOBS_BY_FILE, Interval.prefix(key_of((file.id,))), at_most=1)
    async for row in found:
        return cast("str", row.document["key"])
    raise AssertionError(f"file {file.id} has no bytes")


async def file_at(transaction: Transaction, key: str) -> StoredFile | None:
    """The file whose bytes lie under this key, unless it was deleted."""
    found = transaction.range(BLOBS_BY_KEY, Interval.prefix(key_of((key,))), at_most=1)
    async for row in found:
        if "file" in row.document:
            return await file_of(transaction, cast("str", row.document["file"]))
    return None


async def remove_file(transaction: Transaction, file: StoredFile, at_ms: float) -> None:
    """Delete a file; its bytes are to follow."""
    found = transaction.range(BLOBS_BY_FILE, Interval.prefix(key_of((file.id,))), at_most=1)
    async for row in found:
        fields: dict[str, Value] = {
            "key": row.document["key"],
            "file": file.id,
            "deletedAt": at_ms,
        }
        await transaction.replace(BLOBS, row.id, fields)
    _, internal = decode_id(file.id)
    await transaction.delete(STORAGE, internal)


async def give_up(transaction: Transaction, key: str, at_ms: float) -> None:
    """Have bytes removed that no file has, as if theirs had been deleted."""
    await transaction.insert(BLOBS, {"key": key, "deletedAt": at_ms})


async def is_known(transaction: Transaction, key: str) -> bool:
    """Does some file have these bytes, or are they about to go?"""
    found = transaction.range(BLOBS_BY_KEY, Interval.prefix(key_of((key,))), at_most=1)
    async for _ in found:
        return True
    return False


async def deleted_blobs(transaction: Transaction, at_most: int) -> AsyncIterator[DeletedBlob]:
    """The bytes that are to go, in the order in which their files were deleted."""
    async for row in transaction.range(BLOBS_BY_DELETION, _DELETED, at_most=at_most):
        key, at_ms = row.document["key"], row.document["deletedAt"]
        yield DeletedBlob(row.id, cast("str", key), cast("float", at_ms))


async def forget_blob(transaction: Transaction, blob: DeletedBlob) -> None:
    """Forget bytes that are gone."""
    await transaction.delete(BLOBS, blob.id)
