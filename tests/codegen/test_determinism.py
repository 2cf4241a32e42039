"""`confect check`: queries and mutations use nothing but what their ctx gives them."""

from __future__ import annotations

import json
from pathlib import Path
from textwrap import dedent, indent

import pytest

from confect_codegen.checking import mistakes_in
from confect_codegen.determinism.errors import NotReproducible
from confect_codegen.generate import generate
from tests.codegen.projects import line_of, write_project
from tests.codegen.test_cli import confect

pytestmark = pytest.mark.usefixtures("own_modules")

SPEC = """
    from typing import Any

    from confect_core import FunctionSpec, GroupSpec

    class Notes(GroupSpec):
        ask = FunctionSpec.public_query(returns=Any)
        change = FunctionSpec.public_mutation(returns=None)
        act = FunctionSpec.public_action(returns=Any)
"""

IMPL = """
from __future__ import annotations

{imports}
from typing import Any

from app._generated import impls
from app.notes import Notes
from confect_server import Impl, impl, layers

{module}

@impl(Notes.ask)
async def ask(ctx: Any, args: Any) -> Any:
{ask}

@impl(Notes.change)
async def change(ctx: Any, args: Any) -> None:
{change}

@impl(Notes.act)
async def act(ctx: Any, args: Any) -> Any:
{act}

app = Impl(layers()).provide(impls.notes(ask=ask, change=change, act=act))
"""


def checked(
    root: Path,
    *,
    ask: str = "return 1",
    change: str = "return None",
    act: str = "return 1",
    imports: str = "",
    module: str = "",
    **files: str,
) -> list[NotReproducible]:
    """What the lint finds in a project with these bodies."""
    bodies = {
        name: indent(dedent(text).strip(), "    ")
        for name, text in {"ask": ask, "change": change, "act": act}.items()
    }
    source = IMPL.format(imports=imports, module=dedent(module).strip(), **bodies)
    others: dict[str, str | None] = {f"app/{name}.py": text for name, text in files.items()}
    project = write_project(root, {"app/notes.py": SPEC, "app/impl.py": source, **others})
    generate(project)
    found = mistakes_in(root)
    assert all(isinstance(each, NotReproducible) for each in found), found
    return [each for each in found if isinstance(each, NotReproducible)]


USES = [
    ("time", "import time", "return time.time()", "time.time"),
    ("time", "from time import monotonic as tick", "return tick()", "time.monotonic"),
    ("time", "import datetime as dt", "return dt.datetime.now().isoformat()", "datetime.now"),
    ("time", "from datetime import datetime", "return str(datetime.utcnow())", "datetime.utcnow"),
    ("time", "from datetime import date", "now = date.today\nreturn str(now())", "date.today"),
    ("time", "", "import time\nreturn time.time_ns()", "time.time_ns"),
    ("time", "", "from time import time as t\nreturn t()", "time.time"),
    ("time", "from time import time", "return [time() for _ in range(2)]", "time.time"),
    ("random", "import random", "return random.choice([1, 2])", "random.choice"),
    ("random", "from random import random", "return (lambda: random())()", "random.random"),
    ("random", "from random import Random", "return Random().random()", "Random() without a seed"),
    ("random", "import uuid", "return str(uuid.uuid4())", "uuid.uuid4"),
    ("random", "from uuid import uuid1", "return str(uuid1())", "uuid.uuid1"),
    ("random", "import secrets", "return secrets.token_hex(8)", "secrets.token_hex"),
    ("random", "import os", "return os.urandom(4).hex()", "os.urandom"),
    ("environment", "import os", 'return os.environ["HOME"]', "os.environ"),
    ("environment", "from os import environ as e", 'return e.get("HOME")', "os.environ"),
    ("environment", "from os import getenv", 'return getenv("HOME")', "os.getenv"),
    ("files", "", 'with open("x") as file:\n    return file.read()', "open"),
    ("files", "from pathlib import Path", 'return Path("x").read_text()', "Path.read_text"),
    ("network", "import socket", "return str(socket.socket())", "socket.socket"),
    ("network", "import httpx2", 'return httpx2.get("http://x").text', "httpx2.get"),
    (
        "network",
        "import httpx2 as http",
        "async with http.AsyncClient() as c:\n    return 1",
        "http.AsyncClient",
    ),
    ("network", "from urllib.request import urlopen", 'return str(urlopen("http://x"))', "urlopen"),
    ("processes", "import subprocess", 'return subprocess.run("ls").returncode', "subprocess.run"),
    ("processes", "import os", 'return os.system("ls")', "os.system"),
    ("threads", "import threading", "threading.Thread(target=print).start()", "threading.Thread"),
    ("threads", "import asyncio", "return await asyncio.to_thread(int)", "asyncio.to_thread"),
    ("tasks", "import asyncio", "await asyncio.sleep(1)", "asyncio.sleep"),
    ("tasks", "import asyncio", "asyncio.create_task(ctx.db)", "asyncio.create_task"),
    ("tasks", "import anyio", "await anyio.sleep(1)", "anyio.sleep"),
    ("tasks", "import time", "time.sleep(1)", "time.sleep"),
    ("print", "", 'print("hello")', "print"),
]


