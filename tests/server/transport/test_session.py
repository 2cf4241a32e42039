"""The server's sync state machine, against the captured conversations of the official clients."""

from __future__ import annotations

import orjson
import pytest

from confect_core.protocol import EncodedValue, JsonObject, MalformedMessage
from confect_core.values.wire import Json
from confect_server.runtime.outcome import Failed, QueryRun, Succeeded
from confect_server.settings import Sockets
from confect_server.transport.sync.effects import (
    Close,
    Drop,
    Effect,
    RunAction,
    RunMutation,
    RunQueries,
    Send,
    Verify,
)
from confect_server.transport.sync.session import SyncSession

MAX_MUTATIONS = Sockets().mutations
MAX_ACTIONS = Sockets().actions
NOW_MS = 1_795_188_240_000
T0 = 1_700_000_000_000_000_000
TS_0 = "AAAqNv6clxc="
TS_1 = "AQAqNv6clxc="
SESSION_ID = "9208b169-0e8a-4fa7-9341-d27c8fd3dda8"
JS_CONNECT = (
    '{"connectionCount":0,"lastCloseReason":"InitialConnect","clientTs":1795188240149,'
    f'"type":"Connect","sessionId":"{SESSION_ID}"}}'
)
PYTHON_CONNECT = (
    f'{{"type":"Connect","sessionId":"{SESSION_ID}","connectionCount":0,'
    '"lastCloseReason":"InitialConnect","clientTs":0}'
)
ADD_LIST = (
    '{"type":"ModifyQuerySet","baseVersion":0,"newVersion":1,"modifications":'
    '[{"type":"Add","queryId":0,"udfPath":"messages:list","args":[{}]}]}'
)
SEND_HI = '{"type":"Mutation","requestId":%d,"udfPath":"messages:send","args":[{"body":"hi"}]}'
DOUBLE = '{"type":"Action","requestId":%d,"udfPath":"act:double","args":[{"x":21}]}'
NO_TOKEN = '{"type":"Authenticate","tokenType":"None","baseVersion":%d}'


class Conversation:
    """A session and its client, who takes turns; effects that are no frame are returned."""

    def __init__(self, connect: str = PYTHON_CONNECT, ts: int = T0) -> None:
        self.session = SyncSession("nobody")
        self.ts = ts
        self.heard: list[JsonObject] = []
        assert self.say(connect) == []

    def say(self, frame: str) -> list[Effect[str]]:
        return self.note(self.session.receive(frame, NOW_MS, self.ts))

    def advance(self) -> list[Effect[str]]:
        return self.note(self.session.advance(self.ts, NOW_MS))

    def ran(self, runs: dict[int, QueryRun]) -> list[Effect[str]]:
        return self.note(self.session.queries_ran(runs, NOW_MS))

    def note(self, effects: list[Effect[str]]) -> list[Effect[str]]:
        self.heard += [orjson.loads(effect.frame) for effect in effects if isinstance(effect, Send)]
        return [effect for effect in effects if not isinstance(effect, Send)]

    def hears(self) -> JsonObject:
        return self.heard.pop(0)


def version(query_set: int, identity: int, ts: str) -> Json:
    return {"querySet": query_set, "identity": identity, "ts": ts}


def transition(start: Json, end: Json, *modifications: Json) -> Json:
    return {
        "type": "Transition",
        "startVersion": start,
        "endVersion": end,
        "modifications": list(modifications),
    }


def updated(query_id: int, value: Json, log_lines: list[Json] | None = None) -> Json:
    return {
        "type": "QueryUpdated",
        "queryId": query_id,
        "value": value,
        "logLines": log_lines or [],
        "journal": None,
    }


def gives(value: object, *log_lines: str) -> QueryRun:
    return QueryRun(succeeded(value, *log_lines))


def succeeded(value: object, *log_lines: str) -> Succeeded:
    return Succeeded(EncodedValue(orjson.dumps(value)), log_lines)


def subscribed(connect: str = PYTHON_CONNECT) -> Conversation:
    """A conversation whose client knows that `messages:list` is empty."""
    talk = Conversation(connect)
    talk.say(ADD_LIST)
    talk.advance()
    talk.ran({0: gives([])})
    talk.heard.clear()
    return talk


