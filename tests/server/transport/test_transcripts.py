"""Captured conversations of the official clients, frame by frame, as a session takes them.

The frames of clients are verbatim; what the session asks for and says in between is checked by
`Judge`, and what it runs by hand.
"""

from __future__ import annotations

import orjson
import pytest

from confect_core.protocol import (
    AdminToken,
    EncodedValue,
    JsonObject,
    NoToken,
    UserToken,
    encode_ts,
)
from confect_server.runtime.outcome import Failed, QueryRun, Succeeded
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
from tests.sync_judge import Judge

NOW_MS = 1_795_188_240_000
T0 = 1_700_000_000_000_000_000  # AAAqNv6clxc=

JS_CONNECT = (
    '{"connectionCount":0,"lastCloseReason":"InitialConnect","clientTs":1795188240149,'
    '"type":"Connect","sessionId":"9208b169-0e8a-4fa7-9341-d27c8fd3dda8"}'
)
JS_LIST = (
    '{"type":"ModifyQuerySet","baseVersion":0,"newVersion":1,"modifications":[{"type":"Add",'
    '"queryId":0,"udfPath":"messages:list","args":[{}]}]}'
)
JS_SEND = (
    '{"type":"Mutation","requestId":0,"udfPath":"messages:send","args":[{"body":"hi","extra":[1,2.5,'
    '{"$float":"AAAAAAAAAIA="},{"$float":"AAAAAAAA+H8="},{"$float":"AAAAAAAA8H8="},'
    '{"$integer":"CgAAAAAAAAA="},{"$bytes":"AQID"},null,true]}]}'
)
JS_DOUBLE = '{"type":"Action","requestId":1,"udfPath":"act:double","args":[{"x":21}]}'

JS_RECONNECT = (
    '{"connectionCount":1,"lastCloseReason":"closed with code 1006","clientTs":1795188306553,'
    '"type":"Connect","sessionId":"9208b169-0e8a-4fa7-9341-d27c8fd3dda8",'
    '"maxObservedTimestamp":"AAAqNv6clxc="}'
)
JS_LIST_AGAIN = JS_LIST.replace('"args":[{}]', '"args":[{}],"journal":null')
JS_SEND_AGAIN = '{"type":"Mutation","requestId":0,"udfPath":"messages:send","args":[{"body":"hi"}]}'

PYTHON_CONNECT = (
    '{"type":"Connect","sessionId":"7155ef47-5279-4605-b1c5-b86241ca9352","connectionCount":0,'
    '"lastCloseReason":"InitialConnect","clientTs":0}'
)
PYTHON_LIST = (
    '{"modifications":[{"args":[{}],"type":"Add","queryId":0,"udfPath":"messages:list"}],'
    '"type":"ModifyQuerySet","baseVersion":0,"newVersion":1}'
)
PYTHON_REMOVE = (
    '{"modifications":[{"type":"Remove","queryId":0}],"type":"ModifyQuerySet","baseVersion":1,'
    '"newVersion":2}'
)
PYTHON_SEND = (
    '{"args":[{"b":{"$bytes":"AQI="},"body":"hi","f":1.5,"i":{"$integer":"BwAAAAAAAAA="},'
    '"l":[1.0,null,true],"n":1.0,"nan":{"$float":"AAAAAAAA+H8="},"nz":{"$float":"AAAAAAAAAIA="}}],'
    '"type":"Mutation","requestId":0,"udfPath":"messages:send"}'
)
PYTHON_DOUBLE = '{"args":[{"x":21.0}],"type":"Action","requestId":1,"udfPath":"act:double"}'
PYTHON_RECONNECT = (
    '{"type":"Connect","sessionId":"dea3ee0b-5279-4605-b1c5-b86241ca9352","connectionCount":1,'
    '"lastCloseReason":"WebsocketConnectionError","maxObservedTimestamp":"AAAqNv6clxc=",'
    '"clientTs":0}'
)
PYTHON_LIST_AGAIN = PYTHON_LIST.replace("messages:list", "messages.js:list")

NO_TOKEN = '{"type":"Authenticate","tokenType":"None","baseVersion":%d}'
SHOWS = '{"type":"Authenticate","baseVersion":%d,%s}'

