"""Optimistic updates in the session: shown at once, replayed, gone in the step that proves them.

The machine plays a client, its server and others who commit; the examples name the single steps.
"""

from __future__ import annotations

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from confect_client.session.events import (
    ClientEvent,
    FunctionResult,
    QueryChanged,
    Raised,
    Returned,
    Settled,
    UpdateFailed,
)
from confect_client.session.optimistic import Overlay, Update
from confect_client.session.session import ClientSession
from confect_core.protocol import FunctionPath, JsonObject, MutationFailed, QueryUpdated
from tests.client.test_session import LIST, SEND, Conversation, updated, value
from tests.client.test_session_histories import ConnectionHistories, count_in
from tests.sync_backend import ADD, FAIL, GET, Backend

NAMES = st.sampled_from(["a", "b"])


def adding(name: str) -> Update:
    """What adding to a counter does, as the backend does it, to whatever is shown of it."""

    def update(overlay: Overlay) -> None:
        query_id = overlay.find(GET, {"name": name})
        known = None if query_id is None else overlay.get(query_id)
        if query_id is not None and known is not None:
            overlay.set(query_id, counted(name, count_in(known) + 1))

    return update


def counted(name: str, count: float) -> FunctionResult:
    if count % 5 == 0:
        return Raised(f"{name} at {count:.0f}")
    return Returned({"count": count, "who": "nobody"})


class NoFlicker(RuleBasedStateMachine):
    """Nothing flickers, over any number of connections: a counter shows what its client has added.

    Others add to `b`, too.
    """

    def __init__(self) -> None:
        super().__init__()
        self.backend = Backend()
        self.client = ClientSession("9208b169-0e8a-4fa7-9341-d27c8fd3dda8")
        self.client.connected(self.backend.now_ms)
        self.socket = self.backend.connect()
        self.to_server: list[bytes] = []
        self.watched: dict[str, int] = {}
        self.added = {"a": 0, "b": 0}
        self.failing = {"a": set[int](), "b": set[int]()}
        self.others = 0
        self.seen: dict[int, FunctionResult] = {}

    @rule(name=NAMES)
    def subscribe(self, name: str) -> None:
        self.watched.setdefault(name, self.client.subscribe(GET, {"name": name}))

    @rule(name=NAMES)
    def add(self, name: str) -> None:
        self.added[name] += 1
        self.note(self.client.mutate_optimistically(ADD, {"name": name}, adding(name))[1])

    @rule(name=NAMES)
    def fail(self, name: str) -> None:
        request_id, events = self.client.mutate_optimistically(FAIL, {"name": name}, adding(name))
        self.failing[name].add(request_id)
        self.note(events)

    @rule()
    def somebody_else_commits(self) -> None:
        self.others += 1
        self.backend.add("b")

    @rule()
    def reconnect(self) -> None:
        self.note(self.client.disconnected("closed with code 1006"))
        self.to_server = []
        self.socket = self.backend.connect()
        self.client.connected(self.backend.now_ms)

    @rule(count=st.integers(1, 4))
    def frames_go_up(self, count: int) -> None:
        self.to_server += self.client.outgoing()
        for frame in self.to_server[:count]:
            self.socket.receive(frame)
        del self.to_server[:count]

    @rule(count=st.integers(1, 4))
    def frames_go_down(self, count: int) -> None:
        for _ in range(min(count, len(self.socket.sent))):
            self.note(self.client.receive(self.socket.sent.pop(0)))
            self.what_is_added_is_shown()

    @precondition(lambda self: any(socket.to_run for socket in self.backend.sockets))
    @rule(data=st.data())
    def something_is_done(self, data: st.DataObject) -> None:
        busy = [socket for socket in self.backend.sockets if socket.to_run]
        socket = busy[data.draw(st.integers(0, len(busy) - 1))]
        socket.run(data.draw(st.integers(0, len(socket.to_run) - 1)))

    @rule()
    def the_session_advances(self) -> None:
        self.socket.advance()

    @rule()
    def the_server_does_all_it_can(self) -> None:
        for frame in [*self.to_server, *self.client.outgoing()]:
            self.socket.receive(frame)
        self.to_server = []
        self.socket.settle()

    def note(self, events: list[ClientEvent]) -> None:
        for event in events:
            if isinstance(event, QueryChanged):
                self.seen[event.query_id] = event.result
            elif isinstance(event, Settled):
                for failing in self.failing.values():
                    failing.discard(event.request_id)
            else:
                raise AssertionError(f"unexpected {event}")

    @invariant()
    def what_is_added_is_shown(self) -> None:
        for name, query_id in self.watched.items():
            shown = self.client.result_of(query_id)
            assert is_shown_alike(shown, self.seen.get(query_id))
            if shown is None:
                continue
            mine = self.added[name] + len(self.failing[name])
            assert mine <= count_in(shown) <= mine + (self.others if name == "b" else 0)


