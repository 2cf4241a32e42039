"""What README.md shows is Python, and what it shows of clients runs."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Generator
from contextlib import contextmanager
from textwrap import indent

import httpx2
import pytest

from tests.readme import Block, blocks
from tests.serving import Server

_CLIENTS = blocks("python", "Clients")
_ADDRESSES = ("http://127.0.0.1:3210", "https://example.com/backend")
_PATIENCE_S = 60

_AROUND = """\
import anyio
from app._generated import refs
from app.tables import Note
from confect_client import AsyncClient, Client, HttpClient, LocalStore
from confect_core import Id


def show(value: object) -> None: ...


show_state = show


def fetch_token() -> str | None: ...


def is_at_end() -> bool:
    return True

"""
_IN_AN_ASYNC_PROGRAM = """
async def main() -> None:
    async with AsyncClient({url!r}) as client:
        note_id = await client.mutation(refs.public.notes.insert, text="hi")
{code}


anyio.run(main)
"""


@pytest.mark.parametrize("block", blocks("python"), ids=str)
def test_each_block_is_python(block: Block) -> None:
    # `await` may stand outside of functions, as in a notebook
    compile(block.code, "README.md", "exec", flags=ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)


def test_all_faces_of_clients_are_shown() -> None:
    code = "".join(each.code for each in _CLIENTS)
    for face in ("AsyncClient(", "optimistic(", "subscribe_pages(", " Client(", "HttpClient("):
        assert face in code


@pytest.mark.parametrize("block", _CLIENTS, ids=str)
def test_what_is_shown_of_clients_runs(block: Block, server: Server) -> None:
    code = ast.unparse(_Once().visit(ast.parse(block.code)))
    if "await " in code or "async " in code:
        code = _IN_AN_ASYNC_PROGRAM.format(url=server.url, code=indent(code, " " * 8))
    with running(_AROUND + code, server) as program:
        _, said = program.communicate(timeout=_PATIENCE_S)
    assert program.returncode == 0, said


def test_the_live_query_to_try_prints_each_list(server: Server) -> None:
    [shell] = [each.code for each in blocks("sh", "Try it") if "<<'EOF'" in each.code]
    with running(shell.split("<<'EOF'\n")[1].removesuffix("EOF\n"), server) as program:
        assert program.stdout is not None
        assert program.stdout.readline() == "[]\n"
        call = {"path": "notes:insert", "args": {"text": "hello"}}
        httpx2.post(f"{server.url}/api/mutation", json=call).raise_for_status()
        assert program.stdout.readline() == "['hello']\n"


@contextmanager
def running(code: str, server: Server) -> Generator[subprocess.Popen[str]]:
    """A program in the folder of examples/notes, which speaks to this server."""
    for address in _ADDRESSES:
        code = code.replace(address, server.url)
    command = [sys.executable, "-c", code]
    pipe = subprocess.PIPE
    with subprocess.Popen(
        command, cwd=server.project, stdout=pipe, stderr=pipe, text=True
    ) as program:
        try:
            yield program
        finally:
            program.kill()


class _Once(ast.NodeTransformer):
    """Ends each loop after its first round: those that are shown wait for what comes next."""

    def visit_For(self, node: ast.For) -> ast.For:
        node.body.append(ast.Break())
        return node

    def visit_AsyncFor(self, node: ast.AsyncFor) -> ast.AsyncFor:
        node.body.append(ast.Break())
        return node