REACT_FIRST = (
    '{"type":"ModifyQuerySet","baseVersion":0,"newVersion":1,"modifications":[{"type":"Add",'
    '"queryId":0,"udfPath":"messages:list","args":[{}]},{"type":"Add","queryId":1,'
    '"udfPath":"messages:page","args":[{"paginationOpts":{"cursor":null,"id":1,"numItems":2}}]}]}'
)
REACT_MORE = (
    '{"type":"ModifyQuerySet","baseVersion":1,"newVersion":2,"modifications":[{"type":"Add",'
    '"queryId":2,"udfPath":"messages:page","args":[{"paginationOpts":{"cursor":"c2","id":1,'
    '"numItems":2}}]}]}'
)


class Talk:
    """A session, and a client that says what was captured."""

    def __init__(self, connect: str, ts: int = T0) -> None:
        self.session = SyncSession("nobody")
        self.judge = Judge()
        self.ts = ts
        assert self.say(connect) == []

    def say(self, frame: str) -> list[Effect[str]]:
        said: JsonObject = orjson.loads(frame)
        request_id = said.get("requestId")
        if isinstance(request_id, int):
            kinds = {"Mutation": self.judge.mutates, "Action": self.judge.acts}
            kinds[str(said["type"])](request_id)
        for change in orjson.loads(frame).get("modifications", ()):
            told = self.judge.adds if change["type"] == "Add" else self.judge.removes
            told(change["queryId"])
        return self.note(self.session.receive(frame, NOW_MS, self.ts))

    def note(self, effects: list[Effect[str]]) -> list[Effect[str]]:
        for effect in effects:
            if isinstance(effect, Send):
                self.judge.hears(effect.frame)
            elif isinstance(effect, Close):
                self.judge.hears_close(effect.code, effect.reason)
        return [effect for effect in effects if not isinstance(effect, Send)]

    def push(self, **results: object) -> list[str]:
        """Run what is stale, and which functions that were."""
        ran = self.note(self.session.advance(self.ts, NOW_MS))
        if not ran:
            return []
        [run] = ran
        assert isinstance(run, RunQueries)
        paths = [str(each.query.path) for each in run.queries]
        runs = {
            each.query.query_id: QueryRun(gives(results.get(each.query.path.function)))
            for each in run.queries
        }
        self.note(self.session.queries_ran(runs, NOW_MS))
        return paths

    def commit(self, request_id: int, value: object, ts: int) -> None:
        self.ts = max(self.ts, ts)
        self.session.invalidated([0], ts)
        self.note(self.session.mutation_committed(request_id, gives(value), ts))

    @property
    def types(self) -> list[str]:
        return [frame["type"] for frame in self.judge.frames]


def gives(value: object) -> Succeeded:
    return Succeeded(EncodedValue(orjson.dumps(value)))


def args_of(effects: list[Effect[str]]) -> JsonObject:
    [run] = effects
    assert isinstance(run, (RunMutation, RunAction))
    return run.request.args


@pytest.mark.parametrize(
    ("connect", "subscribe", "send", "double"),
    [
        pytest.param(JS_CONNECT, JS_LIST, JS_SEND, JS_DOUBLE, id="npm"),
        pytest.param(PYTHON_CONNECT, PYTHON_LIST, PYTHON_SEND, PYTHON_DOUBLE, id="PyPI"),
    ],
)
def test_the_first_conversation(connect: str, subscribe: str, send: str, double: str) -> None:
    talk = Talk(connect)
    assert talk.say(subscribe) == []
    assert talk.push(list=[]) == ["messages:list"]
    assert args_of(talk.say(send)) == orjson.loads(send)["args"][0]
    talk.commit(0, {"ok": True}, T0 + 1)
    assert talk.push(list=[{"body": "hi"}]) == ["messages:list"]
    assert args_of(talk.say(double)) == {"x": 21}
    talk.note(talk.session.action_finished(1, gives(42.0)))
    talk.push()
    assert talk.types == [
        "Transition",
        "MutationResponse",
        "Transition",
        "ActionResponse",
        "Transition",
    ]
    talk.judge.is_satisfied()
    tells_time = ["serverTs" in frame for frame in talk.judge.frames]
    assert tells_time == [connect is JS_CONNECT, False, False, False, False]


