"""Whatever a client does, and however slowly its work is done, the session keeps its promises.

The client is a whole one: it loses its socket and comes back on another one, sends again what it
has no end of, and fails its actions, as the official ones do. `Judge` checks every frame.
"""

from __future__ import annotations

import json

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from confect_core.protocol import (
    Action,
    AddQuery,
    Authenticate,
    ClientMessage,
    Connect,
    FunctionPath,
    ModifyQuerySet,
    Mutation,
    RemoveQuery,
    UserToken,
    encode_client_message,
)
from confect_server.runtime.outcome import Failed, Succeeded
from confect_server.transport.sync.effects import (
    INTERNAL_ERROR,
    RESTARTING,
    Close,
    RunMutation,
    RunQueries,
)
from tests.sync_backend import ADD, DOUBLE, FAIL, GET, Backend
from tests.sync_judge import Frame, Judge, ts_of

SESSION_ID = "9208b169-0e8a-4fa7-9341-d27c8fd3dda8"
NAMES = st.sampled_from(["a", "b", "c"])
BUSY = Close(1013, "Busy")


class Client:
    """A client of one session, on one socket after another."""

    def __init__(self, backend: Backend) -> None:
        self.backend = backend
        self.names: dict[int, str] = {}  # of the queries that it subscribes to
        self.who = "nobody"
        self.unfinished: dict[int, Mutation] = {}
        self.answers: dict[int, Frame] = {}  # of the mutations, the first of each
        self.actions: set[int] = set()
        self.added = 0
        self.connections = 0
        self.next_query_id = 0
        self.next_request_id = 0
        self.connect()

    def connect(self) -> None:
        """Begin anew on a socket of its own: with everything that it still wants."""
        self.socket = self.backend.connect()
        self.judge = Judge()
        self.is_draining = False
        self.query_set = self.identity = 0
        self.identities = {0: "nobody"}
        self.actions.clear()
        self.say(Connect(SESSION_ID, self.connections, "InitialConnect", client_ts_ms=1))
        self.connections += 1
        if self.who != "nobody":
            self.authenticate(self.who)
        self.modify([AddQuery(each, GET, {"name": name}) for each, name in self.names.items()])
        for mutation in self.unfinished.values():
            self.judge.mutates(mutation.request_id, again=True)
            self.say(mutation)

    def say(self, message: ClientMessage) -> None:
        self.socket.receive(encode_client_message(message))

    def modify(self, changes: list[AddQuery | RemoveQuery]) -> None:
        if not self.is_draining:
            self.judge.adds(*[each.query_id for each in changes if isinstance(each, AddQuery)])
            gone = [each.query_id for each in changes if isinstance(each, RemoveQuery)]
            self.judge.removes(*gone)
        self.query_set += 1
        self.say(ModifyQuerySet(self.query_set - 1, self.query_set, tuple(changes)))

    def authenticate(self, who: str) -> None:
        self.who = who
        self.say(Authenticate(self.identity, UserToken(who)))
        self.identity += 1
        self.identities[self.identity] = who

    def mutate(self, path: FunctionPath, name: str) -> None:
        mutation = Mutation(self.next_request_id, path, {"name": name})
        self.next_request_id += 1
        self.added += path == ADD
        self.unfinished[mutation.request_id] = mutation
        if not self.is_draining:
            self.judge.mutates(mutation.request_id)
        self.say(mutation)

    def act(self) -> None:
        if not self.is_draining:
            self.actions.add(self.next_request_id)
            self.judge.acts(self.next_request_id)
        self.say(Action(self.next_request_id, DOUBLE, {"x": 1}))
        self.next_request_id += 1

    def listen(self) -> None:
        while self.socket.sent:
            frame = self.judge.hears(self.socket.sent.pop(0))
            assert frame is not None
            self.understand(frame)

    def understand(self, frame: Frame) -> None:
        match frame["type"]:
            case "Transition":
                self.forget_what_is_shown()
                self.see_one_snapshot()
            case "MutationResponse":
                first = self.answers.setdefault(frame["requestId"], frame)
                assert first == frame, "a mutation is answered as it was when it happened"
                if not frame["success"]:
                    del self.unfinished[frame["requestId"]]
            case "ActionResponse":
                self.actions.remove(frame["requestId"])
            case _:
                raise AssertionError(f"unexpected {frame}")

    def forget_what_is_shown(self) -> None:
        shown_ts = ts_of(self.judge.version["ts"])
        for request_id in list(self.unfinished):
            answer = self.answers.get(request_id)
            if answer is not None and ts_of(answer["ts"]) <= shown_ts:
                del self.unfinished[request_id]

    def see_one_snapshot(self) -> None:
        who = self.identities[self.judge.version["identity"]]
        ts = ts_of(self.judge.version["ts"])
        for query_id, result in self.judge.results.items():
            if query_id in self.names:
                assert result == self.expects(self.names[query_id], who, ts)

    def expects(self, name: str, who: str, ts: int) -> object:
        outcome = self.backend.result(name, who, ts)
        if isinstance(outcome, Succeeded):
            return "updated", json.dumps({"count": float(self.backend.count(name, ts)), "who": who})
        return "failed", outcome.message.split("] ", 1)[1]


