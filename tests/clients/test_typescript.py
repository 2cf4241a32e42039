"""`_generated/api.ts` as front ends use it: what compiles, what does not, and what travels."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from confect_server import Impl
from tests.clients.gallery import gallery as gallery
from tests.clients.gallery import served
from tests.clients.node import JS, require, run_node
from tests.readme import blocks

TSC = JS / "node_modules/typescript/bin/tsc"
PRETTIER = JS / "node_modules/prettier/bin/prettier.cjs"
REPOSITORY = Path(__file__).parents[2]
GENERATED = sorted(
    path
    for folder in ("examples", "tests/codegen/golden")
    for path in (REPOSITORY / folder).glob("*/*/_generated/api.ts")
)


async def test_right_uses_compile_and_each_wrong_one_is_refused() -> None:
    require("convex", "typescript", "@types/node", "@types/react")
    code, said = await run_node(TSC, "-p", ".")
    assert code == 0, said


async def test_what_the_readme_shows_compiles(tmp_path: Path) -> None:
    require("convex", "typescript", "@types/react")
    [shown] = blocks("tsx")
    api = REPOSITORY / "examples/notes/app/_generated/api.ts"
    code = shown.code.replace("../app/_generated/api", str(api))
    assert code != shown.code
    given = 'declare const note_id: Id<"notes">;\nexport type Shown = Doc<"notes">;\n'
    used = "export const all = [results, loadMore];\n"
    (tmp_path / "shown.tsx").write_text(code + given + used)
    options = {"extends": str(JS / "tsconfig.json"), "include": ["shown.tsx"]}
    (tmp_path / "tsconfig.json").write_text(
        json.dumps({**options, "compilerOptions": {"types": []}})
    )
    code_of_exit, said = await run_node(TSC, "-p", tmp_path)
    assert code_of_exit == 0, said


@pytest.mark.parametrize("path", GENERATED, ids=lambda path: path.parts[-3])
async def test_prettier_finds_nothing_to_format(path: Path) -> None:
    require("prettier")
    code, said = await run_node(PRETTIER, "--check", path)
    assert code == 0, said


async def test_every_value_comes_back_as_its_type_says(gallery: Impl[Any]) -> None:
    require("convex", "typescript")
    async with served(gallery) as url:
        script = ("--import", "./resolving.mjs", "types/round_trip.ts", url)
        code, said = await run_node("--disable-warning=MODULE_TYPELESS_PACKAGE_JSON", *script)
    assert code == 0, said
    assert said.endswith("every value came back as its type\n")
