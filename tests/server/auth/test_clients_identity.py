"""Clients that show tokens: ours, npm's and PyPI's, unmodified."""

from __future__ import annotations

from contextlib import aclosing

import pytest

from confect_client import AsyncClient
from confect_server import OidcProvider
from tests.clients.official_client import npm_client, pypi_client
from tests.server.auth.guestbook import Calls, Served, guestbook, served


async def test_our_client_calls_as_whom_its_token_names() -> None:
    async with served() as at, AsyncClient(at.url) as client:

        async def fetch() -> str:
            return at.issuer.token()

        async with aclosing(client.subscribe(Calls.who)) as answers:
            assert await anext(answers) == "nobody"
            await client.set_auth(fetch)
            assert await anext(answers) == "ada"
            assert await client.mutation(Calls.sign) == f"{at.issuer.url}|ada"
            assert (await client.action(Calls.ask))[:2] == ["ada", "ada"]
            client.clear_auth()
            assert await anext(answers) == "nobody"


async def test_our_client_fetches_the_next_token_when_one_lapses_or_is_refused() -> None:
    async with served() as at, AsyncClient(at.url) as client:
        tokens = [
            at.issuer.token(lasts_s=-10, sub="too late"),
            at.issuer.token(lasts_s=60, sub="ada"),
            at.issuer.token(lasts_s=600, sub="bob"),
        ]

        async def fetch() -> str:
            return tokens.pop(0)

        await client.set_auth(fetch)
        assert await client.query(Calls.who) == "ada"
        at.clock.now_s += 66
        assert await client.mutation(Calls.sign) == f"{at.issuer.url}|bob"
        assert tokens == []


async def test_our_client_gets_over_a_provider_that_fails() -> None:
    async with served() as at, AsyncClient(at.url) as client:
        answers: list[str | OSError] = [
            at.issuer.token(lasts_s=-10),
            OSError("down"),
            at.issuer.token(),
        ]

        async def fetch() -> str:
            answer = answers.pop(0)
            if isinstance(answer, OSError):
                raise answer
            return answer

        await client.set_auth(fetch)
        assert await client.query(Calls.who) == "ada"
        assert answers == []


async def test_a_javascript_client_fetches_tokens_and_refreshes_them() -> None:
    async with served() as at, npm_client("socket", at.url) as client:
        await client.subscribe("who", "book:who")
        assert (await client.next()).value == "nobody"
        # the second one is fetched as soon as the first is taken
        await client.set_auth(at.issuer.token(), at.issuer.token(iat=int(at.clock.now_s) - 1))
        happened = await client.until("update", "who")
        assert happened[-1].value == "ada"
        signed = await client.call_among("mutation", "book:sign")
        assert signed.value == f"{at.issuer.url}|ada"
        assert (await client.call_among("query", "book:count")).value == 1


async def test_a_javascript_client_gets_over_a_token_that_lapsed() -> None:
    async with served() as at, npm_client("socket", at.url) as client:
        late = at.issuer.token(lasts_s=-10, sub="too late")
        await client.set_auth(late, at.issuer.token(), at.issuer.token(lasts_s=600))
        await client.subscribe("who", "book:who")
        happened = await client.until("update", "who")
        assert [each.value for each in happened if each.event == "update"] == ["ada"]


async def trust_another_too(at: Served) -> None:
    """Go on with a version that takes the tokens of one more provider."""
    known = OidcProvider(domain=at.issuer.url, application_id="app")
    other = OidcProvider(domain="other.example", application_id="app")
    await at.backend.replace(guestbook(at.runs, other, known, slowness=at.slowness))
    at.app.reloaded()


async def test_our_client_comes_back_when_others_are_trusted() -> None:
    async with served() as at, AsyncClient(at.url) as client:

        async def fetch() -> str:
            return at.issuer.token()

        await client.set_auth(fetch)
        assert await client.query(Calls.who) == "ada"
        await trust_another_too(at)
        assert await client.mutation(Calls.sign) == f"{at.issuer.url}|ada"


async def test_a_javascript_client_comes_back_when_others_are_trusted() -> None:
    async with served() as at, npm_client("socket", at.url) as client:
        # another one each time that it asks: for the first socket, once that is open, ...
        tokens = [at.issuer.token(iat=int(at.clock.now_s) - ago) for ago in range(6)]
        await client.set_auth(*tokens)
        await client.subscribe("who", "book:who")
        assert (await client.until("update", "who"))[-1].value == "ada"
        await trust_another_too(at)
        signed = await client.call_among("mutation", "book:sign")
        assert signed.value == f"{at.issuer.url}|ada"


async def test_a_javascript_client_without_a_good_token_goes_on_as_nobody() -> None:
    async with served() as at, npm_client("socket", at.url) as client:
        await client.set_auth(at.issuer.token(aud="other"))
        await client.subscribe("who", "book:who")
        happened = await client.until("update", "who")
        assert ("auth", "auth", False) in happened
        assert happened[-1].value == "nobody"


async def test_a_javascript_client_sends_its_token_over_http() -> None:
    async with served() as at, npm_client("http", at.url) as client:
        await client.set_auth(at.issuer.token())
        assert (await client.call("query", "book:who")).value == "ada"
        await client.set_auth("x")
        assert "InvalidAuthHeader" in (await client.call("query", "book:who")).failure["message"]


@pytest.mark.parametrize("kind", ["socket", "http"])
async def test_a_python_client_calls_as_whom_its_token_names(kind: str) -> None:
    async with served() as at, pypi_client(kind, at.url) as client:
        await client.set_auth(at.issuer.token())
        assert (await client.next()).event == "set"
        assert (await client.call("query", "book:who")).value == "ada"
        signed = f"{at.issuer.url}|ada"
        assert (await client.call("mutation", "book:sign")).value == signed
        assert (await client.call("action", "book:ask")).value == ["ada", "ada", signed]