V0 = version(0, 0, "AAAAAAAAAAA=")
V1 = version(1, 0, TS_0)
V1_LATER = version(1, 0, TS_1)


def test_the_conversation_of_the_javascript_client_goes_frame_by_frame_as_captured() -> None:
    talk = Conversation(JS_CONNECT)
    clocks = {"clientClockSkew": 149, "serverTs": NOW_MS * 1_000_000}

    assert talk.say(ADD_LIST) == []
    [run] = talk.advance()
    assert isinstance(run, RunQueries)
    assert (run.ts, run.identity) == (T0, "nobody")
    [to_run] = run.queries
    assert (to_run.query.query_id, str(to_run.query.path)) == (0, "messages:list")
    assert (to_run.query.args, to_run.journal) == ({}, None)
    talk.ran({0: gives([], "[LOG] 'hello from query'")})
    first = transition(V0, V1, updated(0, [], ["[LOG] 'hello from query'"]))
    assert isinstance(first, dict)
    assert talk.hears() == first | clocks

    [mutation] = talk.say(SEND_HI % 0)
    assert isinstance(mutation, RunMutation)
    assert (mutation.session_id, mutation.request.args) == (SESSION_ID, {"body": "hi"})
    talk.ts += 1
    talk.session.invalidated([0], talk.ts)
    talk.note(talk.session.mutation_committed(0, succeeded({"ok": True}, "[INFO] 'm'"), talk.ts))
    assert talk.hears() == {
        "type": "MutationResponse",
        "requestId": 0,
        "success": True,
        "result": {"ok": True},
        "ts": TS_1,
        "logLines": ["[INFO] 'm'"],
    }
    assert len(talk.advance()) == 1
    talk.ran({0: gives(["hi"])})
    assert talk.hears() == transition(V1, V1_LATER, updated(0, ["hi"]))

    [action] = talk.say(DOUBLE % 1)
    assert isinstance(action, RunAction)
    talk.note(talk.session.action_finished(1, succeeded(42.0)))
    assert talk.hears() == {
        "type": "ActionResponse",
        "requestId": 1,
        "success": True,
        "result": 42.0,
        "logLines": [],
    }
    talk.advance()
    assert talk.hears() == transition(V1_LATER, V1_LATER)
    assert talk.heard == []


def test_the_conversation_of_the_python_client_removes_its_query_and_never_hears_a_clock() -> None:
    talk = subscribed()
    remove = (
        '{"modifications":[{"type":"Remove","queryId":0}],"type":"ModifyQuerySet",'
        '"baseVersion":1,"newVersion":2}'
    )
    assert talk.say(remove) == [Drop((0,))]
    assert talk.advance() == []
    removed: Json = {"type": "QueryRemoved", "queryId": 0}
    assert talk.hears() == transition(V1, version(2, 0, TS_0), removed)


def test_a_reconnect_resumes_with_journals_identity_and_the_unfinished_mutation() -> None:
    talk = Conversation(
        '{"connectionCount":1,"lastCloseReason":"restart","clientTs":1795188852556,'
        f'"type":"Connect","sessionId":"{SESSION_ID}","maxObservedTimestamp":"6AMAAAAAAAA="}}'
    )
    [verify] = talk.say(
        '{"type":"Authenticate","baseVersion":0,"tokenType":"User","value":"<jwt>"}'
    )
    assert isinstance(verify, Verify)
    assert (
        talk.say(
            '{"type":"ModifyQuerySet","baseVersion":0,"newVersion":1,"modifications":[{"type":"Add",'
            '"queryId":0,"udfPath":"a:q1","args":[{"a":{"b":1,"c":2},"z":1}],"journal":"JOURNAL-0"},'
            '{"type":"Add","queryId":1,"udfPath":"dir/mod:q2","args":[{}],"journal":"JOURNAL-1"}]}'
        )
        == []
    )
    assert talk.say('{"type":"Mutation","requestId":1,"udfPath":"x:mut","args":[{"k":1}]}') == []

    [mutation] = talk.note(talk.session.authenticated("me"))
    assert isinstance(mutation, RunMutation)
    assert mutation.identity == "me"
    [run] = talk.advance()
    assert isinstance(run, RunQueries)
    assert run.identity == "me"
    assert [to_run.journal for to_run in run.queries] == ["JOURNAL-0", "JOURNAL-1"]
    talk.ran({0: gives(0.0), 1: gives(1.0)})
    assert talk.hears()["endVersion"] == version(1, 1, TS_0)
    talk.note(talk.session.mutation_committed(1, succeeded(None), 1000))
    assert talk.hears()["ts"] == "6AMAAAAAAAA="
    assert talk.advance() == []
    assert talk.hears()["endVersion"] == version(1, 1, TS_0)


