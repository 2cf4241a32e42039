"""Our client against our server, over connections that break at any moment and in any state."""

from __future__ import annotations

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from confect_client.errors import ConnectionLost
from confect_client.session.events import (
    ClientEvent,
    FunctionResult,
    IdentityConfirmed,
    QueryChanged,
    Raised,
    Returned,
    Settled,
)
from confect_client.session.session import ClientSession
from confect_core.protocol import FunctionPath, UserToken
from confect_server.runtime.outcome import Succeeded
from tests.sync_backend import ADD, DOUBLE, FAIL, GET, Backend, Socket

NAMES = st.sampled_from(["a", "b"])


class ConnectionHistories(RuleBasedStateMachine):
    """One client session, and as many server sessions as it takes.

    Frames travel one by one, and stop at a drop wherever they are. What a dropped session had begun
    to run may still end, or never.
    """

    def __init__(self) -> None:
        super().__init__()
        self.backend = Backend()
        self.client = ClientSession("9208b169-0e8a-4fa7-9341-d27c8fd3dda8")
        self.socket: Socket | None = None
        self.to_server: list[bytes] = []
        self.watched: list[tuple[int, str]] = []  # one for each subscription
        self.seen: dict[int, FunctionResult] = {}
        self.told: dict[int, FunctionResult] = {}
        self.adds: dict[int, str] = {}
        self.fails: set[int] = set()
        self.actions: set[int] = set()
        self.settled: dict[int, object] = {}
        self.who = "nobody"

    # The program that uses the client.

    @rule(name=NAMES)
    def subscribe(self, name: str) -> None:
        self.watched.append((self.client.subscribe(GET, {"name": name}), name))

    @precondition(lambda self: self.watched)
    @rule(data=st.data())
    def unsubscribe(self, data: st.DataObject) -> None:
        query_id, _ = self.watched.pop(data.draw(st.integers(0, len(self.watched) - 1)))
        self.client.unsubscribe(query_id)

    @rule(path=st.sampled_from([ADD, ADD, FAIL]), name=NAMES)
    def mutate(self, path: FunctionPath, name: str) -> None:
        request_id = self.client.mutate(path, {"name": name})
        if path == ADD:
            self.adds[request_id] = name
        else:
            self.fails.add(request_id)

    @rule()
    def act(self) -> None:
        self.actions.add(self.client.act(DOUBLE, {"x": 21}))

    @rule(who=st.sampled_from(["me", "you"]))
    def set_token(self, who: str) -> None:
        if who == self.who:
            self.client.renew_token(UserToken(who))
            return
        self.who = who
        self.seen.clear()
        self.client.set_token(UserToken(who))

    # The network.

    @precondition(lambda self: self.socket is None)
    @rule()
    def connect(self) -> None:
        self.socket = self.backend.connect()
        self.client.connected(self.backend.now_ms)

    @precondition(lambda self: self.socket is not None)
    @rule()
    def drop(self) -> None:
        self.socket = None
        self.to_server = []
        self.note(self.client.disconnected("closed with code 1006"))

    @rule(count=st.integers(1, 4))
    def frames_go_up(self, count: int) -> None:
        self.to_server += self.client.outgoing()
        for frame in self.to_server[:count]:
            assert self.socket is not None
            self.socket.receive(frame)
        del self.to_server[:count]

    @rule(count=st.integers(1, 4))
    def frames_go_down(self, count: int) -> None:
        for _ in range(count):
            if self.socket is not None and self.socket.sent:
                self.note(self.client.receive(self.socket.sent.pop(0)))

    # The server.

    @precondition(lambda self: any(socket.to_run for socket in self.backend.sockets))
    @rule(data=st.data())
    def something_is_done(self, data: st.DataObject) -> None:
        busy = [socket for socket in self.backend.sockets if socket.to_run]
        socket = busy[data.draw(st.integers(0, len(busy) - 1))]
        socket.run(data.draw(st.integers(0, len(socket.to_run) - 1)))

    @rule()
    def the_session_advances(self) -> None:
        if self.socket is not None:
            self.socket.advance()

    @rule(name=NAMES)
    def somebody_else_commits(self, name: str) -> None:
        self.backend.add(name)

    # What has to be so.

    def note(self, events: list[ClientEvent]) -> None:
        for event in events:
            match event:
                case QueryChanged():
                    self.notes_what_is_for_the_caller(event)
                case Settled():
                    assert event.request_id not in self.settled, "a request settles once"
                    self.settled[event.request_id] = event.outcome
                    self.reads_its_own_write(event)
                case IdentityConfirmed():
                    pass
                case _:
                    raise AssertionError(f"unexpected {event}")

    @property
    def shown_as(self) -> set[str]:
        """Whose results may be shown."""
        return {self.who}

    def notes_what_is_for_the_caller(self, event: QueryChanged) -> None:
        result = self.seen[event.query_id] = event.result
        if isinstance(result, Returned):
            assert isinstance(result.value, dict)
            assert result.value["who"] in self.shown_as
        if event.is_new:
            self.told[event.query_id] = result
        else:
            assert self.told[event.query_id] == result, "everybody else knows already"

    def reads_its_own_write(self, event: Settled) -> None:
        name = self.adds.get(event.request_id)
        if name is None:
            return
        assert isinstance(event.outcome, Returned)
        for query_id, watched in self.watched:
            result = self.client.result_of(query_id)
            if watched == name and result is not None:
                assert count_in(result) >= number(event.outcome.value)

    @invariant()
    def what_was_reported_is_what_is_known(self) -> None:
        for query_id, _ in self.watched:
            assert self.client.result_of(query_id) == self.seen.get(query_id)

    def teardown(self) -> None:
        if self.socket is None:
            self.connect()
        socket = self.socket
        assert socket is not None
        while True:
            frames = self.to_server + self.client.outgoing()
            self.to_server = []
            for frame in frames:
                socket.receive(frame)
            socket.settle()
            if not socket.sent:
                break
            while socket.sent:
                self.note(self.client.receive(socket.sent.pop(0)))
        self.check_requests()
        self.check_subscriptions()
        assert self.client.is_caught_up

    def check_requests(self) -> None:
        assert self.settled.keys() == self.adds.keys() | self.fails | self.actions
        for request_id in self.fails:
            assert self.settled[request_id] == Raised("it failed", {"code": 7.0})
        for request_id in self.actions:
            outcome = self.settled[request_id]
            assert outcome == Returned(42.0) or isinstance(outcome, ConnectionLost)
        committed = {request_id for _, request_id in self.backend.committed}
        assert committed == self.adds.keys()
        for name in ("a", "b"):
            counts = [
                returned_number(self.settled[request_id])
                for request_id, added in self.adds.items()
                if added == name
            ]
            assert counts == sorted(set(counts)), "in order, and each once"

    def check_subscriptions(self) -> None:
        for query_id, name in self.watched:
            outcome = self.backend.result(name, self.who, self.backend.ts)
            result = self.client.result_of(query_id)
            if isinstance(outcome, Succeeded):
                count = float(self.backend.count(name, self.backend.ts))
                assert result == Returned({"count": count, "who": self.who})
            else:
                assert isinstance(result, Raised)


def number(value: object) -> float:
    assert isinstance(value, float)
    return value


def returned_number(outcome: object) -> float:
    assert isinstance(outcome, Returned)
    return number(outcome.value)


def count_in(result: FunctionResult) -> float:
    if isinstance(result, Returned):
        assert isinstance(result.value, dict)
        return number(result.value["count"])
    return float(result.message.rsplit(" ", 1)[1])


TestConnectionHistories = ConnectionHistories.TestCase
TestConnectionHistories.settings = settings(max_examples=200, stateful_step_count=60, deadline=None)
