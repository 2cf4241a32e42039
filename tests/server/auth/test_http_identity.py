"""Who calls over HTTP: tokens, the admin key, and routes with schemes of their own."""

from __future__ import annotations

import base64
from dataclasses import replace

import anyio
import orjson
import pytest

from confect_core.values import Json
from tests.server.auth.guestbook import ADMIN_KEY, served


def acting(identity: Json, key: str = ADMIN_KEY) -> str:
    return f"Convex {key}:{base64.b64encode(orjson.dumps(identity)).decode()}"


async def test_a_bearer_is_known_in_every_kind_of_function_and_in_what_it_calls() -> None:
    async with served() as at:
        bearer = f"Bearer {at.issuer.token()}"
        signed = f"{at.issuer.url}|ada"
        assert await at.answer("query", "book:who", bearer) == "ada"
        assert await at.answer("mutation", "book:sign", bearer) == signed
        assert await at.answer("action", "book:ask", bearer) == ["ada", "ada", signed]
        assert await at.answer("query", "book:who") == "nobody"


async def test_the_scheme_may_be_spelled_in_any_case() -> None:
    async with served() as at:
        assert await at.answer("query", "book:who", f"bEARER {at.issuer.token()}") == "ada"
        assert await at.answer("function", "book:count", f"cONVEX {ADMIN_KEY}") == 0


async def test_what_proves_nothing_is_refused_before_anything_runs() -> None:
    async with served() as at:
        other = at.issuer.token(iss="https://other.example")
        for header, code in (
            ("Bearer x", "InvalidAuthHeader"),
            ("Basic eDp5", "InvalidAuthHeader"),
            ("x", "InvalidAuthHeader"),
            (f"Bearer {other}", "NoAuthProvider"),
            (f"Bearer {at.issuer.token(lasts_s=-10)}", "Unauthenticated"),
            ("Convex wrong", "Unauthenticated"),
            (acting({"issuer": "i", "subject": "s"}, "wrong"), "Unauthenticated"),
            (acting({"subject": "s"}), "InvalidAuthHeader"),
            (acting({"tokenIdentifier": "nobody"}), "InvalidAuthHeader"),
            (f"Convex {ADMIN_KEY}:!", "InvalidAuthHeader"),
            (acting([]), "InvalidAuthHeader"),
        ):
            for kind in ("query", "mutation", "action"):
                refused = await at.call(kind, "book:who", header)
                status = 401 if len(header) >= 7 else 400  # which is not even a scheme
                assert (refused.status_code, refused.json()["code"]) == (status, code), header
        assert at.runs == {}


async def test_the_admin_may_act_as_a_user() -> None:
    async with served() as at:
        cleo: Json = {"issuer": "https://i", "subject": "cleo", "name": "Cleo"}
        for path, answer in (("book:who", "cleo"), ("book:sign_inside", "https://i|cleo")):
            assert await at.answer("function", path, acting(cleo)) == answer
        assert await at.answer("query", "book:who", acting(cleo)) == "cleo"
        named = acting({"tokenIdentifier": "https://i|a|b"})
        assert await at.answer("query", "book:who", named) == "a|b"
        assert await at.answer("function", "book:who", f"Convex {ADMIN_KEY}") == "nobody"
        internal = await at.call("mutation", "book:sign_inside", acting(cleo))
        assert "Could not find" in internal.json()["errorMessage"]


async def test_a_route_has_an_authorization_of_its_own() -> None:
    async with served() as at:
        for header in ("Bearer not a token", "Basic eDp5", "sha256=abc", "Convex wrong"):
            answer = await at.http.post("/hook", headers={"Authorization": header})
            assert (answer.status_code, answer.text) == (200, header)


@pytest.mark.parametrize("header", [None, "Basic eDp5", "sha256=abc", "Convex wrong"])
async def test_a_route_without_a_token_sees_nobody(header: str | None) -> None:
    async with served() as at:
        headers = {} if header is None else {"Authorization": header}
        assert (await at.http.get("/whoami", headers=headers)).text == "nobody, nobody"


async def test_a_route_knows_the_bearer_of_a_token_and_of_a_bad_one_why() -> None:
    async with served() as at:
        for authorization, told in (
            (f"Bearer {at.issuer.token()}", "ada, ada"),
            (acting({"issuer": "i", "subject": "cleo"}), "cleo, cleo"),
            ("Bearer x.y.z", "InvalidAuthHeader, nobody"),
            (f"Bearer {at.issuer.token(lasts_s=-10)}", "Unauthenticated, nobody"),
        ):
            answer = await at.http.get("/whoami", headers={"Authorization": authorization})
            assert answer.text == told


async def test_an_answer_is_shared_unless_it_asks_who_calls() -> None:
    async with served() as at:
        bearers = [f"Bearer {at.issuer.token(sub=each)}" for each in ("ada", "bob")]
        for _ in range(2):
            answers = [await at.answer("query", "book:who", each) for each in (*bearers, None)]
            assert answers == ["ada", "bob", "nobody"]
            for each in (*bearers, None):
                assert await at.answer("query", "book:count", each) == 0
        assert at.runs == {"who": 3, "count": 1}


async def test_an_issuer_that_does_not_answer_harms_nobody_else_and_is_not_flooded() -> None:
    async with served() as at:
        at.issuer.is_down = True
        bearer = f"Bearer {at.issuer.token()}"
        refusals: list[tuple[int, str]] = []

        async def try_once() -> None:
            answer = await at.call("query", "book:who", bearer)
            refusals.append((answer.status_code, answer.json()["code"]))

        async with anyio.create_task_group() as tasks:
            for _ in range(20):
                tasks.start_soon(try_once)
            assert await at.answer("query", "book:count") == 0
        assert refusals == [(401, "AuthProviderDiscoveryFailed")] * 20
        assert len(at.issuer.requests) == 1
        at.issuer.is_down = False
        at.clock.now_s += 11
        assert await at.answer("query", "book:who", bearer) == "ada"


async def test_keys_that_were_rotated_are_found() -> None:
    async with served() as at:
        assert await at.answer("query", "book:who", f"Bearer {at.issuer.token()}") == "ada"
        at.issuer.rotate()
        at.clock.now_s += 11
        bearer = f"Bearer {at.issuer.token(sub='bob')}"
        assert await at.answer("query", "book:who", bearer) == "bob"


async def test_the_providers_are_those_of_the_version_that_runs() -> None:
    async with served() as at:
        bearer = f"Bearer {at.issuer.token()}"
        assert await at.answer("query", "book:who", bearer) == "ada"
        impl = at.backend.executor.application.impl
        await at.backend.replace(replace(impl, providers=()))
        refused = await at.call("query", "book:who", bearer)
        assert refused.json()["code"] == "NoAuthProvider"
        await at.backend.replace(impl)
        assert await at.answer("query", "book:who", bearer) == "ada"
