"""The client's sync state machine: what it sends, what it reports, and when."""

from __future__ import annotations

import orjson
import pytest

from confect_client.errors import ConnectionLost, ServerRefused
from confect_client.session.events import (
    ClientEvent,
    Ended,
    IdentityConfirmed,
    IdentityRefused,
    QueryChanged,
    Raised,
    Reconnect,
    Returned,
    Settled,
)
from confect_client.session.session import ClientSession
from confect_core.protocol import (
    ActionFailed,
    ActionSucceeded,
    AdminToken,
    AuthError,
    EncodedValue,
    FatalError,
    FunctionPath,
    Modification,
    MutationFailed,
    MutationSucceeded,
    NoToken,
    Ping,
    QueryFailed,
    QueryRemoved,
    QueryUpdated,
    ServerMessage,
    StateVersion,
    Transition,
    UserToken,
    encode_server_message,
    encode_ts,
)
from confect_core.values.wire import Json

SESSION_ID = "9208b169-0e8a-4fa7-9341-d27c8fd3dda8"
NOW_MS = 1_795_188_240_149
LIST = FunctionPath.parse("messages:list")
SEND = FunctionPath.parse("messages:send")
DOUBLE = FunctionPath.parse("act:double")


class Conversation:
    """A session and its server, whose versions chain by themselves."""

    def __init__(self) -> None:
        self.session = ClientSession(SESSION_ID)
        self.version = StateVersion(0, 0, 0)

    def connect(self) -> list[Json]:
        self.version = StateVersion(0, 0, 0)
        self.session.connected(NOW_MS)
        return self.sent()

    def sent(self) -> list[Json]:
        return [orjson.loads(frame) for frame in self.session.outgoing()]

    def hear(self, message: ServerMessage[EncodedValue]) -> list[ClientEvent]:
        return self.session.receive(encode_server_message(message))

    def move(
        self,
        *modifications: Modification[EncodedValue],
        ts: int = 0,
        query_set: int = 0,
        identity: int = 0,
    ) -> list[ClientEvent]:
        start = self.version
        self.version = StateVersion(
            max(query_set, start.query_set), max(identity, start.identity), max(ts, start.ts)
        )
        return self.hear(Transition(start, self.version, modifications))

    def commit(self, request_id: int, result: str, ts: int) -> list[ClientEvent]:
        return self.hear(MutationSucceeded(request_id, value(result), ts, ()))


def value(text: str) -> EncodedValue:
    return EncodedValue(text.encode())


def updated(query_id: int, text: str, journal: str | None = None) -> Modification[EncodedValue]:
    return QueryUpdated(query_id, value(text), (), journal)


def connect_message(count: int, reason: str, observed: int | None = None) -> Json:
    fields: dict[str, Json] = {
        "type": "Connect",
        "sessionId": SESSION_ID,
        "connectionCount": count,
        "lastCloseReason": reason,
        "clientTs": NOW_MS,
    }
    if observed is not None:
        fields["maxObservedTimestamp"] = encode_ts(observed)
    return fields


def modify(base: int, *modifications: Json) -> Json:
    return {
        "type": "ModifyQuerySet",
        "baseVersion": base,
        "newVersion": base + 1,
        "modifications": list(modifications),
    }


def add(query_id: int, path: str = "messages:list", **more: Json) -> Json:
    return {"type": "Add", "queryId": query_id, "udfPath": path, "args": [{}], **more}


def authenticate(base: int, kind: str, **token: Json) -> Json:
    return {"type": "Authenticate", "baseVersion": base, "tokenType": kind, **token}


def mutation(request_id: int) -> Json:
    body: Json = {"body": "hi"}
    return {
        "type": "Mutation",
        "requestId": request_id,
        "udfPath": "messages:send",
        "args": [body],
    }


