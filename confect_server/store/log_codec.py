"""The key changes of a commit as bytes, for the log that other processes read.

A version byte, then for each change the number of the index and the two keys, each preceded by its
length plus one; a length of zero means that there is no key.
"""

from __future__ import annotations

from collections.abc import Sequence
from struct import Struct

from confect_server.store.base import KeyChange

_VERSION = b"\x01"
_CHANGE = Struct("<III")


def encode_changes(changes: Sequence[KeyChange]) -> bytes:
    """The changes as one string of bytes."""
    parts = [_VERSION]
    for index_no, old, new in changes:
        if old is None and new is not None:  # as nearly all are of what is inserted
            parts += (_CHANGE.pack(index_no, 0, len(new) + 1), new)
        else:
            parts += (_CHANGE.pack(index_no, _length(old), _length(new)), old or b"", new or b"")
    return b"".join(parts)


def decode_changes(data: bytes) -> list[KeyChange]:
    """The changes that `encode_changes` wrote."""
    return decode_some(data, 0, len(data))[0]


def decode_some(data: bytes, at: int, limit: int) -> tuple[list[KeyChange], int]:
    """At most `limit` of the changes, and where the rest of them begins; 0 is the first place."""
    if data[:1] != _VERSION:
        raise ValueError(f"the log is of a later version than this program: {data[:1]!r}")
    changes: list[KeyChange] = []
    at = max(at, 1)
    while at < len(data) and len(changes) < limit:
        index_no, old_length, new_length = _CHANGE.unpack_from(data, at)
        at += _CHANGE.size
        old, at = _key(data, at, old_length)
        new, at = _key(data, at, new_length)
        changes.append(KeyChange(index_no, old, new))
    return changes, at


def _length(key: bytes | None) -> int:
    return 0 if key is None else len(key) + 1


def _key(data: bytes, at: int, length: int) -> tuple[bytes | None, int]:
    if length == 0:
        return None, at
    end = at + length - 1
    return data[at:end], end
