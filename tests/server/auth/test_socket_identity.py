"""Who calls on a socket: tokens that come, lapse and are replaced while it is open."""

from __future__ import annotations

from typing import Any

import anyio

from confect_server import OidcProvider
from confect_server.auth import Provider
from confect_server.auth.keys import Fetched
from tests.server.auth.guestbook import ADMIN_KEY, Served, guestbook, served
from tests.sync_socket import Frame, SyncSocket, sync_socket


async def show(socket: SyncSocket, base_version: int, token: str | None) -> None:
    """Authenticate with a token of a user, or as nobody."""
    fields: Frame = {"tokenType": "None"}
    if token is not None:
        fields = {"tokenType": "User", "value": token}
    await socket.say("Authenticate", baseVersion=base_version, **fields)


async def transition(socket: SyncSocket, identity: int) -> list[Any]:
    """The values of the first Transition that acknowledges this version of the identity."""
    while True:
        frame = await socket.hear()
        assert frame["type"] in ("Transition", "MutationResponse"), frame
        if frame["type"] == "Transition" and frame["endVersion"]["identity"] == identity:
            return [each["value"] for each in frame["modifications"]]


async def refused(socket: SyncSocket) -> Frame:
    """The AuthError that ends a conversation."""
    heard, closed = await socket.hear_end()
    assert closed.rcvd is not None
    assert closed.rcvd.code in (1000, 1005)
    assert heard[-1]["type"] == "AuthError"
    return heard[-1]


async def test_each_of_two_users_has_the_answer_that_is_theirs() -> None:
    async with served() as at, sync_socket(at.socket_url) as ada, sync_socket(at.socket_url) as bob:
        for socket, name in ((ada, "ada"), (bob, "bob")):
            await show(socket, 0, at.issuer.token(sub=name))
            await socket.add(0, "book:who")
            await socket.add(1, "book:count")
            seen = await transition(socket, 1)
            while len(seen) < 2:
                seen += await transition(socket, 1)
            assert seen == [name, 0]
        assert at.runs == {"who": 2, "count": 1}
        await ada.mutate(0, "book:sign")
        assert (await ada.hear())["result"] == f"{at.issuer.url}|ada"
        for socket in (ada, bob):
            assert await transition(socket, 1) == [1]
        assert at.runs == {"who": 2, "count": 2}


async def test_what_follows_a_token_waits_for_it_and_is_done_as_its_bearer() -> None:
    async with served() as at, sync_socket(at.socket_url) as socket:
        await show(socket, 0, at.issuer.token())
        await socket.mutate(0, "book:sign")
        await socket.act(1, "book:ask")
        signed = f"{at.issuer.url}|ada"
        (*_, answered) = await socket.hear_until("ActionResponse", requestId=1)
        assert answered["result"] == ["ada", "ada", signed]


async def test_identities_follow_each_other_on_one_socket() -> None:
    async with served() as at, sync_socket(at.socket_url) as socket:
        await socket.add(0, "book:who")
        assert await transition(socket, 0) == ["nobody"]
        for version, name in ((1, "ada"), (2, "bob")):
            await show(socket, version - 1, at.issuer.token(sub=name))
            assert await transition(socket, version) == [name]
        await show(socket, 2, None)
        assert await transition(socket, 3) == ["nobody"]


async def test_the_admin_acts_as_a_user_and_may_call_internal_functions() -> None:
    async with served() as at:
        for name in ("impersonating", "acting_as"):
            async with sync_socket(at.socket_url) as socket:
                cleo = {"issuer": "https://i", "subject": "cleo"}
                fields: Frame = {"tokenType": "Admin", "value": ADMIN_KEY, name: cleo}
                await socket.say("Authenticate", baseVersion=0, **fields)
                await socket.mutate(0, "book:sign_inside")
                (*_, answered) = await socket.hear_until("MutationResponse")
                assert answered["result"] == "https://i|cleo"


