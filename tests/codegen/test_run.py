"""`confect run` on a running server."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import anyio.to_thread
import orjson
import pytest
from typer.testing import CliRunner

from confect_codegen.cli import main
from confect_codegen.errors import CallFailed
from confect_codegen.remote import Server
from confect_server.transport import AdminKey, ConfectAsgi, serving
from tests.server.auth.guestbook import ADMIN_KEY, Served, served
from tests.server.runtime.talk import saying, talking

ADA = '{"issuer": "https://id.example.com", "subject": "ada"}'


async def run(at: Served, function: str, acting_as: str | None) -> str:
    server = Server(at.url, ADMIN_KEY)
    return await anyio.to_thread.run_sync(server.call, function, "{}", acting_as)


async def test_a_function_is_called_as_a_user() -> None:
    async with served() as at:
        assert orjson.loads(await run(at, "book:who", ADA)) == "ada"
        signed = orjson.loads(await run(at, "book:sign_inside", ADA))
        assert signed == "https://id.example.com|ada"
        assert orjson.loads(await run(at, "book:who", None)) == "nobody"
        with pytest.raises(CallFailed, match="issuer and subject"):
            await run(at, "book:who", '{"issuer": "x"}')


async def test_what_a_function_says_is_heard() -> None:
    async def fail(ctx: Any) -> None:
        ctx.log.warning("too much")
        raise ValueError("a defect")

    heard: list[str] = []
    async with talking({"told": saying("hello"), "acted": fail}) as at:
        app = ConfectAsgi(at.backend, AdminKey(ADMIN_KEY))
        async with serving(app, "127.0.0.1", 0) as port:
            server = Server(f"http://127.0.0.1:{port}", ADMIN_KEY, heard.append)
            await anyio.to_thread.run_sync(server.call, "talk:told", "{}")
            with pytest.raises(CallFailed):
                await anyio.to_thread.run_sync(server.call, "talk:acted", "{}")
    assert heard == ["[INFO] 'hello'", "[WARN] 'too much'"]


def test_a_user_that_is_no_object_is_refused_before_anything_is_called(tmp_path: Path) -> None:
    at = ["--url", "http://127.0.0.1:9", "--project", str(tmp_path)]
    for user, problem in (("ada", "unexpected"), ("[]", "it is not an object")):
        shown = CliRunner().invoke(main, ["run", "book:who", *at, "--as", user])
        assert shown.exit_code == 1
        assert f"the user {user} cannot be read" in shown.output
        assert problem in shown.output
