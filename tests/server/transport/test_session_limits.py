"""What one session holds for its client is bounded, whatever the client says or leaves unsaid."""

from __future__ import annotations

import orjson
import pytest

from confect_core.protocol import LONGEST_FRAME, EncodedValue, JsonObject
from confect_server.runtime.outcome import Failed, QueryRun, Succeeded, digest_of
from confect_server.settings import BadSetting, Sockets
from confect_server.transport.sync.effects import Close, Effect, RunMutation, Send, Verify
from confect_server.transport.sync.session import SyncSession
from confect_server.transport.sync.waiting import weigh
from tests.sync_judge import Judge

TS = 1_700_000_000_000_000_000
NOW_MS = 1_795_188_240_000
CONNECT = (
    '{"type":"Connect","sessionId":"9208b169-0e8a-4fa7-9341-d27c8fd3dda8","connectionCount":0,'
    '"lastCloseReason":null,"clientTs":0}'
)
TOO_MUCH = Close(1013, "TooManyConcurrentRequests")


class Talk:
    """A session with limits, a client that only says things, and what became of them."""

    def __init__(self, limits: Sockets | None = None, *, knows_chunks: bool = False) -> None:
        self.session = SyncSession("nobody", limits, knows_chunks=knows_chunks)
        self.judge = Judge(knows_chunks=knows_chunks)
        self.query_set = 0
        self.ts = TS
        self.sent: list[bytes] = []
        self.say_raw(CONNECT)

    def say(self, type: str, **fields: object) -> list[Effect[str]]:
        return self.say_raw(orjson.dumps({"type": type, **fields}).decode())

    def say_raw(self, frame: str) -> list[Effect[str]]:
        return self.note(self.session.receive(frame, NOW_MS, TS))

    def note(self, effects: list[Effect[str]]) -> list[Effect[str]]:
        for effect in effects:
            if isinstance(effect, Send):
                self.sent.append(effect.frame)
                self.judge.hears(effect.frame)
        return [effect for effect in effects if not isinstance(effect, Send)]

    def mutate(self, request_id: int, **args: object) -> list[Effect[str]]:
        self.judge.mutates(request_id)
        return self.say("Mutation", requestId=request_id, udfPath="a:b", args=[args])

    def act(self, request_id: int, **args: object) -> list[Effect[str]]:
        self.judge.acts(request_id)
        return self.say("Action", requestId=request_id, udfPath="a:b", args=[args])

    def add(self, *query_ids: int, **args: object) -> list[Effect[str]]:
        self.judge.adds(*query_ids)
        added = {"type": "Add", "udfPath": "a:q", "args": [args]}
        return self.modify(*[{**added, "queryId": each} for each in query_ids])

    def remove(self, *query_ids: int) -> list[Effect[str]]:
        self.judge.removes(*query_ids)
        return self.modify(*[{"type": "Remove", "queryId": each} for each in query_ids])

    def modify(self, *changes: object) -> list[Effect[str]]:
        base, self.query_set = self.query_set, self.query_set + 1
        versions = {"baseVersion": base, "newVersion": self.query_set}
        return self.say("ModifyQuerySet", **versions, modifications=changes)

    def authenticate(self) -> list[Effect[str]]:
        return self.say("Authenticate", baseVersion=0, tokenType="None")

    def run(self, runs: dict[int, QueryRun]) -> list[Effect[str]]:
        self.note(self.session.advance(self.ts, NOW_MS))
        return self.note(self.session.queries_ran(runs, NOW_MS))

    def succeed(self, request_id: int, value: object = None) -> list[Effect[str]]:
        self.ts += 1
        return self.note(self.session.mutation_committed(request_id, gives(value), self.ts))


def gives(value: object) -> Succeeded:
    return Succeeded(EncodedValue(orjson.dumps(value)))


def test_what_waits_may_not_take_more_memory_than_allowed() -> None:
    talk = Talk(Sockets(waiting_bytes=1_000))
    assert [type(each) for each in talk.mutate(0, text="x" * 400)] == [RunMutation]
    assert talk.mutate(1, text="x" * 400) == []
    assert talk.mutate(2, text="x" * 400) == [TOO_MUCH]


