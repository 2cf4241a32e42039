"""Which key a document has in an index."""

from __future__ import annotations

from confect_core.values import UNDEFINED, BigInt, Interval, Value, key_of
from confect_server.engine import IndexDefinition
from confect_server.engine.index import keys_of, value_at

A, B = b"a" * 16, b"b" * 16


def index(*fields: str) -> IndexDefinition:
    return IndexDefinition(1, "by_fields", 10_001, fields)


def document(created_at_ms: float = 1.0, **fields: Value) -> dict[str, Value]:
    return {**fields, "_creationTime": created_at_ms, "_id": "an id"}


def test_a_key_is_the_fields_the_creation_time_and_the_id() -> None:
    key = index("x", "y").key(A, document(x="text", y=2.0))
    assert key == key_of(("text", 2.0, 1.0, A))


def test_a_field_that_is_missing_comes_before_every_value() -> None:
    assert index("x").key(A, document()) == key_of((UNDEFINED, 1.0, A))
    assert index("x").key(A, document()) < index("x").key(A, document(x=None))


def test_documents_with_equal_fields_are_in_order_of_creation_then_id() -> None:
    by_x = index("x")
    keys = [
        by_x.key(B, document(1.0, x=1.0)),
        by_x.key(A, document(2.0, x=1.0)),
        by_x.key(B, document(2.0, x=1.0)),
    ]
    assert keys == sorted(keys)
    assert len(set(keys)) == 3


def test_no_id_puts_a_document_outside_of_the_prefix_of_its_values() -> None:
    for id in (b"\x00" * 16, b"\xff" * 16):
        key = index("x").key(id, document(1.0, x="text"))
        assert Interval.prefix(key_of(("text",))).contains(key)
        assert Interval.prefix(key_of(("text", 1.0))).contains(key)


def test_a_path_leads_through_objects_only() -> None:
    nested = document(a={"b": {"c": BigInt(1)}}, list=[1.0])
    assert value_at(nested, "a.b.c") == BigInt(1)
    assert value_at(nested, "a.b") == {"c": BigInt(1)}
    assert value_at(nested, "a.x.c") is UNDEFINED
    assert value_at(nested, "list.b") is UNDEFINED
    assert value_at(nested, "a.b.c.d") is UNDEFINED


def test_null_is_not_missing() -> None:
    assert value_at(document(x=None), "x") is None


def test_the_keys_of_several_indexes_are_those_of_each() -> None:
    found = document(1.5, a={"b": "c"}, n=2.0)
    indexes = [index(), index("a.b"), index("n", "missing"), index("a")]
    keys = keys_of(indexes, A, found)
    assert keys == [each.key(A, found) for each in indexes]
    assert keys[0] == key_of((1.5, A))
    assert keys[1] == key_of(("c", 1.5, A))
    assert keys[2] == key_of((2.0, UNDEFINED, 1.5, A))
