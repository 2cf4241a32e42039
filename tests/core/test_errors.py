"""Errors: the declared ones are records that can be raised, ours say what to do."""

from __future__ import annotations

import copy
import pickle
from collections.abc import Callable
from typing import Any, assert_never

import pytest
from pydantic import ValidationError
from returns.result import Failure, Success

from confect_core import Id, Outcome, Table, TaggedError
from confect_core.errors import ConfectError, Mistakes, SpecError, Where, refuse
from confect_core.spec.errors import BadName
from confect_core.values.codec import Mismatch
from tests.core.codecs import codec, decoded, encoded


class Note(Table, name="notes"):
    text: str


class NoteNotFound(TaggedError):
    note_id: Id[Note] | None = None
    tried: list[str]


class Locked(NoteNotFound):
    by: str = "nobody"


class Gone(TaggedError):
    pass


def test_a_declared_error_is_a_record_with_a_tag() -> None:
    error = NoteNotFound(tried=["a"])
    assert (error.tag, error.note_id, error.tried) == ("NoteNotFound", None, ["a"])
    assert str(error) == "NoteNotFound(note_id=None, tried=['a'])"
    assert str(Gone()) == "Gone()"
    assert Locked(tried=[]).tag == "Locked"


def test_it_can_be_raised_and_caught() -> None:
    with pytest.raises(NoteNotFound) as raised:
        raise Locked(tried=["a"], by="Ada")
    assert raised.value == Locked(tried=["a"], by="Ada")
    assert raised.value.__traceback__ is not None


def test_it_is_equal_by_its_fields_and_has_a_hash() -> None:
    assert NoteNotFound(tried=["a"]) == NoteNotFound(tried=["a"])
    assert NoteNotFound(tried=["a"]) != NoteNotFound(tried=["b"])
    assert NoteNotFound(tried=["a"]) != Locked(tried=["a"])
    assert hash(NoteNotFound(tried=["a"])) == hash(NoteNotFound(tried=["a"]))
    assert len({Gone(), Gone()}) == 1


def pickled(error: object) -> object:
    return pickle.loads(pickle.dumps(error))


@pytest.mark.parametrize("copied", [copy.copy, copy.deepcopy, pickled])
def test_it_is_copied_and_pickled_whole(copied: Callable[[object], object]) -> None:
    error = Locked(tried=["a"], by="Ada")
    assert copied(error) == error
    assert type(copied(error)) is Locked


def test_a_note_on_it_is_no_field_of_it() -> None:
    error = NoteNotFound(tried=[])
    error.add_note("while testing")
    assert str(error) == "NoteNotFound(note_id=None, tried=[])"
    assert copy.copy(error) == error


def test_its_fields_are_checked() -> None:
    wrong: Any = NoteNotFound
    with pytest.raises(ValidationError):
        wrong()
    with pytest.raises(ValidationError):
        wrong(tried="a")
    with pytest.raises(ValidationError):
        wrong(tried=[], trid=[])
    with pytest.raises(ValidationError):
        wrong(tried=[], note_id="no id")
    with pytest.raises(ValidationError):
        wrong([])


def test_it_travels_as_its_fields() -> None:
    assert encoded(NoteNotFound, NoteNotFound(tried=["a"])) == {"tried": ["a"]}
    assert decoded(NoteNotFound, {"tried": ["a"]}) == NoteNotFound(tried=["a"])
    assert decoded(Gone, {}) == Gone()
    with pytest.raises(Mismatch, match="missing the required field `tried`"):
        codec(NoteNotFound).decode({})
    with pytest.raises(Mismatch, match="extra field `more`"):
        codec(Gone).decode({"more": 1.0})


def test_an_outcome_is_told_apart_by_match() -> None:
    def told(outcome: Outcome[int, NoteNotFound | Gone]) -> str:
        match outcome:
            case Success(value):
                return f"{value + 1}"
            case Failure(NoteNotFound() as error):
                return ",".join(error.tried)
            case Failure(Gone()):
                return "gone"
            case _:
                assert_never(outcome)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]  # neither narrows what Failure holds

    assert told(Success(2)) == "3"
    assert told(Failure(NoteNotFound(tried=["a", "b"]))) == "a,b"
    assert told(Failure(Gone())) == "gone"


def test_ours_say_what_happened_where_and_what_to_do() -> None:
    error = BadName("group", "a-b", Where("app/spec.py", 3))
    assert (error.tag, error.where) == ("BadName", Where("app/spec.py", 3))
    assert str(error) == f"app/spec.py:3: {error.message} ({error.hint})"
    assert str(BadName("group", "a-b")).startswith("no group can be called 'a-b' (")


def test_each_class_has_the_tag_of_its_name() -> None:
    def every(error: type[ConfectError]) -> list[type[ConfectError]]:
        below = [each for child in error.__subclasses__() for each in every(child)]
        return [error, *below]

    assert all(error.tag == error.__name__ for error in every(ConfectError))


def test_mistakes_are_raised_alone_or_together_or_not_at_all() -> None:
    one, two = BadName("group", "-"), BadName("group", "+")
    refuse("nothing", [])
    with pytest.raises(BadName) as alone:
        refuse("the spec", [one])
    assert alone.value is one
    with pytest.raises(Mistakes) as together:
        refuse("the spec", [one, two])
    assert together.value.exceptions == (one, two)
    assert str(together.value) == f"the spec has 2 mistakes\n  - {one}\n  - {two}"
    with pytest.raises(ExceptionGroup) as group:
        refuse("the spec", [one, two])
    assert isinstance(group.value.subgroup(SpecError), Mistakes)
