"""Function paths: one function, one path, however a client spells it."""

from __future__ import annotations

import pytest

from confect_core.protocol import BadFunctionPath, FunctionPath


@pytest.mark.parametrize(
    ("text", "normal"),
    [
        ("messages:list", "messages:list"),
        ("messages.js:list", "messages:list"),
        ("messages", "messages:default"),
        ("messages.js", "messages:default"),
        ("messages:default", "messages:default"),
        ("dir/mod:fn", "dir/mod:fn"),
        ("a.b/2c/mod.js:_fn2", "a.b/2c/mod:_fn2"),
        ("_system/tables:list", "_system/tables:list"),
        ("m" * 64 + ":" + "f" * 64, "m" * 64 + ":" + "f" * 64),
    ],
)
def test_every_spelling_of_a_path_gives_its_normal_form(text: str, normal: str) -> None:
    path = FunctionPath.parse(text)
    assert str(path) == normal
    assert FunctionPath.parse(normal) == path


@pytest.mark.parametrize(
    "text",
    [
        "",
        ":",
        ":list",
        "messages:",
        "messages.ts:list",
        "messages.:list",
        ".js:list",
        "/messages:list",
        "messages/:list",
        "a//b:list",
        "../messages:list",
        "a:b:list",
        "mess ages:list",
        "méssages:list",
        "messages:li-st",
        "messages:2list",
        "messages:___",
        "messages:list\n",
        "___:list",
        "m" * 65 + ":list",
        "messages:" + "f" * 65,
    ],
)
def test_a_text_that_is_no_path_is_refused_by_name(text: str) -> None:
    with pytest.raises(BadFunctionPath) as refused:
        FunctionPath.parse(text)
    assert refused.value.path == text
    assert refused.value.code == "BadConvexFunctionIdentifier"


def test_system_paths_are_known_as_such() -> None:
    assert FunctionPath.parse("_system/tables:list").is_system
    assert not FunctionPath.parse("_systems/tables:list").is_system
