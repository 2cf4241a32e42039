"""The total order, and the bytes that keep it."""

from __future__ import annotations

from itertools import pairwise
from typing import cast

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from confect_core.values import (
    UNDEFINED,
    BigInt,
    Interval,
    LoneSurrogate,
    MalformedKey,
    NotAValue,
    Undefined,
    UnsafeInteger,
    Value,
    ValueTooDeep,
    compare,
    decode_key,
    key_of,
)
from confect_core.values.limits import INT64_MAX, INT64_MIN, MAX_NESTING
from tests.core.values.strategies import components, exactly, nested_lists, nested_objects, values

ASCENDING: list[Value | Undefined] = [
    UNDEFINED,
    None,
    BigInt(INT64_MIN),
    BigInt(-(2**31) - 1),
    BigInt(-(2**31)),
    BigInt(-32769),
    BigInt(-32768),
    BigInt(-129),
    BigInt(-128),
    BigInt(-1),
    BigInt(0),
    BigInt(1),
    BigInt(127),
    BigInt(128),
    BigInt(32767),
    BigInt(32768),
    BigInt(2**31),
    BigInt(INT64_MAX),
    -float("nan"),
    -float("inf"),
    -1.5,
    -5e-324,
    -0.0,
    0.0,
    5e-324,
    1.0,
    float("inf"),
    float("nan"),
    False,
    True,
    "",
    "\x00",
    "a",
    "a\x00",
    "a\x00b",
    "ab",
    "é",
    "\uffff",
    "😀",
    b"",
    b"\x00",
    b"\x00\xff",
    b"\xff",
    [],
    [None],
    [None, None],
    [[]],
    {},
    {"": None},
    {"": None, "a": None},
    {"a": None},
    {"a": None, "b": None},
    {"a": 1.0},
    {"b": None},
]

VECTORS: list[tuple[Value | Undefined, str]] = [
    (UNDEFINED, "01"),
    (None, "03"),
    (BigInt(0), "08"),
    (BigInt(1), "09 01"),
    (BigInt(127), "09 7f"),
    (BigInt(128), "0a 00 80"),
    (BigInt(-1), "07 ff"),
    (BigInt(-128), "07 80"),
    (BigInt(-129), "06 ff 7f"),
    (BigInt(40_000), "0b 00 00 9c 40"),
    (BigInt(INT64_MIN), "04 80 00 00 00 00 00 00 00"),
    (BigInt(INT64_MAX), "0c 7f ff ff ff ff ff ff ff"),
    (1.0, "0d bf f0 00 00 00 00 00 00"),
    (-1.0, "0d 40 0f ff ff ff ff ff ff"),
    (0.0, "0d 80 00 00 00 00 00 00 00"),
    (-0.0, "0d 7f ff ff ff ff ff ff ff"),
    (False, "0e"),
    (True, "0f"),
    ("a\x00b", "10 61 00 ff 62 00"),
    (b"\x00\xff", "11 00 ff ff 00"),
    ([None, "a"], "12 03 10 61 00 00"),
    ({"b": None, "a": True}, "15 61 00 0f 62 00 03 00"),
    ({"": None}, "15 00 ff 03 00"),
]


TAGS_AND_ENDS = bytes.fromhex("00 01 03 07 08 09 0a 0e 0f 10 11 12 15 61 ff")


def _sign(number: int) -> int:
    return (number > 0) - (number < 0)


def _compare_bytes(a: bytes, b: bytes) -> int:
    return (a > b) - (a < b)


@pytest.mark.parametrize(("value", "key"), VECTORS, ids=repr)
def test_keys_are_those_of_the_protocol(value: Value | Undefined, key: str) -> None:
    assert key_of([value]).hex(" ") == key


def test_known_values_ascend() -> None:
    for lower, upper in pairwise(ASCENDING):
        assert compare(lower, upper) < 0, (lower, upper)
        assert compare(upper, lower) > 0, (lower, upper)
        assert key_of([lower]) < key_of([upper]), (lower, upper)


@given(components, components)
def test_keys_compare_as_values_do(a: Value | Undefined, b: Value | Undefined) -> None:
    assert _sign(compare(a, b)) == _compare_bytes(key_of([a]), key_of([b]))