class SessionHistories(RuleBasedStateMachine):
    """One client, sessions, commits from elsewhere, and work that is done in any order."""

    def __init__(self) -> None:
        super().__init__()
        self.backend = Backend()
        self.client = Client(self.backend)
        self.elsewhere = 0

    @rule(added=st.lists(NAMES, max_size=3), data=st.data())
    def modify_the_query_set(self, added: list[str], data: st.DataObject) -> None:
        client = self.client
        there = sorted(client.names)
        removed = data.draw(st.sets(st.sampled_from(there), max_size=2)) if there else set[int]()
        changes: list[AddQuery | RemoveQuery] = []
        for name in added:
            client.names[client.next_query_id] = name
            changes.append(AddQuery(client.next_query_id, GET, {"name": name}))
            client.next_query_id += 1
        for query_id in sorted(removed):
            del client.names[query_id]
            changes.append(RemoveQuery(query_id))
        client.modify(changes)

    @rule(path=st.sampled_from([ADD, FAIL]), name=NAMES)
    def mutate(self, path: FunctionPath, name: str) -> None:
        self.client.mutate(path, name)

    @rule()
    def act(self) -> None:
        self.client.act()

    @rule(who=st.sampled_from(["me", "you"]))
    def authenticate(self, who: str) -> None:
        self.client.authenticate(who)

    @rule(name=NAMES)
    def somebody_else_commits(self, name: str) -> None:
        self.backend.add(name)
        self.elsewhere += 1

    @precondition(lambda self: self.client.socket.to_run)
    @rule(data=st.data())
    def something_is_done(self, data: st.DataObject) -> None:
        socket = self.client.socket
        socket.run(data.draw(st.integers(0, len(socket.to_run) - 1)))

    @precondition(lambda self: self.waits(RunQueries))
    @rule()
    def the_queries_are_put_off(self) -> None:
        self.client.socket.put_off()

    @rule()
    def the_session_advances(self) -> None:
        self.client.socket.advance()

    @rule()
    def the_session_answers_one_query_alone(self) -> None:
        self.client.socket.answer_alone()

    @rule(is_done=st.booleans())
    def the_connection_is_lost(self, is_done: bool) -> None:
        """Before or after what ran for it was committed."""
        socket = self.client.socket
        while is_done and socket.to_run:
            socket.lose()
        self.backend.sockets.remove(socket)
        self.client.connect()

    @precondition(lambda self: self.waits(RunMutation))
    @rule(is_unsure=st.booleans(), is_done=st.booleans())
    def the_database_fails(self, is_unsure: bool, is_done: bool) -> None:
        """And nobody can say whether the mutation happened, or it did not."""
        socket = self.client.socket
        [running] = [each for each in socket.to_run if isinstance(each, RunMutation)]
        if is_unsure and is_done and running.request.path == ADD:
            self.backend.committed_once(running)
        failed = Failed("no", unavailable=None if is_unsure else "Busy", is_unsure=is_unsure)
        socket.perform(socket.session.mutation_failed(running.request.request_id, failed))

    @precondition(lambda self: not self.client.is_draining)
    @rule()
    def the_server_stops(self) -> None:
        self.client.is_draining = True
        self.client.socket.drain()

    def waits(self, kind: type) -> bool:
        return any(isinstance(each, kind) for each in self.client.socket.to_run)

    @invariant()
    def every_frame_is_right(self) -> None:
        client = self.client
        client.listen()
        closed = client.socket.closed
        if closed is None:
            return
        client.judge.hears_close(closed.code, closed.reason)
        assert closed in (RESTARTING, INTERNAL_ERROR, BUSY)
        if closed is RESTARTING:
            client.judge.is_satisfied()
            assert client.actions == set()
        self.backend.sockets.remove(client.socket)
        client.connect()

    def teardown(self) -> None:
        client = self.client
        client.socket.settle()
        self.every_frame_is_right()
        client.socket.settle()  # of the next one, if the server has stopped
        client.listen()
        assert client.socket.closed is None
        client.judge.is_satisfied()
        assert client.unfinished == {}
        assert client.actions == set()
        version = client.judge.version
        assert (version["querySet"], version["identity"]) == (client.query_set, client.identity)
        who = client.identities[client.identity]
        assert client.judge.results == {
            query_id: client.expects(name, who, self.backend.ts)
            for query_id, name in client.names.items()
        }
        happened = sum(map(len, self.backend.history.values()))
        assert happened == client.added + self.elsewhere, "every mutation happens once"


TestSessionHistories = SessionHistories.TestCase
TestSessionHistories.settings = settings(max_examples=200, stateful_step_count=40, deadline=None)