def test_a_connection_begins_as_the_javascript_client_begins_one() -> None:
    talk = Conversation()
    assert talk.sent() == []
    assert talk.session.subscribe(LIST, {}) == 0
    assert talk.connect() == [connect_message(0, "InitialConnect"), modify(0, add(0))]
    assert talk.sent() == []


def test_a_connection_without_subscriptions_still_sends_its_empty_query_set() -> None:
    assert Conversation().connect() == [connect_message(0, "InitialConnect"), modify(0)]


def test_a_reconnect_says_what_was_seen_and_sends_journals_and_unfinished_mutations() -> None:
    talk = Conversation()
    talk.session.set_token(UserToken("<jwt>"))
    talk.session.subscribe(LIST, {})
    talk.connect()
    talk.move(updated(0, "[]", "JOURNAL-0"), query_set=1, identity=1, ts=1000)
    for _ in range(3):
        talk.session.mutate(SEND, {"body": "hi"})
    talk.sent()
    talk.hear(MutationFailed(0, "no", ()))
    talk.commit(1, "null", 1001)
    talk.session.disconnected("restart")
    assert talk.connect() == [
        connect_message(1, "restart", 1001),
        authenticate(0, "User", value="<jwt>"),
        modify(0, add(0, journal="JOURNAL-0")),
        mutation(1),
        mutation(2),
    ]


def test_equal_subscriptions_share_one_query_until_the_last_of_them_ends() -> None:
    talk = Conversation()
    talk.connect()
    args: dict[str, Json] = {"a": 1.0, "b": [True]}
    first = talk.session.subscribe(LIST, args)
    assert talk.session.subscribe(
        FunctionPath.parse("messages.js:list"), {"b": [True], "a": 1.0}
    ) == (first)
    assert talk.session.subscribe(LIST, {"a": 1.0, "b": [1.0]}) != first
    assert len(talk.sent()) == 1
    talk.session.unsubscribe(first)
    assert talk.sent() == []
    talk.session.unsubscribe(first)
    assert talk.sent() == [modify(2, {"type": "Remove", "queryId": first})]
    assert talk.session.subscribe(LIST, args) == 2


def test_a_subscription_that_ends_before_it_was_sent_is_never_sent() -> None:
    talk = Conversation()
    talk.connect()
    talk.session.unsubscribe(talk.session.subscribe(LIST, {}))
    assert talk.sent() == []


def test_a_result_for_a_query_that_was_unsubscribed_is_dropped() -> None:
    talk = Conversation()
    query_id = talk.session.subscribe(LIST, {})
    talk.connect()
    talk.session.unsubscribe(query_id)
    assert talk.move(updated(0, "[]"), query_set=1) == []
    assert talk.move(QueryRemoved(0), query_set=2) == []


def test_results_and_failures_of_queries_are_reported_and_kept() -> None:
    talk = Conversation()
    talk.session.subscribe(LIST, {})
    talk.connect()
    assert talk.session.result_of(0) is None
    [changed] = talk.move(updated(0, '[{"n":1.5}]'), query_set=1)
    assert changed == QueryChanged(0, Returned([{"n": 1.5}]))
    failed = QueryFailed(0, "no", ("[LOG] 'x'",), None, value("null"))
    assert talk.move(failed) == [QueryChanged(0, Raised("no", None, ("[LOG] 'x'",)))]
    assert talk.session.result_of(0) == Raised("no", None, ("[LOG] 'x'",))


@pytest.mark.parametrize(
    ("before", "after", "is_reported"),
    [("[1.0]", "[1.0]", False), ("[1.0]", "[true]", True), ("[1.0]", "[2.0]", True)],
)
def test_a_reconnect_reports_only_the_results_that_have_changed(
    before: str, after: str, is_reported: bool
) -> None:
    talk = Conversation()
    talk.session.subscribe(LIST, {})
    talk.connect()
    talk.move(updated(0, before), query_set=1)
    talk.session.disconnected("closed")
    talk.connect()
    assert talk.session.result_of(0) is not None
    assert bool(talk.move(updated(0, after), query_set=1)) is is_reported