@pytest.mark.parametrize(("rule", "imports", "body", "used"), USES)
def test_a_use_is_found_in_a_query_and_in_a_mutation_and_not_in_an_action(
    rule: str, imports: str, body: str, used: str, tmp_path: Path
) -> None:
    found = checked(tmp_path, imports=imports, ask=body, change=body, act=body)
    assert [each.rule for each in found] == [rule, rule]
    assert [each.chain for each in found] == [("notes:ask",), ("notes:change",)]
    for each in found:
        assert used.rpartition(".")[2] in each.message
        assert f"confect: allow[{rule}]" in each.hint
        assert each.where is not None
        assert each.where.columns is not None


CHANGES = [
    ("count = 0", "global count\ncount += 1\nreturn count", "count"),
    ("seen: list[int] = []", "seen.append(1)", "seen"),
    ("cache: dict[str, int] = {}", 'cache["x"] = 1', "cache"),
    ("cache: dict[str, int] = {}", 'del cache["x"]', "cache"),
    ("from collections import Counter\nruns = Counter()", 'runs["x"] += 1', "runs"),
    ("from itertools import count\nids = count()", "return next(ids)", "ids"),
    ("class State:\n    count = 0", "State.count += 1", "State"),
    ("class State:\n    count = 0\nstate = State()", "state.count = 1", "state"),
]


@pytest.mark.parametrize(("module", "body", "name"), CHANGES)
def test_a_change_of_what_outlives_the_call_is_found(
    module: str, body: str, name: str, tmp_path: Path
) -> None:
    (found,) = checked(tmp_path, module=module, ask=body, act=body)
    assert found.rule == "state"
    assert name in found.message


HARMLESS = [
    ("import time", "return time.strftime('%Y', time.gmtime(0))"),
    ("import time", "time = args\nreturn time.time()"),
    ("import random", "return random.Random(4).random()"),
    ("from random import Random", "return isinstance(ctx.random, Random)"),
    ("from datetime import datetime, UTC", "return str(datetime.fromtimestamp(0, UTC))"),
    ("from uuid import UUID", "return str(UUID(int=4))"),
    ("import os.path", "return os.path.join('a', 'b')"),
    ("from pathlib import PurePath", "return PurePath('a').name"),
    ("import asyncio", "return await asyncio.gather()"),
    ("import threading", "return isinstance(args, threading.Thread)"),
    ("import threading", "x: threading.Lock | None = None\nreturn x"),
    ("", "rows: list[int] = []\nrows.append(1)\nrows[0] = 2\nreturn rows"),
    ("", "total = 0\ndef add():\n    nonlocal total\n    total += 1\nadd()\nreturn total"),
    ("", "it = iter([1])\nreturn next(it)"),
    ("", "return [open for open in [1]]"),
    ("", "return str(ctx.now()) + str(ctx.random.random()) + str(ctx.uuid())"),
]


@pytest.mark.parametrize(("imports", "body"), HARMLESS)
def test_what_is_the_same_each_time_is_let_pass(imports: str, body: str, tmp_path: Path) -> None:
    assert checked(tmp_path, imports=imports, ask=body, change=body) == []


HELPERS = """
    from __future__ import annotations

    import time as clock


    def stamp() -> float:
        return clock.time()


    class Stamped:
        def __init__(self) -> None:
            self.at = stamp()

        @classmethod
        def make(cls) -> Stamped:
            return cls()

        @staticmethod
        def at_once() -> float:
            return clock.monotonic()
"""


def test_what_a_handler_calls_is_looked_at_too(tmp_path: Path) -> None:
    found = checked(
        tmp_path,
        imports="from app import helpers",
        ask="return helpers.Stamped().at",
        change="helpers.Stamped.at_once()",
        helpers=HELPERS,
    )
    assert [(each.chain, line_of(each)) for each in found] == [
        (("notes:ask", "Stamped.__init__", "stamp"), "return clock.time()"),
        (("notes:change", "Stamped.at_once"), "return clock.monotonic()"),
    ]
    assert (
        found[0].message
        == "notes:ask, which calls Stamped.__init__, which calls stamp, which uses time.time"
    )


def test_what_is_reached_by_several_ways_is_told_once(tmp_path: Path) -> None:
    both = "from app.helpers import stamp\nreturn stamp()"
    (found,) = checked(tmp_path, ask=both, change=both, helpers=HELPERS)
    assert found.chain == ("notes:ask", "stamp")