async def test_a_refused_token_is_told_why_and_the_socket_closed() -> None:
    async with served() as at:
        for token, told in (
            ("x", "Could not parse the token"),
            (at.issuer.token(aud="other"), "No auth provider matches"),
            (at.issuer.token(lasts_s=-10), "The token has expired"),
        ):
            async with sync_socket(at.socket_url) as socket:
                await socket.add(0, "book:count")
                await transition(socket, 0)
                await show(socket, 0, token)
                error = await refused(socket)
                assert told in error["error"]
                assert (error["baseVersion"], error["authUpdateAttempted"]) == (0, True)
        async with sync_socket(at.socket_url) as socket:
            cleo: Frame = {"tokenType": "Admin", "value": "wrong", "impersonating": {}}
            await socket.say("Authenticate", baseVersion=0, **cleo)
            assert (await refused(socket))["authUpdateAttempted"]


async def test_a_lapsed_token_runs_nothing_more() -> None:
    for kind in ("mutate", "act"):
        async with served() as at, sync_socket(at.socket_url) as socket:
            await show(socket, 0, at.issuer.token(lasts_s=60))
            await socket.add(0, "book:count")
            await transition(socket, 1)
            at.clock.now_s += 66
            await getattr(socket, kind)(0, {"mutate": "book:sign", "act": "book:ask"}[kind])
            error = await refused(socket)
            assert (error["baseVersion"], error["authUpdateAttempted"]) == (1, False)
            assert await at.answer("query", "book:count") == 0


async def test_of_many_requests_after_a_token_lapsed_none_is_run() -> None:
    async with served() as at, sync_socket(at.socket_url) as socket:
        await show(socket, 0, at.issuer.token(lasts_s=60))
        await transition(socket, 1)
        at.clock.now_s += 66
        for number in range(0, 20, 2):
            await socket.act(number, "book:ask")
            await socket.mutate(number + 1, "book:sign")
        await refused(socket)
        assert await at.answer("query", "book:count") == 0


async def test_a_socket_that_is_idle_learns_that_its_token_lapsed_from_the_next_change() -> None:
    async with served() as at, sync_socket(at.socket_url) as socket:
        await show(socket, 0, at.issuer.token(lasts_s=60))
        await socket.add(0, "book:count")
        await transition(socket, 1)
        at.clock.now_s += 66
        await at.answer("mutation", "book:sign")
        assert (await refused(socket))["authUpdateAttempted"] is False


async def test_a_mutation_that_waits_while_its_token_lapses_does_not_run() -> None:
    async with served() as at, sync_socket(at.socket_url) as socket:
        await show(socket, 0, at.issuer.token(lasts_s=60))
        await transition(socket, 1)
        await socket.mutate(0, "book:sign_slowly")
        await socket.mutate(1, "book:sign")
        await at.slowness.began.wait()
        at.clock.now_s += 66
        at.slowness.may_go_on.set()
        heard, _ = await socket.hear_end()
        assert [each["type"] for each in heard if each["type"] != "Transition"] == [
            "MutationResponse",  # it began in time
            "AuthError",
        ]
        assert await at.answer("query", "book:count") == 1


async def test_a_mutation_does_not_run_under_a_token_that_lapsed_though_a_newer_one_is_good() -> (
    None
):
    async with served() as at, sync_socket(at.socket_url) as socket:
        await show(socket, 0, at.issuer.token(lasts_s=60))
        await transition(socket, 1)
        await socket.mutate(0, "book:sign_slowly")
        await socket.mutate(1, "book:sign")
        await at.slowness.began.wait()
        await show(socket, 1, at.issuer.token(lasts_s=600))
        await transition(socket, 2)
        at.clock.now_s += 66
        at.slowness.may_go_on.set()
        heard, _ = await socket.hear_end()
        assert [each["type"] for each in heard if each["type"] != "Transition"] == [
            "MutationResponse",
            "AuthError",
        ]
        assert await at.answer("query", "book:count") == 1