def test_a_mutation_settles_with_the_results_that_include_it_and_after_them() -> None:
    talk = Conversation()
    talk.session.subscribe(LIST, {})
    talk.connect()
    request_id = talk.session.mutate(SEND, {"body": "hi"})
    assert talk.sent() == [mutation(request_id)]
    talk.move(updated(0, "[]"), query_set=1, ts=8)
    assert talk.commit(request_id, '{"ok":true}', 10) == []
    assert talk.move(ts=9) == []
    assert talk.move(updated(0, '["hi"]'), ts=10) == [
        QueryChanged(0, Returned(["hi"])),
        Settled(request_id, Returned({"ok": True})),
    ]
    assert talk.move(ts=11) == []


def test_what_was_subscribed_to_before_a_mutation_is_there_once_that_settles() -> None:
    c = Conversation()
    c.connect()
    c.session.subscribe(LIST, {})
    c.session.mutate(SEND, {"body": "hi"})
    later = c.session.subscribe(SEND, {})
    assert c.sent() == [modify(1, add(0)), mutation(0), modify(2, add(later, "messages:send"))]


def test_a_failed_mutation_settles_at_once() -> None:
    talk = Conversation()
    talk.connect()
    request_id = talk.session.mutate(SEND, {})
    talk.sent()
    failed = MutationFailed(request_id, "no", (), value('{"code":7.0}'))
    assert talk.hear(failed) == [Settled(request_id, Raised("no", {"code": 7.0}))]


def test_an_action_settles_with_its_response() -> None:
    talk = Conversation()
    talk.connect()
    first, second = talk.session.act(DOUBLE, {"x": 21.0}), talk.session.act(DOUBLE, {})
    talk.sent()
    assert talk.hear(ActionFailed(second, "no", ())) == [Settled(second, Raised("no"))]
    assert talk.hear(ActionSucceeded(first, value("42.0"), ())) == [Settled(first, Returned(42.0))]


def test_an_action_that_was_sent_is_lost_with_its_connection_and_one_that_was_not_is_sent() -> None:
    talk = Conversation()
    talk.connect()
    sent = talk.session.act(DOUBLE, {})
    talk.sent()
    unsent = talk.session.act(DOUBLE, {})
    [settled] = talk.session.disconnected("closed with code 1006")
    assert isinstance(settled, Settled)
    assert settled.request_id == sent
    assert isinstance(settled.outcome, ConnectionLost)
    assert "act:double" in str(settled.outcome)
    offline = talk.session.act(DOUBLE, {})
    requests = [frame for frame in talk.connect() if isinstance(frame, dict)][2:]
    assert [request["requestId"] for request in requests] == [unsent, offline]


def test_a_mutation_answered_before_the_drop_settles_with_the_first_new_results() -> None:
    talk = Conversation()
    talk.session.subscribe(LIST, {})
    talk.session.set_token(UserToken("me"))
    talk.connect()
    talk.move(updated(0, "[]"), query_set=1, identity=1, ts=9)
    request_id = talk.session.mutate(SEND, {"body": "hi"})
    talk.sent()
    talk.commit(request_id, "null", 10)
    talk.session.disconnected("closed")
    talk.connect()
    assert talk.move(identity=1, ts=10) == [IdentityConfirmed()]
    changed, settled = talk.move(updated(0, '["hi"]'), query_set=1, ts=10)
    assert (type(changed), settled) == (QueryChanged, Settled(request_id, Returned(None)))
    assert talk.commit(request_id, "null", 10) == []


