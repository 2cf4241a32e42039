"""Document ids: 32 characters that name a table and a document in it, and notice typing errors.

An id is base32 of `varint(table number) + internal id + checksum`. Above the store it is a plain
`str`; the engine addresses a document by the table's number and the 16 bytes of the internal id.
"""

from __future__ import annotations

from functools import lru_cache
from itertools import accumulate
from typing import Final

from confect_core.values.errors import MalformedId

INTERNAL_ID_LENGTH: Final = 16
RANDOM_LENGTH: Final = 14
"""Random bytes in an internal id; the other two are the day, so that those of a day are alike."""

_FOOTER_LENGTH = 2
_LENGTHS = range(31, 38)
_MAX_TABLE_NUMBER = 2**32 - 1
_TABLES_REMEMBERED = 1024
_IDS_REMEMBERED = 4096
_MOST_DIGITS = 64  # a power of two that no id is longer than

_ALPHABET = b"0123456789abcdefghjkmnpqrstvwxyz"
_TO_CHARACTERS = _ALPHABET.ljust(256, b"!")
# what int(text, 32) reads; everything outside the alphabet becomes a character that it refuses
_TO_INT_DIGITS = bytes(
    b"0123456789abcdefghijklmnopqrstuv"[_ALPHABET.index(code)] if code in _ALPHABET else 0x21
    for code in range(256)
)


def encode_id(table_number: int, internal: bytes) -> str:
    """The id of a document, as clients and handlers know it."""
    body = _varint(table_number) + internal
    text = _base32(body + _footer(body))
    _remember(text, (table_number, internal))
    return text


def decode_id(text: str) -> tuple[int, bytes]:
    """The table's number and the internal id; refuses all that `encode_id` did not make."""
    known = _remembered.get(text)
    if known is None:
        known = _decoded(text)
        _remember(text, known)
    return known


# An id that was just made is decoded again when it is answered, and one that is asked for at every
# step of a function: 2 µs each, of the 90 that a mutation takes.
_remembered: dict[str, tuple[int, bytes]] = {}


def _remember(text: str, parts: tuple[int, bytes]) -> None:
    if len(_remembered) >= _IDS_REMEMBERED:
        _remembered.clear()
    _remembered[text] = parts


def _decoded(text: str) -> tuple[int, bytes]:
    if len(text) not in _LENGTHS:
        raise MalformedId(text, f"it has {len(text)} characters")
    try:
        number = int(text.encode("ascii").translate(_TO_INT_DIGITS), 32)
    except ValueError:
        raise MalformedId(text, "it has characters that ids do not use") from None
    length, tail = divmod(5 * len(text), 8)
    if tail >= 5 or number & ((1 << tail) - 1):
        raise MalformedId(text, "its last character is not the one of an id")
    data = (number >> tail).to_bytes(length, "big")
    body = data[:-_FOOTER_LENGTH]
    if data[-_FOOTER_LENGTH:] != _footer(body):
        raise MalformedId(text, "its checksum is wrong")
    table_number = _table_number(body[:-INTERNAL_ID_LENGTH])
    if table_number is None:
        raise MalformedId(text, "it names no table")
    return table_number, body[-INTERNAL_ID_LENGTH:]


def new_internal_id(random_bytes: bytes, day: int) -> bytes:
    """The internal id of a new document, from 14 random bytes and the day since the epoch."""
    if len(random_bytes) != RANDOM_LENGTH:
        raise ValueError(f"an internal id takes {RANDOM_LENGTH} random bytes")
    return random_bytes + (day & 0xFFFF).to_bytes(2, "big")


def _halvings() -> tuple[tuple[int, int, int], ...]:
    """The steps of `_base32`: masks of the lower and the upper halves, and how far these move."""
    steps: list[tuple[int, int, int]] = []
    digits = _MOST_DIGITS
    while digits > 1:
        half = digits // 2
        lane = (1 << 5 * half) - 1
        lower = sum(lane << 8 * digits * index for index in range(_MOST_DIGITS // digits))
        steps.append((lower, lower << 5 * half, (8 - 5) * half))
        digits = half
    return tuple(steps)


_HALVINGS = _halvings()


def _base32(data: bytes) -> str:
    """Five bits a character, the tail filled with zeros.

    All digits are spread at once, from 5 bits each to a byte each, by moving the upper half of the
    number up, then the upper half of each half, and so on: a third of the time of `base64`.
    """
    length = -(-8 * len(data) // 5)
    number = int.from_bytes(data, "big") << 5 * length - 8 * len(data)
    for lower, upper, shift in _HALVINGS:
        number = number & lower | (number & upper) << shift
    digits = number.to_bytes(_MOST_DIGITS, "big")[_MOST_DIGITS - length :]
    return digits.translate(_TO_CHARACTERS).decode("ascii")


def _footer(data: bytes) -> bytes:
    """Fletcher's two sums; any change of one character changes them."""
    sums = list(accumulate(data))
    return bytes((sums[-1] & 0xFF, sum(sums) & 0xFF))


# there are as many different ones as tables, and they are asked for with every id
@lru_cache(maxsize=_TABLES_REMEMBERED)
def _varint(number: int) -> bytes:
    if not 1 <= number <= _MAX_TABLE_NUMBER:
        raise ValueError(f"{number} is no table number")
    encoded = bytearray()
    while number >= 0x80:
        encoded.append(number & 0x7F | 0x80)
        number >>= 7
    encoded.append(number)
    return bytes(encoded)


@lru_cache(maxsize=_TABLES_REMEMBERED)
def _table_number(encoded: bytes) -> int | None:
    """The number that these bytes are the one and only encoding of."""
    number = 0
    for position, byte in enumerate(encoded):
        number |= (byte & 0x7F) << 7 * position
    is_table = 1 <= number <= _MAX_TABLE_NUMBER
    return number if is_table and _varint(number) == encoded else None
