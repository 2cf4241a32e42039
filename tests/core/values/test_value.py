"""What canonical values are and how large."""

from __future__ import annotations

import copy
import pickle
from typing import cast

import pytest
from hypothesis import given

from confect_core.values import BigInt, NotAValue, NotInt64, Value, size_of
from confect_core.values.limits import INT64_MAX, INT64_MIN
from tests.core.values.strategies import int64s, nested_lists


def test_a_bigint_holds_64_bits_and_no_more() -> None:
    assert BigInt(INT64_MAX) == INT64_MAX
    assert BigInt(INT64_MIN) == INT64_MIN
    for outside in (INT64_MAX + 1, INT64_MIN - 1):
        with pytest.raises(NotInt64):
            BigInt(outside)


def test_a_bigint_shows_what_it_is_and_prints_as_a_number() -> None:
    assert repr(BigInt(5)) == "BigInt(5)"
    assert f"{BigInt(-5)}" == str(BigInt(-5)) == "-5"


@given(int64s)
def test_a_bigint_survives_copying_and_pickling(value: BigInt) -> None:
    for copied in (copy.deepcopy(value), pickle.loads(pickle.dumps(value))):
        assert (type(copied), copied) == (BigInt, value)


@pytest.mark.parametrize(
    ("value", "size"),
    [
        (None, 1),
        (True, 1),
        (1.5, 9),
        (BigInt(1), 9),
        ("", 2),
        ("abc", 5),
        ("é😀", 8),
        (b"abc", 5),
        ([], 2),
        ([None, 1.0], 12),
        ({}, 2),
        ({"ab": None, "": "x"}, 2 + (2 + 1 + 1) + (0 + 1 + 3)),
        ([{"a": [b""]}], 2 + 2 + 2 + 2 + 2),
    ],
)
def test_sizes_are_those_of_the_protocol(value: Value, size: int) -> None:
    assert size_of(value) == size


def test_the_size_of_a_value_of_any_depth_can_be_told() -> None:
    assert size_of(nested_lists(10_000)) == 20_000


def test_what_is_no_value_has_no_size() -> None:
    with pytest.raises(NotAValue, match="type set"):
        size_of(cast("Value", {1}))