def test_what_is_answered_does_not_wait_any_more() -> None:
    talk = Talk(Sockets(waiting_bytes=1_000))
    for request_id in range(100):
        assert talk.mutate(request_id, text="x" * 700) != [TOO_MUCH]
        talk.succeed(request_id)
        talk.act(1_000 + request_id, text="x" * 700)
        talk.note(talk.session.action_finished(1_000 + request_id, gives(None)))
        talk.add(request_id, text="x" * 700)
        talk.remove(request_id)
        talk.run({})
    assert not talk.session.is_closed


def test_one_frame_may_be_longer_than_all_that_waits() -> None:
    talk = Talk(Sockets(waiting_bytes=10))
    assert talk.mutate(0, text="x" * 5_000) != [TOO_MUCH]
    assert talk.mutate(1) == [TOO_MUCH]


@pytest.mark.parametrize("what", ["actions", "subscriptions", "held"])
def test_it_does_not_matter_what_it_is_that_waits(what: str) -> None:
    talk = Talk(Sockets(waiting_bytes=1_000))
    text = "x" * 600
    talk.mutate(0, text=text)
    if what == "actions":
        assert talk.act(1, text=text) == [TOO_MUCH]
    elif what == "subscriptions":
        assert talk.add(0, text=text) == [TOO_MUCH]
    else:
        assert talk.authenticate() != [TOO_MUCH]
        assert talk.mutate(1, text=text) == [TOO_MUCH]


def test_what_was_held_behind_a_token_is_weighed_once() -> None:
    talk = Talk(Sockets(waiting_bytes=1_000))
    assert [type(each) for each in talk.authenticate()] == [Verify]
    assert talk.mutate(0, text="x" * 700) == []
    started = talk.note(talk.session.authenticated("me"))
    assert [type(each) for each in started] == [RunMutation]
    talk.succeed(0)
    assert talk.mutate(1, text="x" * 700) != [TOO_MUCH]


def test_many_small_values_weigh_more_than_their_text() -> None:
    assert weigh("x" * 500) == 500
    frame = '{"args":[' + ",".join(["[]"] * 10_000) + "]}"
    assert weigh(frame) > 10 * len(frame)
    assert weigh(frame) == weigh(frame.encode())


def test_a_socket_with_too_many_subscriptions_is_told_so_for_good() -> None:
    talk = Talk(Sockets(subscriptions=3))
    assert talk.add(0, 1, 2) == []
    talk.remove(0)
    assert talk.add(3) == []
    assert talk.add(4) == [Close()]
    assert "more than 3 queries" in talk.judge.frames[-1]["error"]


def test_removals_that_nobody_takes_note_of_do_not_pile_up() -> None:
    talk = Talk(Sockets(subscriptions=3))
    said: list[Effect[str]] = []
    for query_id in range(4):
        talk.add(query_id)
        said += talk.remove(query_id)
    assert said[-1] == TOO_MUCH


def test_results_that_are_too_long_together_are_not_sent() -> None:
    talk = Talk(Sockets(unsent_bytes=1_000))
    talk.add(0, 1)
    result = QueryRun(gives("x" * 600))
    assert talk.run({0: result, 1: result}) == [Close()]
    assert "in pages" in talk.judge.frames[-1]["error"]


def test_a_query_that_cannot_be_read_closes_the_socket_instead_of_failing() -> None:
    talk = Talk()
    talk.add(0, 1)
    runs = {0: QueryRun(gives(1.0)), 1: QueryRun(Failed("no", unavailable="StoreFailed"))}
    assert talk.run(runs) == [Close(1013, "StoreFailed")]
    assert talk.sent == []


def test_a_mutation_that_was_not_run_is_not_answered() -> None:
    talk = Talk()
    talk.mutate(0)
    busy = Failed("no", unavailable="OptimisticConcurrencyControlFailure")
    closed = talk.note(talk.session.mutation_failed(0, busy))
    assert closed == [Close(1013, "OptimisticConcurrencyControlFailure")]
    assert talk.sent == []