def test_a_failed_mutation_is_answered_and_followed_by_a_transition() -> None:
    talk = subscribed()
    talk.say(SEND_HI % 0)
    failed = Failed("it failed", EncodedValue(b'{"code":7.0}'), ("[LOG] 'x'",))
    talk.note(talk.session.mutation_failed(0, failed))
    assert talk.hears() == {
        "type": "MutationResponse",
        "requestId": 0,
        "success": False,
        "result": "it failed",
        "ts": None,
        "logLines": ["[LOG] 'x'"],
        "errorData": {"code": 7.0},
    }
    talk.advance()
    assert talk.hears() == transition(V1, V1)


def test_a_failed_action_without_data_has_no_error_data() -> None:
    talk = Conversation()
    talk.say(DOUBLE % 0)
    talk.note(talk.session.action_finished(0, Failed("it failed")))
    assert "errorData" not in talk.hears()


def test_no_transition_is_older_than_a_mutation_that_was_answered() -> None:
    talk = subscribed()
    talk.say(SEND_HI % 0)
    talk.note(talk.session.mutation_committed(0, succeeded(None), T0 + 1))
    talk.hears()
    assert talk.advance() == []
    assert talk.heard == []
    assert talk.session.is_behind
    talk.ts = T0 + 1
    talk.advance()
    assert talk.hears() == transition(V1, V1_LATER)


def test_mutations_run_one_at_a_time_in_order_and_a_failure_stops_none() -> None:
    talk = Conversation()
    assert [type(effect) for effect in talk.say(SEND_HI % 0)] == [RunMutation]
    assert talk.say(SEND_HI % 1) == []
    assert talk.say(SEND_HI % 2) == []
    [second] = talk.note(talk.session.mutation_failed(0, Failed("no")))
    assert isinstance(second, RunMutation)
    assert second.request.request_id == 1
    [third] = talk.note(talk.session.mutation_committed(1, succeeded(None), T0))
    assert isinstance(third, RunMutation)
    assert third.request.request_id == 2
    assert talk.note(talk.session.mutation_committed(2, succeeded(None), T0)) == []
    assert [response["requestId"] for response in talk.heard] == [0, 1, 2]


def test_an_answer_for_a_mutation_that_is_not_running_is_a_defect() -> None:
    talk = Conversation()
    talk.say(SEND_HI % 0)
    with pytest.raises(ValueError, match="mutation 0 is running, not 1"):
        talk.session.mutation_failed(1, Failed("no"))


def test_actions_run_beside_each_other_and_answer_in_any_order() -> None:
    talk = Conversation()
    assert [type(effect) for effect in talk.say(DOUBLE % 0)] == [RunAction]
    assert [type(effect) for effect in talk.say(DOUBLE % 1)] == [RunAction]
    talk.note(talk.session.action_finished(1, succeeded(1.0)))
    talk.note(talk.session.action_finished(0, succeeded(0.0)))
    assert [response["requestId"] for response in talk.heard] == [1, 0]


def test_what_changes_while_a_transition_is_computed_goes_into_the_next_one() -> None:
    talk = Conversation()
    talk.say(ADD_LIST)
    talk.advance()
    talk.say(
        '{"type":"ModifyQuerySet","baseVersion":1,"newVersion":2,"modifications":'
        '[{"type":"Add","queryId":1,"udfPath":"messages:other","args":[{}]}]}'
    )
    talk.session.invalidated([0], T0 + 1)
    assert not talk.session.is_behind
    talk.ran({0: gives("old")})
    assert talk.hears() == transition(V0, V1, updated(0, "old"))
    talk.ts += 1
    [run] = talk.advance()
    assert isinstance(run, RunQueries)
    assert [to_run.query.query_id for to_run in run.queries] == [0, 1]
    talk.ran({0: gives("new"), 1: gives("other")})
    later = transition(V1, version(2, 0, TS_1), updated(0, "new"), updated(1, "other"))
    assert talk.hears() == later