def test_a_function_that_only_an_action_calls_is_not_looked_at(tmp_path: Path) -> None:
    act = "from app.helpers import stamp\nreturn stamp()"
    assert checked(tmp_path, act=act, helpers=HELPERS) == []


def test_a_plain_function_is_looked_at(tmp_path: Path) -> None:
    files: dict[str, str | None] = {
        "app/notes.py": """
            from typing import TYPE_CHECKING
            from confect_core import FunctionSpec, GroupSpec

            if TYPE_CHECKING:
                from app.plain import at

            class Notes(GroupSpec):
                at = FunctionSpec.plain_public_query(lambda: at)
        """,
        "app/plain.py": """
            import time
            from app._generated.db import QueryCtx

            async def at(ctx: QueryCtx) -> float:
                return time.time()
        """,
        "app/impl.py": """
            from app._generated import impls
            from confect_server import Impl, layers

            app = Impl(layers()).provide(impls.notes())
        """,
    }
    generate(write_project(tmp_path, files))
    (found,) = mistakes_in(tmp_path)
    assert line_of(found) == "return time.time()"


def test_middleware_and_hooks_are_looked_at(tmp_path: Path) -> None:
    files: dict[str, str | None] = {
        "app/notes.py": """
            from typing import Never
            from app.tables import Note
            from confect_core import FunctionSpec, GroupSpec, Middleware

            class Timed(Middleware[Never]):
                pass

            class Notes(GroupSpec, behind=[Timed]):
                list_ = FunctionSpec.public_query(returns=list[Note])
                act = FunctionSpec.public_action(returns=None)
        """,
        "app/impl.py": """
            import time
            from app._generated import impls
            from app.notes import Notes, Timed
            from app.tables import Note
            from confect_server import Impl, impl, layers, middleware, on_write

            @impl(Notes.list_)
            async def list_(ctx, args):
                return []

            @impl(Notes.act)
            async def act(ctx, args):
                return None

            @middleware(Timed)
            async def timed(ctx) -> None:
                time.time()

            @middleware(Timed).for_actions
            async def timed_act(ctx) -> None:
                time.time()

            @on_write(Note)
            async def stamp(ctx, change) -> None:
                time.time()

            notes = impls.notes(list=list_, act=act)
            app = Impl(layers()).behind(timed).behind(timed_act).provide(notes).watch(stamp)
        """,
    }
    generate(write_project(tmp_path, files))
    found = mistakes_in(tmp_path)
    assert all(isinstance(each, NotReproducible) for each in found), found
    messages = [each.message.partition(",")[0] for each in found]
    assert messages == ["the middleware Timed", "the hook stamp"]


def test_a_line_may_say_that_it_is_right(tmp_path: Path) -> None:
    body = """
        first = time.time()  # confect: allow[time]
        second = time.time()  # confect: allow[random]
        third = time.time() + random.random()  # confect: allow[random, time]
        return first + second + third
    """
    (found,) = checked(tmp_path, imports="import random\nimport time", ask=body)
    assert line_of(found).startswith("second = ")


def test_the_command_shows_the_place_and_what_to_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    checked(tmp_path, imports="import time", ask="return 1 + time.time()")
    code, shown = confect("check")
    assert code == 1
    assert shown.splitlines() == [
        "✘ UsesTime  notes:ask, which uses time.time",
        "  app/impl.py:14",
        "    14 | return 1 + time.time()",
        "       |            ^^^^^^^^^",
        "  hint: take the time from ctx.now(); "
        "or say that it is right with `# confect: allow[time]`",
    ]


def test_the_command_tells_programs_in_json(tmp_path: Path) -> None:
    checked(tmp_path, imports="import time", ask="return time.time()")
    code, shown = confect("check", str(tmp_path), "--json")
    assert code == 1
    (found,) = json.loads(shown)
    assert found["tag"] == "UsesTime"
    assert found["file"] == str(tmp_path / "app" / "impl.py")
    assert (found["line"], found["columns"]) == (14, [11, 20])


def test_a_project_without_mistakes_is_praised(tmp_path: Path) -> None:
    checked(tmp_path)
    assert confect("check", str(tmp_path)) == (0, "no mistakes\n")
    assert confect("check", str(tmp_path), "--json") == (0, "[]\n")


def test_other_mistakes_are_found_as_well(tmp_path: Path) -> None:
    project = write_project(tmp_path)
    code, shown = confect("check", str(tmp_path))
    assert code == 1
    assert "StaleCode" in shown
    assert not project.generated.exists()
    generate(project)
    (tmp_path / "app" / "spec.py").write_text("spec = 1\n")
    code, shown = confect("check", str(tmp_path))
    assert code == 1
    assert "NoSpec" in shown


@pytest.mark.parametrize("name", ["notes", "foundry"])
def test_the_examples_have_no_mistakes(name: str) -> None:
    assert mistakes_in(Path(__file__).parents[2] / "examples" / name) == []
