"""Whatever a client does, and however slowly its work is done, the session keeps its promises."""

from __future__ import annotations

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from confect_core.protocol import (
    INITIAL_VERSION,
    Action,
    ActionFailed,
    ActionSucceeded,
    AddQuery,
    Authenticate,
    ClientMessage,
    Connect,
    FunctionPath,
    ModifyQuerySet,
    Mutation,
    MutationFailed,
    MutationSucceeded,
    QueryFailed,
    QueryRemoved,
    RemoveQuery,
    Transition,
    UserToken,
    encode_client_message,
    parse_server_message,
)
from confect_core.values.wire import Json
from confect_server.runtime.outcome import Succeeded
from confect_server.transport.effects import RunQueries
from tests.sync_backend import ADD, DOUBLE, FAIL, GET, Backend

SESSION_ID = "9208b169-0e8a-4fa7-9341-d27c8fd3dda8"
NAMES = st.sampled_from(["a", "b", "c"])

Known = tuple[str, Json]


class Client:
    """What a client that checks everything makes of the frames it gets."""

    def __init__(self, backend: Backend) -> None:
        self.backend = backend
        self.version = INITIAL_VERSION
        self.names: dict[int, str] = {}  # of the queries that it subscribes to
        self.identities = {0: "nobody"}
        self.removed: list[int] = []
        self.acknowledged: list[int] = []
        self.known: dict[int, Known] = {}
        self.answered: list[int] = []
        self.reflected_ts = 0
        self.awaits_transition = False

    def hears(self, frame: bytes) -> None:
        message = parse_server_message(frame)
        match message:
            case Transition():
                self.moves(message)
            case MutationSucceeded():
                assert message.ts > self.version.ts, "a response comes before its commit is seen"
                self.reflected_ts = message.ts
                self.answers(message.request_id)
            case MutationFailed() | ActionSucceeded() | ActionFailed():
                self.answers(message.request_id)
            case _:
                raise AssertionError(f"unexpected {message}")

    def answers(self, request_id: int) -> None:
        self.answered.append(request_id)
        self.awaits_transition = True

    def moves(self, message: Transition[Json]) -> None:
        assert message.start == self.version
        assert message.end >= message.start
        assert message.end.ts >= message.start.ts
        self.version = message.end
        self.awaits_transition = False
        for modification in message.modifications:
            if isinstance(modification, QueryRemoved):
                self.acknowledged.append(modification.query_id)
                self.known.pop(modification.query_id, None)
                continue
            known: Known = (
                ("failed", modification.message[-20:])
                if isinstance(modification, QueryFailed)
                else ("updated", modification.value)
            )
            assert self.known.get(modification.query_id) != known, "an equal result is not repeated"
            self.known[modification.query_id] = known
        self.sees_one_snapshot()

    def sees_one_snapshot(self) -> None:
        who = self.identities[self.version.identity]
        for query_id, known in self.known.items():
            if query_id in self.names:
                assert known == self.expects(self.names[query_id], who, self.version.ts)

    def expects(self, name: str, who: str, ts: int) -> Known:
        outcome = self.backend.result(name, who, ts)
        if isinstance(outcome, Succeeded):
            return "updated", {"count": float(self.backend.count(name, ts)), "who": who}
        return "failed", outcome.message[-20:]


class SessionHistories(RuleBasedStateMachine):
    """One client, one session, commits from elsewhere, and work that is done in any order."""

    def __init__(self) -> None:
        super().__init__()
        self.backend = Backend()
        self.socket = self.backend.connect()
        self.client = Client(self.backend)
        self.next_query_id = 0
        self.query_set = 0
        self.identity = 0
        self.mutations: list[int] = []
        self.actions: list[int] = []
        self.says(Connect(SESSION_ID, 0, "InitialConnect", client_ts_ms=1))

    def says(self, message: ClientMessage) -> None:
        self.socket.receive(encode_client_message(message))

    def listens(self) -> None:
        while self.socket.sent:
            self.client.hears(self.socket.sent.pop(0))

    @rule(added=st.lists(NAMES, max_size=3), data=st.data())
    def modify_the_query_set(self, added: list[str], data: st.DataObject) -> None:
        there = sorted(self.client.names)
        removed = data.draw(st.sets(st.sampled_from(there), max_size=2)) if there else set[int]()
        changes: list[AddQuery | RemoveQuery] = []
        for name in added:
            self.client.names[self.next_query_id] = name
            changes.append(AddQuery(self.next_query_id, GET, {"name": name}))
            self.next_query_id += 1
        for query_id in sorted(removed):
            del self.client.names[query_id]
            self.client.removed.append(query_id)
            changes.append(RemoveQuery(query_id))
        self.query_set += 1
        self.says(ModifyQuerySet(self.query_set - 1, self.query_set, tuple(changes)))

    @rule(path=st.sampled_from([ADD, FAIL]), name=NAMES)
    def mutate(self, path: FunctionPath, name: str) -> None:
        request_id = len(self.mutations) + len(self.actions)
        self.mutations.append(request_id)
        self.says(Mutation(request_id, path, {"name": name}))

    @rule()
    def act(self) -> None:
        request_id = len(self.mutations) + len(self.actions)
        self.actions.append(request_id)
        self.says(Action(request_id, DOUBLE, {"x": 1}))

    @rule(who=st.sampled_from(["me", "you"]))
    def authenticate(self, who: str) -> None:
        self.says(Authenticate(self.identity, UserToken(who)))
        self.identity += 1
        self.client.identities[self.identity] = who

    @rule(name=NAMES)
    def somebody_else_commits(self, name: str) -> None:
        self.backend.add(name)

    @precondition(lambda self: self.socket.to_run)
    @rule(data=st.data())
    def something_is_done(self, data: st.DataObject) -> None:
        self.socket.run(data.draw(st.integers(0, len(self.socket.to_run) - 1)))

    @precondition(lambda self: any(isinstance(each, RunQueries) for each in self.socket.to_run))
    @rule()
    def the_queries_are_put_off(self) -> None:
        self.socket.put_off()

    @rule()
    def the_session_advances(self) -> None:
        self.socket.advance()

    @invariant()
    def every_frame_is_right(self) -> None:
        self.listens()
        assert self.socket.closed is None

    def teardown(self) -> None:
        self.socket.settle()
        self.listens()
        client = self.client
        assert sorted(client.answered) == sorted(self.mutations + self.actions)
        mutations = set(self.mutations)
        assert [answer for answer in client.answered if answer in mutations] == self.mutations
        assert sorted(client.acknowledged) == sorted(client.removed)
        assert (client.version.query_set, client.version.identity) == (
            self.query_set,
            self.identity,
        )
        assert client.version.ts >= client.reflected_ts
        assert not client.awaits_transition
        who = client.identities[self.identity]
        assert client.known == {
            query_id: client.expects(name, who, self.backend.ts)
            for query_id, name in client.names.items()
        }


TestSessionHistories = SessionHistories.TestCase
TestSessionHistories.settings = settings(max_examples=150, stateful_step_count=40, deadline=None)