def test_what_cannot_be_read_any_more_is_answered_at_a_newer_snapshot() -> None:
    talk = subscribed()
    talk.say(
        '{"type":"ModifyQuerySet","baseVersion":1,"newVersion":2,"modifications":'
        '[{"type":"Remove","queryId":0},'
        '{"type":"Add","queryId":1,"udfPath":"messages:one","args":[{}]},'
        '{"type":"Add","queryId":2,"udfPath":"messages:two","args":[{}]}]}'
    )
    talk.advance()
    talk.say(
        '{"type":"ModifyQuerySet","baseVersion":2,"newVersion":3,"modifications":'
        '[{"type":"Remove","queryId":1}]}'
    )
    talk.session.put_off()
    assert talk.session.is_behind
    talk.ts += 1
    [run] = talk.advance()
    assert isinstance(run, RunQueries)
    assert [to_run.query.query_id for to_run in run.queries] == [2]
    talk.ran({2: gives("two")})
    removed: list[Json] = [{"type": "QueryRemoved", "queryId": number} for number in (0, 1)]
    assert talk.hears() == transition(V1, version(3, 0, TS_1), *removed, updated(2, "two"))
    talk.session.put_off()
    assert not talk.session.is_behind


def test_what_is_owed_stays_owed_when_a_snapshot_is_lost() -> None:
    talk = subscribed()
    talk.session.invalidated([0], talk.ts)
    talk.say(SEND_HI % 7)
    talk.note(talk.session.mutation_committed(7, succeeded(None), talk.ts))
    talk.hears()
    talk.advance()
    talk.session.put_off()
    talk.advance()
    talk.ran({0: gives([])})  # as before, and the mutation is owed a Transition
    assert talk.hears() == transition(V1, V1)


def test_a_commit_that_the_run_under_way_sees_does_not_run_the_query_again() -> None:
    talk = Conversation()
    talk.say(ADD_LIST)
    talk.advance()
    talk.session.invalidated([0], T0)
    talk.ran({0: gives([])})
    assert not talk.session.is_behind


def test_an_equal_result_is_not_sent_again_and_neither_is_a_transition_without_news() -> None:
    talk = subscribed()
    talk.ts += 1
    talk.session.invalidated([0], talk.ts)
    talk.advance()
    talk.ran({0: gives([])})
    assert talk.heard == []
    assert not talk.session.is_behind
    talk.session.invalidated([0], talk.ts)
    talk.advance()
    talk.ran({0: gives([], "[LOG] 'now with a line'")})
    assert talk.hears() == transition(V1, V1_LATER, updated(0, [], ["[LOG] 'now with a line'"]))


def test_a_failing_query_is_a_result_and_equal_failures_differ_in_their_request_id_only() -> None:
    talk = subscribed()
    talk.session.invalidated([0], T0)
    talk.advance()
    talk.ran({0: QueryRun(Failed("[Request ID: 00aa] Server Error"), "journal")})
    failed: Json = {
        "type": "QueryFailed",
        "queryId": 0,
        "errorMessage": "[Request ID: 00aa] Server Error",
        "logLines": [],
        "journal": "journal",
    }
    assert talk.hears() == transition(V1, V1, failed)
    talk.session.invalidated([0], T0)
    [run] = talk.advance()
    assert isinstance(run, RunQueries)
    assert run.queries[0].journal == "journal"
    talk.ran({0: QueryRun(Failed("[Request ID: 00bb] Server Error"), "journal")})
    assert talk.heard == []
    assert not talk.session.is_closed


def test_a_query_removed_while_it_runs_is_acknowledged_and_its_result_dropped() -> None:
    talk = Conversation()
    talk.say(ADD_LIST)
    talk.advance()
    remove = (
        '{"type":"ModifyQuerySet","baseVersion":1,"newVersion":2,'
        '"modifications":[{"type":"Remove","queryId":0}]}'
    )
    assert talk.say(remove) == [Drop((0,))]
    talk.ran({})
    assert talk.hears() == transition(V0, V1)
    talk.advance()
    removed: Json = {"type": "QueryRemoved", "queryId": 0}
    assert talk.hears() == transition(V1, version(2, 0, TS_0), removed)


