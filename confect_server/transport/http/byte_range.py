"""The `Range` of a request: which of the bytes of a file it asks for."""

from __future__ import annotations

import re
from typing import NamedTuple

_ONE = re.compile(rb"bytes=(\d{0,100})-(\d{0,100})")


class ByteRange(NamedTuple):
    """The bytes from `start` up to `end`, the latter not among them."""

    start: int
    end: int


class NoSuchRange(Exception):
    """A range that holds none of the bytes, or several ranges."""


def range_of(header: bytes | None, size: int) -> ByteRange | None:
    """The one range that a header asks for; None if it wants everything, or another unit.

    Of an empty file everything is given, whatever is asked for. Raises `NoSuchRange`.
    """
    if header is None or size == 0 or not header.startswith(b"bytes="):
        return None
    asked = _ONE.fullmatch(header)
    if asked is None or not (asked[1] or asked[2]):
        raise NoSuchRange
    if not asked[1]:
        return _within(max(0, size - int(asked[2])), size, size)
    end = int(asked[2]) + 1 if asked[2] else size
    return _within(int(asked[1]), min(end, size), size)


def _within(start: int, end: int, size: int) -> ByteRange:
    if not start < end <= size:
        raise NoSuchRange
    return ByteRange(start, end)