def test_a_mutation_of_which_nobody_knows_the_end_is_not_answered() -> None:
    talk = Talk()
    talk.mutate(0)
    closed = talk.note(talk.session.mutation_failed(0, Failed("no", is_unsure=True)))
    assert closed == [Close(1011, "InternalServerError")]
    assert talk.sent == []


LONG = "äöü€😀" * 1_200_000
"""More than two frames of it, and characters of two, three and four bytes."""


def test_a_long_transition_travels_in_parts_to_clients_that_know_them() -> None:
    talk = Talk(knows_chunks=True)
    talk.add(0)
    talk.run({0: QueryRun(gives(LONG))})
    assert len(talk.sent) == 1 + len(gives(LONG).value) // LONGEST_FRAME
    assert all(orjson.loads(each)["type"] == "TransitionChunk" for each in talk.sent)
    (whole,) = talk.judge.frames
    assert whole["modifications"][0]["value"] == LONG


def test_other_clients_get_it_in_one_frame() -> None:
    talk = Talk()
    talk.add(0)
    talk.run({0: QueryRun(gives(LONG))})
    (frame,) = talk.sent
    assert orjson.loads(frame)["type"] == "Transition"


def test_a_transition_that_fits_one_frame_is_one_and_so_is_every_other_message() -> None:
    talk = Talk(knows_chunks=True)
    talk.add(0)
    talk.run({0: QueryRun(gives("x" * (LONGEST_FRAME - 1_000)))})
    talk.mutate(0)
    talk.succeed(0, LONG)
    assert [each["type"] for each in talk.judge.frames] == ["Transition", "MutationResponse"]


@pytest.mark.parametrize("size", [10, 100_000])
def test_equal_results_are_not_sent_again_however_long_they_are(size: int) -> None:
    talk = Talk()
    talk.add(0)
    texts = ["x" * size, "x" * size, "x" * (size - 1) + "y", "x" * size]
    for ts, text in enumerate(texts, TS + 1):
        talk.session.invalidated([0], ts)
        talk.session.advance(ts, NOW_MS)
        talk.note(talk.session.queries_ran({0: QueryRun(gives(text))}, NOW_MS))
    assert len(talk.sent) == 3


def test_a_long_failure_is_known_without_the_id_of_its_request() -> None:
    one, other = Failed(f"[Request ID: 00aa] {LONG}"), Failed(f"[Request ID: 00bb] {LONG}")
    assert digest_of(one) == digest_of(other)
    assert digest_of(one) != digest_of(Failed(f"[Request ID: 00aa] {LONG}!"))
    assert digest_of(one) != digest_of(Succeeded(EncodedValue(LONG.encode())))


def test_a_session_that_drains_hears_nothing_new_and_answers_what_it_heard() -> None:
    talk = Talk()
    assert talk.session.drained() == []
    talk.mutate(0)
    talk.session.drain()
    assert talk.say("Mutation", requestId=1, udfPath="a:b", args=["wrong"]) == []
    assert talk.session.drained() == []
    talk.succeed(0)
    assert talk.session.drained() == []
    talk.run({})
    assert talk.session.drained() == [Close(1012, "ServerRestarting")]
    assert talk.session.drained() == []
    talk.judge.is_satisfied()
    assert [each["type"] for each in talk.judge.frames] == ["MutationResponse", "Transition"]


def test_a_session_that_has_nothing_to_do_is_drained_at_once() -> None:
    talk = Talk()
    talk.session.drain()
    assert talk.session.drained() == [Close(1012, "ServerRestarting")]


@pytest.mark.parametrize("name", ["frame_bytes", "mutations", "actions", "subscriptions"])
def test_a_socket_may_not_be_forbidden_everything(name: str) -> None:
    given: JsonObject = {name: 0}
    with pytest.raises(BadSetting, match=rf"{name} = 0 in \[tool.confect.sockets\]"):
        Sockets(**given)  # type: ignore[arg-type]  # which name it is, is not known