def test_a_query_added_and_removed_before_it_ran_is_acknowledged_without_running() -> None:
    talk = Conversation()
    talk.say(
        '{"type":"ModifyQuerySet","baseVersion":0,"newVersion":1,"modifications":[{"type":"Add",'
        '"queryId":0,"udfPath":"m:q","args":[{}]},{"type":"Remove","queryId":0}]}'
    )
    assert talk.advance() == []
    assert talk.hears()["modifications"] == [{"type": "QueryRemoved", "queryId": 0}]


def test_a_new_identity_runs_every_query_again_and_is_acknowledged_even_without_change() -> None:
    talk = subscribed()
    assert [type(effect) for effect in talk.say(NO_TOKEN % 0)] == [Verify]
    talk.note(talk.session.authenticated("nobody"))
    [run] = talk.advance()
    assert isinstance(run, RunQueries)
    talk.ran({0: gives([])})
    assert talk.hears() == transition(V1, version(1, 1, TS_0))


def test_a_mutation_runs_as_who_the_client_was_when_it_was_sent() -> None:
    talk = Conversation()
    talk.say(SEND_HI % 0)
    talk.say(SEND_HI % 1)
    talk.say(NO_TOKEN % 0)
    talk.say(SEND_HI % 2)
    talk.note(talk.session.authenticated("me"))
    identities: list[str] = []
    for request_id in range(2):
        [run] = talk.note(talk.session.mutation_failed(request_id, Failed("no")))
        assert isinstance(run, RunMutation)
        identities.append(run.identity)
    assert identities == ["nobody", "me"]


@pytest.mark.parametrize("attempted", [True, False])
def test_a_refused_identity_is_an_auth_error_and_then_a_close_without_status(
    attempted: bool,
) -> None:
    talk = subscribed()
    talk.say(NO_TOKEN % 0)
    assert talk.note(talk.session.auth_failed("expired", attempted=attempted)) == [Close()]
    assert talk.hears() == {
        "type": "AuthError",
        "error": "expired",
        "baseVersion": 0,
        "authUpdateAttempted": attempted,
    }


@pytest.mark.parametrize(
    "frame",
    [
        pytest.param("not JSON", id="not JSON"),
        pytest.param('{"type":"Hello"}', id="unknown type"),
        pytest.param(JS_CONNECT, id="second Connect"),
        pytest.param(ADD_LIST.replace('"baseVersion":0', '"baseVersion":7'), id="future base"),
        pytest.param(ADD_LIST.replace('newVersion":1', 'newVersion":9'), id="stale base"),
        pytest.param(ADD_LIST.replace("messages:list", "messages:"), id="bad path"),
        pytest.param(NO_TOKEN % 1, id="identity base"),
    ],
)
def test_a_client_that_breaks_the_protocol_gets_a_fatal_error_and_a_close_without_status(
    frame: str,
) -> None:
    talk = subscribed()
    assert talk.say(frame) == [Close()]
    assert talk.hears()["type"] == "FatalError"
    assert talk.session.is_closed


def test_a_version_may_skip_numbers_but_the_next_message_builds_on_it() -> None:
    talk = Conversation()
    assert talk.say(ADD_LIST.replace('newVersion":1', 'newVersion":5')) == []
    empty = '{"type":"ModifyQuerySet","baseVersion":5,"newVersion":6,"modifications":[]}'
    assert talk.say(empty) == []
    assert not talk.session.is_closed


def test_a_client_that_does_not_connect_first_is_refused() -> None:
    session = SyncSession("nobody")
    [fatal, close] = session.receive(ADD_LIST, NOW_MS, T0)
    assert isinstance(fatal, Send)
    assert close == Close()


def test_a_binary_frame_is_refused_like_any_other_malformed_message() -> None:
    talk = Conversation()
    assert talk.note(talk.session.reject(MalformedMessage("it is binary"))) == [Close()]
    assert talk.hears()["type"] == "FatalError"


@pytest.mark.parametrize(
    "modification",
    [
        '{"type":"Remove","queryId":3}',
        '{"type":"Add","queryId":0,"udfPath":"messages:list","args":[{}]}',
    ],
)
def test_a_query_id_that_is_misused_closes_the_socket_as_an_internal_error(
    modification: str,
) -> None:
    talk = subscribed()
    frame = (
        '{"type":"ModifyQuerySet","baseVersion":1,"newVersion":2,'
        f'"modifications":[{modification}]}}'
    )
    assert talk.say(frame) == [Close(1011, "InternalServerError")]
    assert talk.heard == []


