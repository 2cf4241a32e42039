"""`ctx.log`: what a function says becomes lines for logs, and lines for those who call."""

from __future__ import annotations

import logging
from datetime import UTC, datetime
from uuid import UUID

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from confect_server.log import MOST_CHARACTERS, MOST_LINES, Lines, Log, LogLine


def said(*args: object, **fields: object) -> LogLine:
    """What becomes of a message with its arguments and fields."""
    lines = Lines()
    message, *others = args
    Log(lines, "notes:add").info(str(message), *others, **fields)
    (line,) = lines.said()
    return line


def test_a_line_knows_who_said_it_how_bad_it_is_and_where_in_the_code() -> None:
    lines = Lines()
    log = Log(lines, "notes:add")
    log.debug("a")
    log.info("b")
    log.warning("c")
    log.error("d")
    levels = [line.levelno for line in lines.said()]
    assert levels == [logging.DEBUG, logging.INFO, logging.WARNING, logging.ERROR]
    assert lines.texts() == ("[DEBUG] 'a'", "[INFO] 'b'", "[WARN] 'c'", "[ERROR] 'd'")
    line = lines.said()[0]
    assert (line.function, line.pathname, line.funcName) == (
        "notes:add",
        __file__,
        "test_a_line_knows_who_said_it_how_bad_it_is_and_where_in_the_code",
    )


def test_arguments_go_into_the_message_and_fields_behind_it() -> None:
    line = said("sold %s of %d", "pears", 3, customer="Ada", paid=2.5, first=True)
    assert line.getMessage() == "sold pears of 3"
    assert line.fields == {"customer": "Ada", "paid": 2.5, "first": True}
    assert line.text == "[INFO] 'sold pears of 3' customer='Ada' paid=2.5 first=True"
    assert line.message_and_fields == "sold pears of 3 customer='Ada' paid=2.5 first=True"


def test_a_percent_sign_is_one_where_there_are_no_arguments() -> None:
    assert said("100 %").getMessage() == "100 %"


@pytest.mark.parametrize(
    ("message", "args", "told"),
    [("%d pears", ("two",), "%d pears two"), ("%s", ("a", "b"), "%s a b"), ("no", (1,), "no 1")],
)
def test_what_does_not_fit_its_message_stands_behind_it(
    message: str, args: tuple[object, ...], told: str
) -> None:
    assert said(message, *args).getMessage() == told


class Unspeakable:
    """Nothing that can be written down."""

    def __repr__(self) -> str:
        raise RuntimeError("no words")


def test_what_cannot_be_written_down_fails_nothing() -> None:
    line = said("%s", Unspeakable(), what=Unspeakable(), deep={"what": Unspeakable()})
    assert line.getMessage() == "%s <Unspeakable>"
    assert line.fields == {"what": "<Unspeakable>", "deep": {"what": "<Unspeakable>"}}


def test_a_field_is_what_it_was_when_it_was_said() -> None:
    basket = ["pear"]
    line = said("sold", basket=basket)
    basket.append("plum")
    assert line.fields == {"basket": ["pear"]}


def test_fields_may_be_called_as_records_and_parameters_are() -> None:
    names = {"message": 1, "self": 2, "args": 3, "exc_info": True, "name": 5, "level": 6}
    assert said("said", **names).fields == names


def test_fields_of_all_kinds_are_something_that_json_holds() -> None:
    circle: list[object] = []
    circle.append(circle)
    line = said(
        "said",
        at=datetime(2026, 1, 1, tzinfo=UTC),
        by=UUID(int=1),
        large=2**70,
        keyed={1: "a"},
        half="\ud800",
        halves=["\ud800"],
        circle=circle,
        nan=float("nan"),
        some={1},
    )
    assert line.fields["at"] == "2026-01-01T00:00:00+00:00"
    assert line.fields["large"] == str(2**70)
    assert line.fields["keyed"] == {"1": "a"}
    assert line.fields["some"] == "{1}"
    assert line.fields["circle"] == "[[...]]"


def test_long_lines_and_fields_are_cut() -> None:
    line = said("x" * 10_000, y="y" * 10_000, z=["z" * 10_000])
    for text in (line.getMessage(), line.text, line.message_and_fields, *line.fields.values()):
        assert isinstance(text, str)
        assert len(text) == MOST_CHARACTERS
        assert text.endswith(" (truncated due to length)")


def test_a_run_keeps_so_many_lines_and_says_how_many_there_were() -> None:
    lines = Lines()
    log = Log(lines, "notes:add")
    for number in range(MOST_LINES + 3):
        log.info("%s", number)
    texts = lines.texts()
    assert len(texts) == MOST_LINES + 1
    assert texts[-2:] == ("[INFO] '255'", "[WARN] '3 more lines were left out: a run keeps 256'")


def test_lines_of_inner_runs_count_too_and_what_is_told_at_once_is_told_whole() -> None:
    told: list[LogLine] = []
    outer, inner = Lines(told.append), Lines()
    for lines in (outer, inner):
        for _ in range(MOST_LINES):
            Log(lines, "a:b").info("said")
    outer.add_all(inner)
    assert len(told) == 2 * MOST_LINES
    assert len(outer.texts()) == MOST_LINES + 1


@given(st.text(), st.text())
def test_a_line_for_callers_is_one_line_that_begins_with_its_level(
    message: str, value: str
) -> None:
    text = said(message, value=value).text
    assert text.startswith("[INFO] ")
    assert text.isprintable()
    orjson.dumps(text)