def test_a_version_that_does_not_follow_ends_the_connection_and_nothing_of_it_is_heard() -> None:
    talk = Conversation()
    talk.session.subscribe(LIST, {})
    talk.connect()
    talk.version = StateVersion(0, 0, 5)
    assert talk.move(updated(0, "1.0"), ts=6) == [Reconnect("VersionMismatch")]
    assert talk.move(updated(0, "2.0"), ts=7) == []
    assert talk.session.outgoing() == []
    talk.session.disconnected("VersionMismatch")
    talk.connect()
    assert talk.move(updated(0, "3.0"), query_set=1) == [QueryChanged(0, Returned(3.0))]


@pytest.mark.parametrize("frame", ["[]", "{", '{"type":"Transition"}', '{"type":"New"}'])
def test_a_frame_that_cannot_be_read_ends_the_connection(frame: str) -> None:
    talk = Conversation()
    talk.connect()
    [event] = talk.session.receive(frame)
    assert isinstance(event, Reconnect)


def test_a_fatal_error_settles_everything_and_refuses_every_later_call() -> None:
    talk = Conversation()
    talk.connect()
    requests = [talk.session.mutate(SEND, {}), talk.session.act(DOUBLE, {})]
    talk.sent()
    *settled, ended = talk.hear(FatalError("bad path"))
    assert [event.request_id for event in settled if isinstance(event, Settled)] == requests
    assert isinstance(ended, Ended)
    assert "bad path" in str(ended.error)
    for call in (talk.session.mutate, talk.session.act, talk.session.subscribe):
        with pytest.raises(ServerRefused):
            call(SEND, {})


def test_a_new_token_is_sent_in_order_and_confirmed_by_a_transition() -> None:
    talk = Conversation()
    talk.connect()
    talk.session.mutate(SEND, {"body": "hi"})
    talk.session.set_token(AdminToken("key", {"subject": "me"}))
    talk.session.set_token(NoToken())
    assert talk.sent() == [
        mutation(0),
        authenticate(0, "Admin", value="key", impersonating={"subject": "me"}),
        authenticate(1, "None"),
    ]
    assert talk.move(identity=1) == []
    assert talk.move(identity=2) == [IdentityConfirmed()]
    assert talk.move(identity=2) == []


def test_a_refused_token_is_reported_unless_it_has_been_replaced() -> None:
    talk = Conversation()
    talk.session.set_token(UserToken("old"))
    talk.connect()
    refusal = AuthError("expired", 0, attempted=True)
    assert talk.hear(refusal) == [IdentityRefused("expired", attempted=True)]
    talk.session.set_token(UserToken("new"))
    assert talk.hear(refusal) == []


def test_a_server_that_is_silent_for_a_minute_is_given_up_but_a_ping_counts() -> None:
    talk = Conversation()
    assert talk.session.tick(10**9) == []
    talk.connect()
    assert talk.session.tick(0) == []
    assert talk.session.tick(59_999) == []
    assert talk.hear(Ping()) == []
    assert talk.session.tick(60_000) == []
    assert talk.session.tick(119_999) == []
    assert talk.session.tick(120_000) == [Reconnect("InactiveServer")]


def test_a_connection_is_caught_up_when_all_that_was_open_at_its_start_is_answered() -> None:
    talk = Conversation()
    talk.session.set_token(UserToken("me"))
    talk.session.subscribe(LIST, {})
    request_id = talk.session.mutate(SEND, {})
    assert not talk.session.is_caught_up
    talk.connect()
    talk.move(identity=1)
    assert not talk.session.is_caught_up
    talk.move(updated(0, "[]"), query_set=1)
    assert not talk.session.is_caught_up
    talk.hear(MutationFailed(request_id, "no", ()))
    assert talk.session.is_caught_up
    talk.session.mutate(SEND, {})
    assert talk.session.is_caught_up
    talk.session.disconnected("closed")
    assert not talk.session.is_caught_up


def test_a_connection_is_not_caught_up_before_the_server_has_heard_of_its_queries() -> None:
    talk = Conversation()
    talk.connect()
    assert not talk.session.is_caught_up
    talk.move(query_set=1)
    assert talk.session.is_caught_up