def test_a_client_that_has_seen_the_future_is_sent_away_until_it_is_here() -> None:
    observed = JS_CONNECT.replace("{", f'{{"maxObservedTimestamp":"{TS_1}",', 1)
    assert SyncSession("nobody").receive(observed, NOW_MS, T0) == [
        Close(1011, "InternalServerError")
    ]
    assert SyncSession("nobody").receive(observed, NOW_MS, T0 + 1) == []


def test_more_mutations_than_a_socket_may_queue_close_it() -> None:
    talk = Conversation()
    for request_id in range(MAX_MUTATIONS):
        talk.say(SEND_HI % request_id)
    assert talk.say(SEND_HI % MAX_MUTATIONS) == [Close(1013, "TooManyConcurrentMutations")]


def test_more_messages_than_may_wait_for_a_verification_close_the_socket() -> None:
    talk = Conversation()
    talk.say(NO_TOKEN % 0)
    for request_id in range(MAX_MUTATIONS):
        assert talk.say(SEND_HI % request_id) == []
    assert talk.say(SEND_HI % MAX_MUTATIONS) == [Close(1013, "TooManyConcurrentMutations")]


def test_more_actions_than_a_socket_may_start_close_it_unless_some_have_ended() -> None:
    talk = Conversation()
    for request_id in range(MAX_ACTIONS):
        talk.say(DOUBLE % request_id)
    talk.session.action_finished(0, succeeded(None))
    assert [type(effect) for effect in talk.say(DOUBLE % MAX_ACTIONS)] == [RunAction]
    one_more = DOUBLE % (MAX_ACTIONS + 1)
    assert talk.say(one_more) == [Close(1013, "TooManyConcurrentActions")]


def test_nothing_follows_a_close() -> None:
    talk = subscribed()
    talk.say(SEND_HI % 0)
    talk.say(DOUBLE % 1)
    talk.session.invalidated([0], T0)
    talk.advance()
    assert talk.note(talk.session.close(Close(1013, "Busy"))) == [Close(1013, "Busy")]
    assert talk.ran({0: gives(1.0)}) == []
    assert talk.note(talk.session.mutation_committed(0, succeeded(None), T0)) == []
    assert talk.note(talk.session.action_finished(1, succeeded(None))) == []
    assert talk.say(SEND_HI % 2) == []
    assert talk.note(talk.session.tick(NOW_MS + 10**9)) == []
    assert talk.note(talk.session.close(Close())) == []
    assert not talk.session.is_behind
    assert talk.heard == []


def test_a_quiet_socket_is_pinged_every_fifteen_seconds_but_not_one_that_speaks() -> None:
    talk = subscribed()
    talk.note(talk.session.tick(0))
    talk.note(talk.session.tick(14_999))
    assert talk.heard == []
    talk.note(talk.session.tick(15_000))
    assert talk.hears() == {"type": "Ping"}
    talk.note(talk.session.tick(15_001))
    talk.note(talk.session.tick(30_000))
    assert talk.heard == []
    talk.note(talk.session.tick(30_001))
    assert talk.hears() == {"type": "Ping"}


def test_a_client_that_is_silent_for_two_minutes_is_given_up_but_a_pong_counts() -> None:
    talk = subscribed()
    talk.session.tick(0)
    talk.session.heard()
    talk.session.tick(100_000)
    assert not any(isinstance(effect, Close) for effect in talk.session.tick(219_999))
    assert talk.session.tick(220_000) == [Close(1001, "ClientSilent")]


def test_telemetry_is_ignored() -> None:
    talk = subscribed()
    assert talk.say('{"type":"Event","eventType":"ClientConnect","event":{"a":1}}') == []
    assert not talk.session.is_behind


LAPSES_MS = NOW_MS - 1


def lapsing(talk: Conversation) -> Conversation:
    """The conversation with a token that was good for no longer than now."""
    talk.say(NO_TOKEN % 0)
    talk.note(talk.session.authenticated("me", LAPSES_MS))
    return talk


def test_a_token_that_lapsed_ends_the_session_with_the_next_transition() -> None:
    talk = lapsing(subscribed())
    assert talk.advance() == [Close()]
    error = talk.hears()
    assert (error["type"], error["authUpdateAttempted"]) == ("AuthError", False)