def test_a_mutation_that_was_committed_before_the_socket_dropped_is_settled_on_the_next() -> None:
    talk = Talk(JS_RECONNECT, T0 + 1)
    assert talk.say(JS_LIST_AGAIN) == []
    assert talk.push(list=[{"body": "hi"}]) == ["messages:list"]  # its effect is there already
    talk.judge.mutates(0, again=True)
    [run] = talk.note(talk.session.receive(JS_SEND_AGAIN, NOW_MS, talk.ts))
    assert isinstance(run, RunMutation)
    assert run.session_id == "9208b169-0e8a-4fa7-9341-d27c8fd3dda8"
    talk.note(talk.session.mutation_committed(0, gives({"ok": True}), T0 + 1))
    assert talk.push() == []
    talk.judge.is_satisfied()
    assert talk.judge.frames[-2]["ts"] == encode_ts(T0 + 1)


def test_the_python_client_comes_back_as_another_session_and_with_another_spelling() -> None:
    talk = Talk(PYTHON_RECONNECT)
    assert talk.say(PYTHON_LIST_AGAIN) == []
    assert talk.push(list=[]) == ["messages:list"]
    [run] = talk.say(JS_SEND_AGAIN)
    assert isinstance(run, RunMutation)
    assert run.session_id.startswith("dea3ee0b")
    talk.commit(0, None, T0 + 1)
    talk.push(list=[])
    talk.judge.is_satisfied()


def test_one_query_of_the_python_client_is_a_subscription_that_it_ends() -> None:
    talk = Talk(PYTHON_CONNECT)
    talk.say(PYTHON_LIST)
    talk.push(list=[])
    assert talk.say(PYTHON_REMOVE) == [Drop((0,))]
    assert talk.push() == []
    talk.judge.is_satisfied()
    assert talk.judge.results == {}


def test_react_asks_for_its_first_page_and_for_more() -> None:
    talk = Talk(JS_CONNECT)
    talk.say(REACT_FIRST)
    assert talk.push(list=[], page={"page": []}) == ["messages:list", "messages:page"]
    talk.say(REACT_MORE)
    assert talk.push(page={"page": []}) == ["messages:page"]
    assert len(talk.types) == 2
    talk.judge.is_satisfied()


@pytest.mark.parametrize(
    ("base", "rest", "token"),
    [
        (0, '"tokenType":"User","value":"<jwt>"', UserToken("<jwt>")),
        (2, '"tokenType":"None"', NoToken()),
        (
            3,
            '"tokenType":"Admin","value":"inst|k","impersonating":{"issuer":"https://i",'
            '"subject":"me","name":"N"}',
            AdminToken("inst|k", {"issuer": "https://i", "subject": "me", "name": "N"}),
        ),
    ],
)
def test_who_the_client_says_it_is_is_acknowledged(base: int, rest: str, token: object) -> None:
    talk = Talk(JS_CONNECT)
    for before in range(base):
        talk.say(NO_TOKEN % before)
        talk.note(talk.session.authenticated("nobody"))
    [verify] = talk.say(SHOWS % (base, rest))
    assert isinstance(verify, Verify)
    assert verify.token == token
    talk.note(talk.session.authenticated("me"))
    talk.push()
    assert talk.judge.version["identity"] == base + 1


def test_a_token_that_is_refused_ends_the_socket_and_says_on_top_of_what() -> None:
    talk = Talk(JS_CONNECT)
    talk.say('{"type":"Authenticate","baseVersion":0,"tokenType":"User","value":"<jwt>"}')
    assert talk.note(talk.session.auth_failed("no")) == [Close()]
    assert talk.judge.frames == [
        {"type": "AuthError", "error": "no", "baseVersion": 0, "authUpdateAttempted": True}
    ]


def test_what_fails_is_told_with_its_data_for_each_kind_of_function() -> None:
    talk = Talk(JS_CONNECT)
    failed = Failed("no", EncodedValue(b'{"code":7.0}'))
    talk.say(JS_LIST)
    talk.note(talk.session.advance(T0, NOW_MS))
    talk.note(talk.session.queries_ran({0: QueryRun(failed)}, NOW_MS))
    talk.say(JS_SEND)
    talk.note(talk.session.mutation_failed(0, failed))
    talk.say(JS_DOUBLE)
    talk.note(talk.session.action_finished(1, failed))
    talk.push()
    told = [*talk.judge.frames[0]["modifications"], *talk.judge.frames[1:3]]
    assert [each["errorData"] for each in told] == [{"code": 7.0}] * 3
    talk.judge.is_satisfied()
