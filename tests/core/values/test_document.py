"""What documents may hold: at the limit, and one above."""

from __future__ import annotations

import pytest

from confect_core.errors import Mistakes
from confect_core.values import (
    ArrayTooLong,
    BigInt,
    DocumentTooLarge,
    InvalidFieldName,
    TooManyFields,
    Value,
    ValueTooDeep,
    check_document,
    check_field_name,
    size_of,
    with_floats,
)
from confect_core.values.limits import (
    MAX_ARRAY_LENGTH,
    MAX_DOCUMENT_NESTING,
    MAX_DOCUMENT_SIZE,
    MAX_FIELD_NAME_LENGTH,
    MAX_FIELDS,
    MAX_IDENTIFIER_LENGTH,
)
from tests.core.values.strategies import nested_lists, nested_objects


def test_an_ordinary_document_is_accepted_with_and_without_system_fields() -> None:
    document: dict[str, Value] = {"title": "a", "tags": ["x"], "by": {"first name": "b"}}
    check_document(document)
    check_document({**document, "_id": "x", "_creationTime": 1.0})


def test_a_document_may_have_a_mebibyte() -> None:
    document: dict[str, Value] = {"a": "x" * (MAX_DOCUMENT_SIZE - size_of({"a": ""}))}
    assert size_of(document) == MAX_DOCUMENT_SIZE
    check_document(document)
    with pytest.raises(DocumentTooLarge, match=str(MAX_DOCUMENT_SIZE + 1)):
        check_document({"b" + "a": document["a"]})


def test_a_document_may_be_16_levels_deep() -> None:
    check_document(nested_objects(MAX_DOCUMENT_NESTING))
    check_document({"a": nested_lists(MAX_DOCUMENT_NESTING - 1)})
    documents: list[dict[str, Value]] = [
        nested_objects(MAX_DOCUMENT_NESTING + 1),
        {"a": nested_lists(MAX_DOCUMENT_NESTING)},
        {"a": nested_lists(10_000)},
    ]
    for too_deep in documents:
        with pytest.raises(ValueTooDeep):
            check_document(too_deep)


def test_an_array_may_have_8192_items() -> None:
    longest: list[Value] = [None] * MAX_ARRAY_LENGTH
    check_document({"a": [longest]})
    with pytest.raises(ArrayTooLong, match=r"at \.a\[0\] has 8193 items"):
        check_document({"a": [[*longest, None]]})


def test_an_object_may_have_1024_fields() -> None:
    fields: dict[str, Value] = {f"f{number}": None for number in range(MAX_FIELDS)}
    check_document(fields)
    check_document({"a": fields})
    with pytest.raises(TooManyFields, match="has 1025 fields"):
        check_document({**fields, "one_more": None})
    with pytest.raises(TooManyFields, match=r"at \.a has 1025 fields"):
        check_document({"a": {**fields, "one_more": None}})


@pytest.mark.parametrize("name", ["a", "Z9", "a_b", "a" * MAX_IDENTIFIER_LENGTH])
def test_top_level_names_are_identifiers(name: str) -> None:
    check_document({name: None})


@pytest.mark.parametrize(
    "name", ["", "1a", "a b", "a-b", "é", "_a", "_ID", "$a", "a" * (MAX_IDENTIFIER_LENGTH + 1)]
)
def test_other_top_level_names_are_refused(name: str) -> None:
    with pytest.raises(InvalidFieldName):
        check_document({name: None})


@pytest.mark.parametrize("name", ["", "a b", "_a", "1", "a$", "a" * MAX_FIELD_NAME_LENGTH])
def test_nested_names_are_printable_ascii(name: str) -> None:
    check_field_name(name)
    check_document({"a": [{name: None}]})


@pytest.mark.parametrize("name", ["$", "$a", "é", "\n", "\x7f", "a" * (MAX_FIELD_NAME_LENGTH + 1)])
def test_other_nested_names_are_refused_with_their_place(name: str) -> None:
    with pytest.raises(InvalidFieldName):
        check_field_name(name)
    with pytest.raises(InvalidFieldName, match=r"at \.a\[0\]"):
        check_document({"a": [{name: None}]})


def test_everything_that_is_wrong_is_found_in_one_look() -> None:
    too_long: list[Value] = [None] * (MAX_ARRAY_LENGTH + 1)
    with pytest.raises(Mistakes) as refusal:
        check_document({"_a": {"é": too_long}, "big": "x" * MAX_DOCUMENT_SIZE})
    found = [type(mistake) for mistake in refusal.value.exceptions]
    assert found == [InvalidFieldName, InvalidFieldName, ArrayTooLong, DocumentTooLarge]


def test_a_plain_int_anywhere_in_a_document_becomes_the_number_it_stands_for() -> None:
    document: dict[str, Value] = {"a": 1, "b": [2, {"c": 3}], "d": True, "e": BigInt(4)}
    made = with_floats(document)
    assert repr(made) == "{'a': 1.0, 'b': [2.0, {'c': 3.0}], 'd': True, 'e': BigInt(4)}"