@given(st.lists(components, max_size=3), st.lists(components, max_size=3))
def test_keys_of_sequences_compare_element_by_element(
    a: list[Value | Undefined], b: list[Value | Undefined]
) -> None:
    by_element = (compare(x, y) for x, y in zip(a, b, strict=False))
    expected = next((result for result in by_element if result), len(a) - len(b))
    assert _sign(expected) == _compare_bytes(key_of(a), key_of(b))


@given(components, components, components)
def test_the_order_is_total(
    a: Value | Undefined, b: Value | Undefined, c: Value | Undefined
) -> None:
    assert compare(a, a) == 0
    assert _sign(compare(a, b)) == -_sign(compare(b, a))
    if compare(a, b) <= 0 and compare(b, c) <= 0:
        assert compare(a, c) <= 0


@given(values, values)
def test_only_the_same_value_compares_equal(a: Value, b: Value) -> None:
    assert (compare(a, b) == 0) == (exactly(a) == exactly(b))


@given(st.lists(components, max_size=4))
def test_a_key_tells_the_values_it_was_made_of(sequence: list[Value | Undefined]) -> None:
    assert exactly(decode_key(key_of(sequence))) == exactly(sequence)


@given(st.lists(st.sampled_from(list(TAGS_AND_ENDS)), max_size=12).map(bytes))
def test_other_bytes_are_refused_or_are_the_key_of_something(data: bytes) -> None:
    try:
        sequence = decode_key(data)
    except MalformedKey:
        return
    assert exactly(decode_key(key_of(sequence))) == exactly(sequence)


@pytest.mark.parametrize(
    "data",
    ["02", "13", "ff", "0d 00", "09", "10 61", "10 ff 00", "12 03", "15 61 00 03", "12 01 00"],
)
def test_what_is_no_key_is_refused(data: str) -> None:
    with pytest.raises(MalformedKey):
        decode_key(bytes.fromhex(data))


@given(st.lists(components, min_size=1, max_size=2), components)
def test_the_interval_of_a_prefix_holds_what_continues_it(
    prefix: list[Value | Undefined], more: Value | Undefined
) -> None:
    interval = Interval.prefix(key_of(prefix))
    assert interval.contains(key_of(prefix))
    assert interval.contains(key_of([*prefix, more]))


@given(components, components, components)
def test_the_interval_of_a_prefix_holds_nothing_else(
    first: Value | Undefined, other: Value | Undefined, more: Value | Undefined
) -> None:
    assume(compare(first, other) != 0)
    assert not Interval.prefix(key_of([first])).contains(key_of([other, more]))


def test_a_string_that_goes_on_with_a_zero_byte_is_another_string() -> None:
    interval = Interval.prefix(key_of(["a"]))
    assert interval.contains(key_of(["a", {"z": True}]))
    assert not interval.contains(key_of(["a\x00b"]))


def test_a_plain_int_sorts_as_the_number_it_stands_for() -> None:
    assert key_of([5]) == key_of([5.0])
    assert compare(5, 5.0) == 0
    with pytest.raises(UnsafeInteger):
        key_of([2**53])


def test_keys_are_made_of_values_alone() -> None:
    for stranger in ({1}, object(), [UNDEFINED]):
        with pytest.raises(NotAValue):
            key_of([cast("Value", stranger)])
    with pytest.raises(NotAValue):
        compare(cast("Value", {1}), cast("Value", {2}))


def test_half_of_a_surrogate_pair_has_no_key() -> None:
    with pytest.raises(LoneSurrogate):
        key_of(["\ud800"])


def test_keys_are_made_and_read_up_to_the_limit_of_nesting() -> None:
    for deepest in (nested_lists(MAX_NESTING), nested_objects(MAX_NESTING)):
        assert decode_key(key_of([deepest])) == [deepest]
    for too_deep in (nested_lists(MAX_NESTING + 1), nested_lists(100_000)):
        with pytest.raises(ValueTooDeep):
            key_of([too_deep])
    with pytest.raises(ValueTooDeep):
        decode_key(b"\x12" * 100_000)
