"""What is written to the log is read from it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from confect_server.store import KeyChange
from confect_server.store.log_codec import decode_changes, encode_changes

KEYS = st.none() | st.binary(max_size=40)
CHANGES = st.lists(st.builds(KeyChange, st.integers(0, 2**32 - 1), KEYS, KEYS))


@given(CHANGES)
def test_changes_survive(changes: list[KeyChange]) -> None:
    assert decode_changes(encode_changes(changes)) == changes


def test_an_empty_key_is_not_a_missing_one() -> None:
    changes = [KeyChange(1, b"", None), KeyChange(1, None, b"")]
    assert decode_changes(encode_changes(changes)) == changes


def test_a_log_of_a_later_version_is_refused() -> None:
    with pytest.raises(ValueError, match="later version"):
        decode_changes(b"\x02" + encode_changes([])[1:])
