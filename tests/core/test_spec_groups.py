"""Groups and the tree of them: two forms of one thing, immutable, every mistake at once."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any

import pytest

from confect_core import FunctionSpec, GroupSpec, Middleware, Spec
from confect_core.errors import Mistakes
from confect_core.spec import Group
from confect_core.spec.errors import (
    BadName,
    DuplicateName,
    FunctionAndGroup,
    NotASpec,
    ReservedName,
)
from confect_core.spec.group import group_of
from confect_core.spec.names import python_name, snake_case, wire_name
from confect_core.values.uncarryable import Uncarryable
from tests.core.places import place_of, told

get = FunctionSpec.public_query(returns=int)
put = FunctionSpec.public_mutation(returns=int)


class Users(GroupSpec):
    list_ = get
    remove = put


class Admin(GroupSpec):
    users = Users
    logs = GroupSpec.make("logs").add_function("get", get)
    restart = put


class UserProfiles(GroupSpec):
    get = get


class Renamed(GroupSpec, name="memos"):
    get = get


def group(spec: type[GroupSpec]) -> Group:
    return spec.__confect_group__


def test_a_group_is_named_for_its_class() -> None:
    assert group(UserProfiles).name == "user_profiles"
    assert group(Renamed).name == "memos"


def test_a_trailing_underscore_does_not_travel() -> None:
    assert list(group(Users).functions) == ["list", "remove"]


def test_both_forms_make_the_same_group() -> None:
    built = (
        GroupSpec.make("admin")
        .add_group(GroupSpec.make("users").add_function("list", get).add_function("remove", put))
        .add_group(GroupSpec.make("logs").add_function("get", get))
        .add_function("restart", put)
    )
    assert shape(built) == shape(group(Admin))
    assert built.functions["restart"] is group(Admin).functions["restart"]


def shape(node: Group) -> object:
    return node.name, dict(node.functions), [shape(each) for each in node.groups.values()]


def test_a_nested_group_is_named_for_its_attribute() -> None:
    class Outer(GroupSpec):
        people = Users
        type_ = GroupSpec.make("logs")

    assert list(group(Outer).groups) == ["people", "type"]
    assert group(Outer).groups["people"].name == "people"
    assert group(Users).name == "users"


def test_a_group_has_the_functions_of_the_group_that_it_extends() -> None:
    class Extended(Users):
        count = get
        remove = FunctionSpec.public_mutation(returns=int)

    assert list(group(Extended).functions) == ["list", "remove", "count"]
    assert group(Extended).functions["remove"] is Extended.remove
    assert group(Users).functions["remove"] is put


def test_paths_lead_from_the_root_to_each_function() -> None:
    spec = Spec.make().add(Admin).add(Users).add(GroupSpec.make("empty"))
    assert [path for path, _ in spec.walk()] == [
        "admin",
        "admin/users",
        "admin/logs",
        "users",
        "empty",
    ]
    assert dict(spec.functions()) == {
        "admin:restart": put,
        "admin/users:list": get,
        "admin/users:remove": put,
        "admin/logs:get": get,
        "users:list": get,
        "users:remove": put,
    }
    assert spec.mistakes() == []


def test_adding_changes_nothing_that_there_was() -> None:
    empty = GroupSpec.make("notes")
    with_get = empty.add_function("get", get)
    with_both = with_get.add_group(Users)
    root = Spec.make()
    assert (dict(empty.functions), dict(empty.groups)) == ({}, {})
    assert (dict(with_get.functions), dict(with_get.groups)) == ({"get": get}, {})
    assert list(with_both.groups) == ["users"]
    assert list(root.add(Users).groups) == ["users"]
    assert list(root.groups) == []


def test_what_was_made_cannot_be_changed() -> None:
    node: Any = GroupSpec.make("notes")
    root: Any = Spec.make()
    made: Any
    for made in (node, node.add_function("get", get), group(Users)):
        with pytest.raises(TypeError):
            made.functions["more"] = get
        with pytest.raises(TypeError):
            made.groups["more"] = node
        with pytest.raises(dataclasses.FrozenInstanceError):
            made.name = "other"
    for made in (root, root.add(Users)):
        with pytest.raises(TypeError):
            made.groups["more"] = node


def test_every_mistake_of_a_class_is_told_at_once_with_its_place() -> None:
    with pytest.raises(Mistakes) as refused:

        class Wrong(GroupSpec, name="9lives"):  # pyright: ignore[reportUnusedClass]  # here: class
            list = FunctionSpec.public_query(returns=int)  # here: builtin
            make: Any = FunctionSpec.public_query(returns=int)  # here: make
            _hidden = FunctionSpec.public_query(returns=int)  # here: underscore
            bad = FunctionSpec.public_query(returns=complex)  # here: complex
            get_ = FunctionSpec.public_query(returns=int)
            get = FunctionSpec.public_query(returns=int)  # here: twin
            users_ = FunctionSpec.public_query(returns=int)
            users = Users
            forgotten = FunctionSpec.public_query
            number = 3
            _private = 3

    assert told(refused.value.exceptions) == [
        ("BadName", place_of(__file__, "class")),
        ("ReservedName", place_of(__file__, "builtin")),
        ("ReservedName", place_of(__file__, "make")),
        ("BadName", place_of(__file__, "underscore")),
        ("Uncarryable", place_of(__file__, "complex")),
        ("DuplicateName", place_of(__file__, "twin")),
        ("FunctionAndGroup", group(Users).where),
        ("NotASpec", place_of(__file__, "class")),
        ("NotASpec", place_of(__file__, "class")),
    ]


def test_a_function_that_a_class_assigns_twice_is_refused_at_the_second() -> None:
    with pytest.raises(DuplicateName) as refused:

        class Twice(GroupSpec):  # pyright: ignore[reportUnusedClass]  # it is never made
            list_ = FunctionSpec.public_query(returns=int)
            list_ = FunctionSpec.public_query(returns=int)  # here: second

    assert refused.value.where == place_of(__file__, "second")


def test_a_function_may_be_put_behind_middleware_by_another_assignment() -> None:
    class Checked(Middleware):
        pass

    class Notes(GroupSpec):
        list_ = FunctionSpec.public_query(returns=int)
        list_ = list_.behind(Checked)

    (function,) = group_of(Notes, "the test").functions.values()
    assert function.middleware == (Checked,)


def test_one_mistake_alone_is_raised_as_itself() -> None:
    with pytest.raises(ReservedName, match="write list_; it is called 'list' on the wire"):
        type("Wrong", (GroupSpec,), {"list": get})
    with pytest.raises(Uncarryable, match=r"returns is .*complex"):
        type("Wrong", (GroupSpec,), {"get": FunctionSpec.public_query(returns=complex)})


@pytest.mark.parametrize("name", ["", "_a", "9a", "a-b", "a.b", "a b", "größe", "a" * 65, "a:b"])
def test_names_that_the_wire_cannot_carry_are_refused(name: str) -> None:
    with pytest.raises(BadName) as refused:
        GroupSpec.make(name)  # here: bad group
    assert refused.value.where == place_of(__file__, "bad group")
    with pytest.raises(BadName) as refused:
        GroupSpec.make("notes").add_function(name, get)  # here: bad function
    assert refused.value.where == place_of(__file__, "bad function")


@pytest.mark.parametrize("name", ["a", "A9_", "list", "class", "a" * 64])
def test_other_names_are_welcome(name: str) -> None:
    built = GroupSpec.make(name).add_function(name, get)
    assert (built.name, list(built.functions)) == (name, [name])


def test_mistakes_of_the_builder_are_told_at_the_line_that_makes_them() -> None:
    notes = GroupSpec.make("notes").add_function("get", get).add_group(Users)
    wrong: Any = 3
    mistakes: list[tuple[Callable[[], object], type[Exception], str]] = [
        (lambda: notes.add_function("get", put), DuplicateName, "twice"),  # here: twice
        (lambda: notes.add_function("users", put), FunctionAndGroup, "as group"),  # here: as group
        (lambda: notes.add_function("other", wrong), NotASpec, "no spec"),  # here: no spec
        (lambda: notes.add_group(Users), DuplicateName, "group twice"),  # here: group twice
        (lambda: notes.add_group(GroupSpec.make("get")), FunctionAndGroup, "as f"),  # here: as f
        (lambda: notes.add_group(wrong), NotASpec, "no group"),  # here: no group
        (lambda: Spec.make().add(Users).add(Users), DuplicateName, "root"),  # here: root
        (lambda: Spec.make().add(wrong), NotASpec, "no root"),  # here: no root
        (lambda: Spec.make().add(GroupSpec), NotASpec, "base"),  # here: base
    ]
    for mistake, error, place in mistakes:
        with pytest.raises(error) as refused:
            mistake()
        assert told([refused.value]) == [(error.__name__, place_of(__file__, place))]


def test_the_builder_tells_all_mistakes_of_one_function_at_once() -> None:
    with pytest.raises(Mistakes) as refused:
        GroupSpec.make("notes").add_function("a b", FunctionSpec.public_query(returns=complex))
    assert [type(each) for each in refused.value.exceptions] == [BadName, Uncarryable]


def test_a_group_is_split_into_groups_of_its_own_kind() -> None:
    mistakes = Mistakes("two", [BadName("group", "-"), ReservedName("group", "-", "so", "hint")])
    bad, rest = mistakes.split(BadName)
    assert isinstance(bad, Mistakes)
    assert isinstance(rest, Mistakes)
    assert [type(each) for each in bad.exceptions] == [BadName]


@pytest.mark.parametrize(
    ("name", "snake"),
    [
        ("Notes", "notes"),
        ("UserProfiles", "user_profiles"),
        ("HTTPLogs", "http_logs"),
        ("V2Notes", "v2_notes"),
        ("already_so", "already_so"),
    ],
)
def test_class_names_become_snake_case(name: str, snake: str) -> None:
    assert snake_case(name) == snake


def test_keywords_have_an_underscore_in_python_only() -> None:
    assert python_name("class") == "class_"
    assert python_name("list") == "list"
    assert wire_name("class_") == "class"
    assert wire_name("a__") == "a_"
    assert wire_name("_") == "_"
