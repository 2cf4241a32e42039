"""Values as JSON."""

from __future__ import annotations

import json
import re
from collections import OrderedDict
from collections.abc import Callable
from enum import StrEnum
from typing import cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from confect_core.errors import ValueRefused
from confect_core.values import (
    BigInt,
    InvalidFieldName,
    Json,
    LoneSurrogate,
    MalformedWireValue,
    NotAValue,
    NotJson,
    UnsafeInteger,
    Value,
    ValueTooDeep,
    clean,
    decode,
    dumps,
    dumps_canonical,
    encode,
    export_json,
    loads,
    loads_canonical,
)
from confect_core.values.limits import INT64_MAX, INT64_MIN, MAX_NESTING, MAX_SAFE_INTEGER
from tests.core.values.strategies import (
    exactly,
    floats,
    nested_lists,
    nested_objects,
    texts,
    values,
)

VECTORS: list[tuple[Value, Json]] = [
    (BigInt(-5), {"$integer": "+/////////8="}),
    (BigInt(0), {"$integer": "AAAAAAAAAAA="}),
    (BigInt(INT64_MAX), {"$integer": "/////////38="}),
    (BigInt(INT64_MIN), {"$integer": "AAAAAAAAAIA="}),
    (-0.0, {"$float": "AAAAAAAAAIA="}),
    (float("nan"), {"$float": "AAAAAAAA+H8="}),
    (float("inf"), {"$float": "AAAAAAAA8H8="}),
    (float("-inf"), {"$float": "AAAAAAAA8P8="}),
    (b"", {"$bytes": ""}),
    (b"\xfb\xff", {"$bytes": "+/8="}),
    ([None, True, 1.5, "a"], [None, True, 1.5, "a"]),
]


@pytest.mark.parametrize(("value", "form"), VECTORS, ids=repr)
def test_forms_are_those_of_the_protocol(value: Value, form: Json) -> None:
    assert encode(value) == form
    assert exactly(decode(form)) == exactly(value)


@given(values)
def test_what_is_encoded_decodes_to_the_same(value: Value) -> None:
    assert exactly(decode(encode(value))) == exactly(value)


@given(values)
def test_texts_are_read_as_the_value_they_were_made_of(value: Value) -> None:
    text = dumps(value)
    assert exactly(loads(text)) == exactly(loads(text.decode())) == exactly(value)
    assert exactly(loads_canonical(text)) == exactly(value)


@given(values)
def test_canonical_values_have_the_same_text_either_way(value: Value) -> None:
    assert dumps_canonical(value) == dumps(value)


def _refuse_constant(name: str) -> float:
    raise AssertionError(f"{name} is no JSON")


@given(values)
def test_texts_are_strict_json_with_sorted_names(value: Value) -> None:
    text = dumps(value).decode()
    tree = json.loads(text, parse_constant=_refuse_constant, parse_int=_refuse_constant)
    assert json.dumps(tree, sort_keys=True) == json.dumps(tree)


@given(floats)
def test_every_number_has_a_fraction_or_an_exponent(number: float) -> None:
    text = dumps(number).decode()
    assert text.startswith('{"$float":"') or re.fullmatch(r"-?\d+(\.\d+|(\.\d+)?e[+-]?\d+)", text)


@given(st.dictionaries(texts.filter(str.isascii).filter(str.isprintable), values, max_size=4))
def test_equal_objects_have_equal_texts(fields: dict[str, Value]) -> None:
    safe: dict[str, Value] = {f"f{name}": value for name, value in fields.items()}
    backwards = dict(reversed(safe.items()))
    assert dumps(safe) == dumps(backwards) == dumps_canonical(backwards)


def test_text_that_looks_like_something_special_stays_text() -> None:
    for text in ("null", "-0.0", "$integer", '"$', "NaN"):
        assert loads(dumps_canonical([text, {"x": text}])) == [text, {"x": text}]


def test_a_plain_int_is_the_number_it_stands_for() -> None:
    assert dumps([MAX_SAFE_INTEGER, -1]) == b"[9007199254740991.0,-1.0]"
    for outside in (MAX_SAFE_INTEGER + 1, -MAX_SAFE_INTEGER - 1, 10**400):
        with pytest.raises(UnsafeInteger, match=r"at \.a\[1\]"):
            dumps({"a": [0, outside]})


def test_subclasses_of_values_travel_as_the_values() -> None:
    class Color(StrEnum):
        RED = "red"

    assert dumps(OrderedDict(color=Color.RED)) == dumps({"color": "red"})
    assert dumps_canonical(OrderedDict(color=Color.RED)) == dumps({"color": "red"})


def test_numbers_written_as_integers_are_floats() -> None:
    assert exactly(loads("[5,-1,1e2,9007199254740993]")) == exactly([5.0, -1.0, 100.0, 2.0**53])
    with pytest.raises(NotJson, match="larger than every float64"):
        decode(10**400)


@pytest.mark.parametrize("number", [float("nan"), float("inf"), float("-inf")])
def test_a_tree_with_numbers_that_json_lacks_is_refused(number: float) -> None:
    with pytest.raises(NotJson, match=r"at \.a"):
        decode({"a": number})


