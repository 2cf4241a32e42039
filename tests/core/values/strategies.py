"""Hypothesis strategies for values."""

from __future__ import annotations

import struct
from collections.abc import Sequence

from hypothesis import strategies as st

from confect_core.values import UNDEFINED, BigInt, Json, Undefined, Value
from confect_core.values.limits import INT64_MAX, INT64_MIN


def _float_of_bits(bits: int) -> float:
    number: float = struct.unpack(">d", struct.pack(">Q", bits))[0]
    return number


SPECIAL_FLOATS = [-0.0, 0.0, float("inf"), float("-inf"), float("nan"), -float("nan"), 5e-324]

# floats as their bits, so that NaNs of every sign and payload come up
floats = st.one_of(
    st.sampled_from(SPECIAL_FLOATS), st.integers(0, 2**64 - 1).map(_float_of_bits), st.floats()
)
int64s = st.one_of(
    st.integers(INT64_MIN, INT64_MAX),
    st.sampled_from(
        [0, -1, 127, 128, -128, -129, 32767, 32768, -32768, -32769, 2**31, -(2**31) - 1]
    ),
).map(BigInt)
# few characters, so that strings often share a beginning; zero bytes must be escaped in keys
texts = st.one_of(st.text("\x00\x01aé\uffff😀", max_size=4), st.text(max_size=8))
blobs = st.one_of(st.binary(max_size=8), st.text("\x00\x01\x7f", max_size=4).map(str.encode))
names = st.one_of(
    st.text("ab ", max_size=2),
    st.text(st.characters(min_codepoint=0x20, max_codepoint=0x7E), max_size=6),
).filter(lambda name: not name.startswith("$"))

leaves: st.SearchStrategy[Value] = st.one_of(st.none(), st.booleans(), floats, int64s, texts, blobs)


def _containers(inner: st.SearchStrategy[Value]) -> st.SearchStrategy[Value]:
    return st.one_of(st.lists(inner, max_size=3), st.dictionaries(names, inner, max_size=3))


values: st.SearchStrategy[Value] = st.recursive(leaves, _containers, max_leaves=8)
components: st.SearchStrategy[Value | Undefined] = st.one_of(st.just(UNDEFINED), values)


def nested_lists(levels: int) -> list[Value]:
    """An empty list inside lists, so many altogether."""
    value: list[Value] = []
    for _ in range(levels - 1):
        value = [value]
    return value


def nested_objects(levels: int) -> dict[str, Value]:
    """An empty object inside objects, so many altogether."""
    value: dict[str, Value] = {}
    for _ in range(levels - 1):
        value = {"inner": value}
    return value


def exactly(value: Value | Undefined | Json | Sequence[Value | Undefined]) -> object:
    """Something that equals only the same value of the same type, NaNs and zeros by their bits."""
    if isinstance(value, float):
        return struct.pack(">d", value)
    if isinstance(value, list):
        return [exactly(item) for item in value]
    if isinstance(value, dict):
        return {name: exactly(item) for name, item in value.items()}
    return type(value), value