async def test_a_token_that_replaces_one_in_time_leaves_no_gap() -> None:
    async with served() as at, sync_socket(at.socket_url) as socket:
        await show(socket, 0, at.issuer.token(lasts_s=60))
        await socket.add(0, "book:who")
        await transition(socket, 1)
        at.clock.now_s += 50
        await show(socket, 1, at.issuer.token(lasts_s=60))
        assert await transition(socket, 2) == []  # the same user: nothing that they could notice
        at.clock.now_s += 50
        await socket.mutate(0, "book:sign")
        assert (await socket.hear())["success"]


async def test_an_issuer_that_does_not_answer_holds_up_only_who_showed_its_token() -> None:
    async with served() as at, sync_socket(at.socket_url) as other:
        await other.add(0, "book:count")
        await transition(other, 0)
        at.issuer.is_down = True

        async def try_once() -> None:
            async with sync_socket(at.socket_url) as socket:
                await show(socket, 0, at.issuer.token())
                assert "Auth provider discovery" in (await refused(socket))["error"]

        async with anyio.create_task_group() as tasks:
            for _ in range(10):
                tasks.start_soon(try_once)
            await other.mutate(0, "book:sign")
            assert (await other.hear())["success"]
            assert await transition(other, 0) == [1]
        assert len(at.issuer.requests) == 1


async def take_tokens_of(at: Served, *providers: Provider) -> None:
    """Go on with a version that trusts these."""
    await at.backend.replace(guestbook(at.runs, *providers, slowness=at.slowness))
    at.app.reloaded()


async def test_who_is_trusted_no_more_has_to_come_back() -> None:
    async with (
        served() as at,
        sync_socket(at.socket_url) as ada,
        sync_socket(at.socket_url) as nobody,
        sync_socket(at.socket_url) as admin,
    ):
        await show(ada, 0, at.issuer.token())
        acting: Frame = {"value": ADMIN_KEY, "impersonating": {"issuer": "i", "subject": "cleo"}}
        await admin.say("Authenticate", baseVersion=0, tokenType="Admin", **acting)
        for socket, version in ((ada, 1), (nobody, 0), (admin, 1)):
            await socket.add(0, "book:who")
            await transition(socket, version)
        await take_tokens_of(at, OidcProvider(domain="other.example", application_id="app"))
        heard, closed = await ada.hear_end()
        assert heard == []
        assert closed.rcvd is not None
        assert (closed.rcvd.code, closed.rcvd.reason) == (1012, "AuthProvidersChanged")
        for socket, base in ((nobody, 0), (admin, 1)):
            await show(socket, base, None)
            await transition(socket, base + 1)
        async with sync_socket(at.socket_url) as again:
            await show(again, 0, at.issuer.token())
            assert "No auth provider matches" in (await refused(again))["error"]


async def test_a_version_that_trusts_the_same_keeps_its_users() -> None:
    async with served() as at, sync_socket(at.socket_url) as ada:
        await show(ada, 0, at.issuer.token())
        await ada.add(0, "book:who")
        await transition(ada, 1)
        await take_tokens_of(at, OidcProvider(domain=at.issuer.url, application_id="app"))
        await ada.mutate(0, "book:sign")
        (*_, answered) = await ada.hear_until("MutationResponse")
        assert answered["result"] == f"{at.issuer.url}|ada"


async def test_a_token_that_is_checked_while_the_version_changes_is_checked_again() -> None:
    async with served() as at, sync_socket(at.socket_url) as ada:
        is_asked, may_answer = anyio.Event(), anyio.Event()
        fetch = at.backend.executor.application.tokens._verifier._configured[0].keys._fetch

        async def slowly(url: str, /) -> Fetched:
            is_asked.set()
            await may_answer.wait()
            return await fetch(url)

        at.backend.executor.application.tokens._verifier._configured[0].keys._fetch = slowly
        await show(ada, 0, at.issuer.token())
        await is_asked.wait()
        await take_tokens_of(at)
        may_answer.set()
        assert "No auth provider matches" in (await refused(ada))["error"]