@pytest.mark.parametrize(
    "text", ["", "NaN", "[Infinity]", "{", "[1,]", '"\\ud800"', "1e400", "'a'"]
)
def test_what_is_no_json_is_refused(text: str) -> None:
    with pytest.raises(NotJson):
        loads(text)
    with pytest.raises(NotJson):
        loads(b"\xff" + text.encode())


@pytest.mark.parametrize("text", ["\ud800", "a\udfff", "é\ud800"])
def test_half_of_a_surrogate_pair_is_refused(text: str) -> None:
    for write in (encode, dumps, dumps_canonical, decode):
        with pytest.raises(LoneSurrogate, match=r"at \.a"):
            write({"a": text})
    with pytest.raises(InvalidFieldName):
        dumps_canonical({text: None})


@pytest.mark.parametrize(
    "form",
    [
        {"$float": "AAAAAAAA8D8="},
        {"$float": "AAAAAAAAAAA="},
        {"$float": "AAAA"},
        {"$float": 1.0},
        {"$integer": "AAAAAAA="},
        {"$integer": "AAAAAAAAAAAA"},
        {"$integer": 5},
        {"$bytes": None},
        {"$bytes": "AA"},
        {"$bytes": "A A="},
        {"$bytes": "-_8="},
        {"$bytes": "é==="},
    ],
    ids=str,
)
def test_a_form_that_says_nothing_is_refused_with_its_place(form: Json) -> None:
    with pytest.raises(MalformedWireValue, match=r"at \[1\]\.a"):
        decode([None, {"a": form}])


@pytest.mark.parametrize(
    "fields",
    [
        {"$set": []},
        {"$map": []},
        {"$undefined": None},
        {"$commitTs": None},
        {"$": None},
        {"$integer": "AAAAAAAAAAA=", "a": None},
        {"é": None},
        {"a\n": None},
        {"\x7f": None},
        {"a" * 1025: None},
    ],
    ids=str,
)
def test_names_that_no_field_can_have_are_refused_when_read(fields: dict[str, Json]) -> None:
    with pytest.raises(InvalidFieldName, match=r"at \.a\[0\]"):
        decode({"a": [fields]})


@pytest.mark.parametrize("name", ["$integer", "$bytes", "$float", "$", "$x"])
def test_an_object_cannot_pretend_to_be_another_value(name: str) -> None:
    for write in (encode, dumps, dumps_canonical, clean, export_json):
        with pytest.raises(InvalidFieldName):
            write({name: "AAAAAAAAAAA="})
        with pytest.raises(InvalidFieldName):
            write([{"a": None, name: "AAAAAAAAAAA="}])


def test_names_of_any_printable_ascii_are_accepted() -> None:
    fields: dict[str, Value] = dict.fromkeys(("", " ", "a$", "a.b", "_x", "~", "a" * 1024))
    assert loads(dumps(fields)) == fields


@pytest.mark.parametrize("stranger", [object(), {1}, (1.0,), bytearray(b"a"), 1j], ids=repr)
def test_what_is_no_value_is_refused_with_its_place(stranger: object) -> None:
    for write in (encode, dumps):
        with pytest.raises(NotAValue, match=r"at \.a\[0\]"):
            write(cast("Value", {"a": [stranger]}))


def test_names_are_strings() -> None:
    for write in (encode, dumps, dumps_canonical):
        with pytest.raises(NotAValue):
            write(cast("Value", {1: None}))


@pytest.mark.parametrize("nested", [nested_lists, nested_objects])
def test_nesting_is_accepted_up_to_the_limit_and_no_further(nested: Callable[[int], Value]) -> None:
    deepest = nested(MAX_NESTING)
    assert loads(dumps(deepest)) == deepest
    for levels in (MAX_NESTING + 1, 300, 100_000):
        too_deep = nested(levels)
        with pytest.raises(ValueTooDeep):
            dumps(too_deep)
        with pytest.raises(ValueTooDeep):
            decode(cast("Json", too_deep))
    with pytest.raises(ValueTooDeep):
        dumps_canonical(nested(300))


def test_text_of_any_depth_is_refused_as_a_value() -> None:
    for depth in (MAX_NESTING + 1, 300, 100_000):
        with pytest.raises(ValueRefused):
            loads(b"[" * depth + b"]" * depth)


LOSSY: list[tuple[Value, Json, Json]] = [
    (BigInt(2**60), str(2**60), 2**60),
    (b"\xfb\xff", "+/8=", {"$bytes": "+/8="}),
    (float("nan"), "NaN", {"$float": "AAAAAAAA+H8="}),
    (float("inf"), "Infinity", {"$float": "AAAAAAAA8H8="}),
    (float("-inf"), "-Infinity", {"$float": "AAAAAAAA8P8="}),
    (-0.0, -0.0, {"$float": "AAAAAAAAAIA="}),
    (1.5, 1.5, 1.5),
    (["a", None, True], ["a", None, True], ["a", None, True]),
]


@pytest.mark.parametrize(("value", "cleaned", "exported"), LOSSY, ids=repr)
def test_http_results_come_in_two_more_formats(value: Value, cleaned: Json, exported: Json) -> None:
    cleaned_object: Json = {"a": [cleaned]}
    exported_object: Json = {"a": [exported]}
    assert exactly(clean({"a": [value]})) == exactly(cleaned_object)
    assert exactly(export_json({"a": [value]})) == exactly(exported_object)