def is_shown_alike(one: FunctionResult | None, other: FunctionResult | None) -> bool:
    if isinstance(one, Raised) and isinstance(other, Raised):
        return count_in(one) == count_in(other)
    return one == other


TestNoFlicker = NoFlicker.TestCase
TestNoFlicker.settings = settings(max_examples=200, stateful_step_count=50, deadline=None)


class OptimisticConnectionHistories(ConnectionHistories):
    """However connections break, what is shown in the end is what the server says."""

    @property
    def shown_as(self) -> set[str]:
        return {self.who, "nobody"}  # as whom updates show everything

    @rule(path=st.sampled_from([ADD, ADD, FAIL]), name=NAMES)
    def mutate_optimistically(self, path: FunctionPath, name: str) -> None:
        request_id, events = self.client.mutate_optimistically(path, {"name": name}, adding(name))
        if path == ADD:
            self.adds[request_id] = name
        else:
            self.fails.add(request_id)
        self.note(events)


TestOptimisticConnectionHistories = OptimisticConnectionHistories.TestCase
TestOptimisticConnectionHistories.settings = settings(
    max_examples=150, stateful_step_count=60, deadline=None
)


# The single steps.


def append(text: str) -> Update:
    def update(overlay: Overlay) -> None:
        for query_id, _ in overlay.all_of(LIST):
            known = overlay.get(query_id)
            if isinstance(known, Returned) and isinstance(known.value, list):
                overlay.set(query_id, Returned([*known.value, text]))

    return update


def listening(text: str = '["old"]') -> Conversation:
    talk = Conversation()
    talk.session.subscribe(LIST, {})
    talk.connect()
    talk.move(updated(0, text), query_set=1, ts=10)
    return talk


def send(talk: Conversation, text: str, update: Update | None = None) -> list[ClientEvent]:
    args: JsonObject = {"body": text}
    return talk.session.mutate_optimistically(SEND, args, update or append(text))[1]


def shows(*texts: str) -> QueryChanged:
    return QueryChanged(0, Returned([*texts]))


def test_an_update_is_shown_at_once_and_updates_build_on_each_other() -> None:
    talk = listening()
    assert send(talk, "a") == [shows("old", "a")]
    assert send(talk, "b") == [shows("old", "a", "b")]
    assert talk.session.result_of(0) == Returned(["old", "a", "b"])


def test_an_update_is_replayed_on_what_the_server_says_next() -> None:
    talk = listening()
    send(talk, "a")
    send(talk, "b")
    assert talk.move(updated(0, '["new"]'), ts=11) == [shows("new", "a", "b")]


def test_an_update_goes_in_the_step_that_shows_what_it_foresaw() -> None:
    talk = listening()
    send(talk, "a")
    assert talk.commit(0, "null", 12) == []
    assert talk.move(updated(0, '["other"]'), ts=11) == [shows("other", "a")]
    settled = Settled(0, Returned(None))
    # it foresaw exactly that, so there is nothing to show
    assert talk.move(updated(0, '["other","a"]'), ts=12) == [settled]
    assert talk.session.result_of(0) == Returned(["other", "a"])


def test_an_update_that_foresaw_something_else_is_replaced_in_one_step() -> None:
    talk = listening()
    send(talk, "a")
    send(talk, "b")
    talk.commit(0, "null", 12)
    assert talk.move(updated(0, '["old","A"]'), ts=12) == [
        shows("old", "A", "b"),
        Settled(0, Returned(None)),
    ]


def test_a_mutation_that_fails_takes_its_update_back_before_it_is_told() -> None:
    talk = listening()
    send(talk, "a")
    send(talk, "b")
    failed = talk.hear(MutationFailed(0, "no", ()))
    assert failed == [shows("old", "b"), Settled(0, Raised("no"))]


def test_a_mutation_that_changes_nothing_takes_its_update_back() -> None:
    talk = listening()
    send(talk, "a")
    talk.commit(0, "null", 12)
    assert talk.move(ts=12) == [shows("old"), Settled(0, Returned(None))]


