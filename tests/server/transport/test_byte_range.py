from __future__ import annotations

import pytest

from confect_server.transport.http.byte_range import NoSuchRange, range_of


@pytest.mark.parametrize(
    ("header", "wanted"),
    [
        (None, None),
        (b"bytes=0-0", (0, 1)),
        (b"bytes=2-4", (2, 5)),
        (b"bytes=2-", (2, 10)),
        (b"bytes=2-99", (2, 10)),
        (b"bytes=-3", (7, 10)),
        (b"bytes=-99", (0, 10)),
        (b"lines=1-2", None),
    ],
)
def test_one_range_of_ten_bytes(header: bytes | None, wanted: tuple[int, int] | None) -> None:
    assert range_of(header, 10) == wanted


@pytest.mark.parametrize(
    "header", [b"bytes=10-", b"bytes=4-2", b"bytes=-0", b"bytes=-", b"bytes=0-1,3-4", b"bytes=x"]
)
def test_a_range_that_holds_nothing_or_several_are_refused(header: bytes) -> None:
    with pytest.raises(NoSuchRange):
        range_of(header, 10)


def test_of_an_empty_file_everything_is_given() -> None:
    assert range_of(b"bytes=0-1", 0) is None