def test_a_token_is_good_up_to_the_millisecond_at_which_it_lapses() -> None:
    talk = lapsing(subscribed())
    assert not talk.session.has_lapsed(LAPSES_MS)
    assert talk.session.has_lapsed(LAPSES_MS + 1)


def test_while_the_next_token_is_checked_a_lapsed_one_does_not_end_the_session() -> None:
    talk = lapsing(subscribed())
    talk.say(NO_TOKEN % 1)
    assert talk.session.is_behind
    assert talk.advance() == []
    assert not talk.session.is_behind  # nothing is pushed on behalf of the old token
    assert not talk.session.has_lapsed(NOW_MS)
    talk.note(talk.session.authenticated("me", NOW_MS + 1))
    [run] = talk.advance()
    assert isinstance(run, RunQueries)
    talk.ran({0: gives([])})
    assert talk.hears() == transition(V1, version(1, 2, TS_0))


def test_nobody_lapses() -> None:
    talk = lapsing(subscribed())
    talk.say(NO_TOKEN % 1)
    talk.note(talk.session.authenticated("nobody"))
    assert not talk.session.has_lapsed(NOW_MS * 2)


def test_whatever_is_left_to_run_is_not_run_once_a_lapsed_token_ended_the_session() -> None:
    talk = lapsing(subscribed())
    assert talk.note(talk.session.expire()) == [Close()]
    assert talk.session.has_lapsed(NOW_MS)
    refused = lapsing(subscribed())
    refused.say(NO_TOKEN % 1)
    refused.note(refused.session.auth_failed("no"))
    assert refused.session.has_lapsed(NOW_MS)


def test_one_query_alone_is_answered_as_by_a_whole_advance() -> None:
    alone, whole = subscribed(), subscribed()
    for talk in (alone, whole):
        talk.ts += 1
        talk.session.invalidated((0,), talk.ts)
    whole.advance()
    [advanced] = whole.session.queries_ran({0: gives(["hi"])}, NOW_MS)
    assert isinstance(advanced, Send)
    assert alone.session.only_stale(NOW_MS) == 0
    frame = alone.session.answer_alone(alone.ts, 0, succeeded(["hi"]), None)
    assert frame == advanced.frame
    assert not alone.session.is_behind


def test_an_answer_that_is_not_new_is_not_sent_alone() -> None:
    talk = subscribed()
    talk.session.invalidated((0,), talk.ts + 1)
    assert talk.session.answer_alone(talk.ts + 1, 0, succeeded([]), None) == b""
    assert not talk.session.is_behind


def test_a_query_is_not_answered_alone_before_what_the_client_was_told_of() -> None:
    talk = subscribed()
    talk.session.invalidated((0,), talk.ts + 2)
    assert talk.session.answer_alone(talk.ts + 1, 0, succeeded(["hi"]), None) is None
    assert talk.session.only_stale(NOW_MS) == 0


@pytest.mark.parametrize(
    "outcome", [Failed("no"), succeeded("hi", "[LOG] said"), succeeded("x" * 5_000)]
)
def test_what_is_not_short_and_plain_takes_a_whole_advance(outcome: Succeeded | Failed) -> None:
    talk = subscribed()
    talk.session.invalidated((0,), talk.ts + 1)
    assert talk.session.answer_alone(talk.ts + 1, 0, outcome, None) is None
    assert talk.session.only_stale(NOW_MS) == 0


def test_what_else_the_client_is_owed_is_not_left_out_by_an_answer_alone() -> None:
    owed = subscribed()
    owed.session.invalidated((0,), owed.ts + 1)
    owed.say(SEND_HI % 0)
    owed.session.mutation_committed(0, succeeded(None), owed.ts + 1)
    removed = subscribed()
    removed.say(
        '{"type":"ModifyQuerySet","baseVersion":1,"newVersion":2,"modifications":'
        '[{"type":"Remove","queryId":0}]}'
    )
    under_way = subscribed()
    under_way.session.rerun_all()
    under_way.advance()
    closed = subscribed()
    closed.session.invalidated((0,), closed.ts + 1)
    closed.session.close(Close())
    for talk in (owed, removed, under_way, closed):
        assert talk.session.only_stale(NOW_MS) is None