def test_an_update_outlives_the_connection_as_its_mutation_does() -> None:
    talk = listening()
    send(talk, "a")
    talk.session.disconnected("gone")
    assert talk.session.result_of(0) == Returned(["old", "a"])
    talk.connect()
    # it may have run before the connection broke, and then its update would be seen twice
    assert talk.move(updated(0, '["new"]'), query_set=1, ts=11) == []
    assert talk.move(updated(0, '["newer"]'), ts=12) == []
    assert talk.session.result_of(0) == Returned(["old", "a"])
    assert talk.commit(0, "null", 13) == [shows("newer", "a")]
    settled = Settled(0, Returned(None))
    assert talk.move(updated(0, '["newer","A"]'), ts=13) == [shows("newer", "A"), settled]


def test_a_mutation_that_ran_before_the_connection_broke_is_not_seen_twice() -> None:
    talk = listening()
    send(talk, "a")
    send(talk, "b")
    talk.session.disconnected("gone")
    talk.connect()
    assert talk.move(updated(0, '["new","a"]'), query_set=1, ts=11) == []
    assert talk.commit(0, "null", 11) == []
    failed = Settled(1, Raised("no"))
    settled = Settled(0, Returned(None))
    assert talk.hear(MutationFailed(1, "no", ())) == [shows("new", "a"), failed, settled]


def test_what_waited_on_a_connection_that_broke_is_forgotten() -> None:
    talk = listening()
    send(talk, "a")
    for ts, text in ((11, '["lost"]'), (12, '["new"]')):
        talk.session.disconnected("gone")
        talk.connect()
        assert talk.move(updated(0, text), query_set=1, ts=ts) == []
    assert talk.commit(0, "null", 13) == [shows("new", "a")]


def test_mutations_without_updates_hold_nothing_back() -> None:
    talk = listening()
    talk.session.mutate(SEND, {"body": "a"})
    talk.session.disconnected("gone")
    talk.connect()
    assert talk.move(updated(0, '["new"]'), query_set=1, ts=11) == [shows("new")]


def test_an_update_that_is_in_doubt_for_too_long_is_given_up_and_never_seen_twice() -> None:
    talk = listening()
    send(talk, "a")
    send(talk, "b")
    talk.session.disconnected("gone")
    talk.connect()
    assert talk.move(updated(0, '["new","a"]'), query_set=1, ts=11) == []
    send(talk, "c")  # which was not sent before, so there is no doubt about it
    assert talk.session.tick(20_000) == []
    assert talk.commit(0, "null", 11) == []
    assert talk.session.tick(29_999) == []
    changed = [shows("new", "a", "c"), Settled(0, Returned(None))]
    assert talk.session.tick(30_000) == changed
    assert talk.move(updated(0, '["newer","a"]'), ts=12) == [shows("newer", "a", "c")]
    talk.commit(1, "null", 13)
    settled = Settled(1, Returned(None))
    assert talk.move(updated(0, '["newer","a","b"]'), ts=13) == [
        shows("newer", "a", "b", "c"),
        settled,
    ]


def test_an_update_that_raises_at_once_runs_no_mutation() -> None:
    talk = listening()

    def broken(overlay: Overlay) -> None:
        overlay.set(0, Returned(["half done"]))
        raise KeyError("broken")

    with pytest.raises(KeyError, match="broken"):
        send(talk, "a", broken)
    assert talk.session.result_of(0) == Returned(["old"])
    assert talk.session.in_flight == (0, 0)
    assert talk.sent() == []


def test_an_update_that_raises_later_is_left_out_and_the_others_stay() -> None:
    talk = listening()
    error = KeyError("broken")

    def brittle(overlay: Overlay) -> None:
        if overlay.get(0) != Returned(["old"]):
            raise error
        overlay.set(0, Returned(["brittle"]))

    assert send(talk, "a", brittle) == [shows("brittle")]
    assert send(talk, "b") == [shows("brittle", "b")]
    changed = talk.move(updated(0, '["new"]'), ts=11)
    assert changed == [shows("new", "b"), UpdateFailed(0, error)]


def test_what_is_not_known_yet_can_be_shown_and_then_taken_back() -> None:
    talk = Conversation()
    talk.session.subscribe(LIST, {})
    talk.connect()
    assert send(talk, "a", lambda overlay: overlay.set(0, Returned(["a"]))) == [shows("a")]
    assert talk.hear(MutationFailed(0, "no", ())) == [Settled(0, Raised("no"))]
    assert talk.session.result_of(0) is None


def test_lines_that_a_function_logs_are_told_once() -> None:
    talk = listening()
    send(talk, "a")
    (changed,) = talk.move(QueryUpdated(0, value('["new"]'), ("[LOG] 'hi'",), None), ts=11)
    assert changed == QueryChanged(0, Returned(["new", "a"], ("[LOG] 'hi'",)))
    failed = talk.hear(MutationFailed(0, "no", ()))
    assert failed == [shows("new"), Settled(0, Raised("no"))]
