"""Document ids."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from confect_core.values import MalformedId, decode_id, encode_id, ids, new_internal_id

ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"
VECTOR = "z43zp6c3e75gkmz1kfwj6mbbx5sw281h"

table_numbers = st.one_of(
    st.integers(1, 2**32 - 1), st.sampled_from([1, 127, 128, 513, 10001, 16383, 16384, 2**32 - 1])
)
internal_ids = st.binary(min_size=16, max_size=16)


def decoded(text: str) -> tuple[int, bytes]:
    """What an id says to whoever has not made it or seen it before."""
    ids._remembered.clear()
    return decode_id(text)


def test_the_known_id_of_table_1017() -> None:
    internal = bytes.fromhex("fb198371cb09d3e19bf923516be973c1")
    assert decoded(VECTOR) == (1017, internal)
    assert encode_id(1017, internal) == VECTOR


def test_the_known_id_of_january_2024() -> None:
    table_number, internal = decoded("kg27rxfv99gzp01wmph0gvt92d6hnvy6")
    day = int.from_bytes(internal[-2:], "big")
    assert table_number == 540
    assert date(1970, 1, 1) + timedelta(days=day) == date(2024, 1, 16)


@given(table_numbers, internal_ids)
def test_an_id_tells_table_and_document(table_number: int, internal: bytes) -> None:
    assert decoded(encode_id(table_number, internal)) == (table_number, internal)


@given(st.integers(128, 16383), internal_ids)
def test_ids_of_user_tables_have_32_lowercase_characters(number: int, internal: bytes) -> None:
    text = encode_id(number, internal)
    assert len(text) == 32
    assert set(text) <= set(ALPHABET)


@given(table_numbers, internal_ids)
def test_every_change_of_one_character_is_refused(table_number: int, internal: bytes) -> None:
    text = encode_id(table_number, internal)
    for position, character in enumerate(text):
        for other in ALPHABET.replace(character, "") + "A_ -ilou\n":
            with pytest.raises(MalformedId):
                decoded(f"{text[:position]}{other}{text[position + 1 :]}")


@pytest.mark.parametrize(
    "text",
    ["", "notes", VECTOR[:-1], VECTOR + "0", VECTOR.upper(), "é" * 32, "0" * 32, "\ud800" * 32],
)
def test_what_is_no_id_is_refused(text: str) -> None:
    with pytest.raises(MalformedId):
        decoded(text)


@given(st.text(ALPHABET, min_size=31, max_size=37))
def test_one_document_has_one_id(text: str) -> None:
    try:
        address = decoded(text)
    except MalformedId:
        return
    assert encode_id(*address) == text


@pytest.mark.parametrize("encoded_number", [b"\x00", b"\x81\x00", b"\x80\x80\x80\x80\x10", b"\x80"])
def test_a_table_number_that_is_none_is_refused(encoded_number: bytes) -> None:
    data = encoded_number + bytes(16)
    sums = [0, 0]
    for byte in data:
        sums[0] += byte
        sums[1] += sums[0]
    data += bytes(total & 0xFF for total in sums)
    bits = "".join(f"{byte:08b}" for byte in data)
    digits = [bits[start : start + 5].ljust(5, "0") for start in range(0, len(bits), 5)]
    with pytest.raises(MalformedId, match="names no table"):
        decoded("".join(ALPHABET[int(digit, 2)] for digit in digits))


def test_a_new_internal_id_ends_with_its_day() -> None:
    assert new_internal_id(bytes(range(14)), 0x4D1A) == bytes(range(14)) + b"\x4d\x1a"
    with pytest.raises(ValueError, match="14 random bytes"):
        new_internal_id(bytes(13), 1)


def test_what_is_remembered_of_ids_is_bounded_and_changes_no_answer() -> None:
    texts = [encode_id(10_001, number.to_bytes(16, "big")) for number in range(3 * 4096)]
    assert len(ids._remembered) <= 4096
    for number, text in enumerate(texts):
        assert decode_id(text) == (10_001, number.to_bytes(16, "big"))
        with pytest.raises(MalformedId):
            decode_id(text[:-1] + ("0" if text[-1] != "0" else "1"))
    assert len(ids._remembered) <= 4096
