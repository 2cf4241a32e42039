"""Generated code does at run time what its types promise."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Iterator
from importlib import import_module
from pathlib import Path
from typing import cast

import pytest

from confect_codegen.discover import find_project
from confect_codegen.generate import files_of
from confect_codegen.loading import load
from confect_core import Ref
from confect_core.spec.group import group_of
from confect_core.values import BigInt, Json, Value, encode, loads
from confect_server.runtime import ADMIN, Backend
from confect_server.runtime.outcome import Failed, Succeeded
from confect_server.store import MemoryStore
from tests.codegen.projects import write_project

SHOP = Path(__file__).parent / "golden" / "shop"


@pytest.fixture
async def shop(own_modules: None) -> AsyncGenerator[Backend]:
    async with Backend.open(load(find_project(SHOP)).application, MemoryStore()) as backend:
        yield backend


async def answer(shop: Backend, path: str, args: dict[str, Value] | None = None) -> Value:
    encoded = cast("dict[str, Json]", encode(args or {}))
    outcome = await shop.executor.run_any(path, encoded, ADMIN)
    assert isinstance(outcome, Succeeded), outcome
    return loads(outcome.value)


async def test_defaults_are_those_of_the_model_and_indexes_reach_into_models(
    shop: Backend,
) -> None:
    id = await answer(shop, "orders:welcome")
    found = cast("dict[str, Value]", await answer(shop, "orders:customer"))

    assert found["_id"] == id
    assert found["address"] == {"city": "Bern"}
    assert found["tags"] == []
    assert found["tier"] == "free"
    assert found["nickname"] is None
    assert found["points"] == BigInt(7)
    assert "billing" not in found


async def test_a_call_of_a_plain_function_travels_as_its_annotations_say(shop: Backend) -> None:
    assert await answer(shop, "orders:plain_action", {"order": b""}) is True


async def test_groups_are_reached_however_they_were_built(shop: Backend) -> None:
    assert await answer(shop, "admin/jobs:run") == "done"
    assert await answer(shop, "admin/users/Roles:N1") == "n1"
    assert await answer(shop, "unnamed:ping") == "pong"
    assert await answer(shop, "admin:Final") == []


def paths_in(refs: object) -> Iterator[tuple[str, bool]]:
    """Every path below a part of the refs, and whether its function is public."""
    for name in dir(refs):
        child = getattr(refs, name)
        if isinstance(child, Ref):
            yield child.path, cast("Ref[..., object]", child).spec.is_public
        elif not name.startswith("_"):
            yield from paths_in(child)


def test_public_refs_are_of_public_functions_only_and_all_of_them_are_there(
    own_modules: None,
) -> None:
    application = load(find_project(SHOP)).application
    refs = import_module("shop._generated.refs")
    public, internal = dict(paths_in(refs.public)), dict(paths_in(refs.internal))

    assert set(public.values()) == {True}
    assert set(internal.values()) == {False}
    assert {*public, *internal} == {
        f"{path}:{name}"
        for path, group in application.groups.items()
        for name in group_of(group.spec, "the test").functions
    }


def test_handles_are_named_in_signatures_of_plain_functions(tmp_path: Path) -> None:
    files: dict[str, str | None] = {
        "app/plain.py": """
            from app._generated.db import MutationCtx
            from app.notes import OnDone
            from confect_core import MutationHandle, Outcome
            from app.notes import Failed

            async def start(
                ctx: MutationCtx, on_done: MutationHandle[OnDone, Outcome[None, Failed]]
            ) -> None: ...
        """,
        "app/notes.py": """
            from typing import TYPE_CHECKING

            from app.tables import Note
            from confect_core import Args, FunctionSpec, GroupSpec, TaggedError

            if TYPE_CHECKING:
                from app.plain import start

            class OnDone(Args):
                text: str

            class Failed(TaggedError):
                text: str

            class Notes(GroupSpec):
                start = FunctionSpec.plain_public_mutation(lambda: start)
        """,
    }
    refs = files_of(write_project(tmp_path, files))["refs.py"]
    assert "on_done=MutationHandle[notes_.OnDone, Success[None] | Failure[notes_.Failed]]," in refs


async def test_groups_are_behind_what_their_specs_say(shop: Backend) -> None:
    assert await answer(shop, "desk:name") == "Ada"
    failed = await shop.executor.run_any("desk:open", {}, ADMIN)
    assert isinstance(failed, Failed)
    assert failed.error_data is not None
    assert loads(failed.error_data) == {"_tag": "NotOnDuty", "clerk": "Ada"}


@pytest.mark.parametrize(
    ("added", "named"), [("guarded", "spec.guarded"), ("bare.behind(Counted)", 'spec.groups["a"]')]
)
def test_a_group_is_never_taken_for_the_same_one_without_its_middleware(
    tmp_path: Path, added: str, named: str
) -> None:
    text = f"""
        from confect_core import FunctionSpec, GroupSpec, Middleware, Spec

        class Checked(Middleware):
            pass

        class Counted(Middleware):
            pass

        b = FunctionSpec.public_query(returns=int)
        bare = GroupSpec.make("a").add_function("b", b)
        guarded = bare.behind(Checked)
        spec = Spec.make().add({added})
    """
    made = files_of(write_project(tmp_path, {"app/spec.py": text}))["impls.py"]
    assert named in made
    assert "bare" not in made
