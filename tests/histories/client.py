"""A client that makes a history: it asks, watches, loses its connection, comes back, gives up.

It speaks the protocol frame by frame, so that it knows the timestamp of everything. What it has
sent and got no answer to it sends again, as official clients do, unless it begins a new session:
then nobody tells it how that ended.
"""

from __future__ import annotations

from base64 import b64decode, b64encode
from dataclasses import dataclass, field
from random import Random
from typing import Protocol, cast
from uuid import uuid4

from anyio import EndOfStream
from websockets.exceptions import ConnectionClosed, InvalidHandshake

from tests.histories.history import Append, Balances, History, Outcome, Read, Transaction, Transfer
from tests.sync_socket import Frame, SyncSocket, sync_socket

GONE = (ConnectionClosed, InvalidHandshake, OSError, EndOfStream)
"""What is raised when a connection ends, or does not begin."""

_OPENING = 100


@dataclass(frozen=True, slots=True)
class Data:
    """The lists and accounts of one history, which has them for itself."""

    keys: tuple[str, ...]
    accounts: tuple[str, ...]

    @classmethod
    def of(cls, number: int) -> Data:
        """Both kinds of lists, and a bank."""
        keys = (f"d0-{number}", f"d1-{number}", f"r0-{number}", f"r1-{number}")
        return cls(keys, tuple(f"{name}-{number}" for name in "xyz"))

    @property
    def watched(self) -> list[tuple[int, str, tuple[str, ...]]]:
        """The queries of a client: everything, in parts that only the same snapshot makes whole."""
        return [
            (0, "lists:show", self.keys[::2]),
            (1, "lists:show", self.keys[1::2]),
            (2, "bank:show", self.accounts[:1]),
            (3, "bank:show", self.accounts[1:]),
        ]


@dataclass(slots=True)
class Habits:
    """How a client behaves, in probabilities for each thing that it hears."""

    mutations: int = 8
    in_flight: int = 3
    loses_connection: float = 0.05
    gives_up: float = 0.3
    """Does it begin a new session when it has lost its connection?"""


@dataclass(slots=True)
class Pending:
    """A mutation without an answer."""

    path: str
    args: Frame
    record: Transaction | Transfer


class Served(Protocol):
    """A server that clients come to, and come back to."""

    @property
    def url(self) -> str:
        """Where it is, whenever it is there."""
        ...

    async def wait_served(self) -> None:
        """Return once it is there."""
        ...


@dataclass(frozen=True, slots=True)
class Steady:
    """A server that is there all the time."""

    url: str

    async def wait_served(self) -> None:
        """Return at once."""


@dataclass(slots=True)
class Client:
    """One client of a history; everything that it does and sees goes into it."""

    name: str
    history: History
    data: Data
    chooser: Random
    habits: Habits = field(default_factory=Habits)
    _session: str = field(default_factory=lambda: str(uuid4()))
    _requests: int = 0
    _sent: int = 0
    _seen: int = 0
    _connections: int = 0
    _newest_ts: int = 0
    _owed_ts: int = 0
    _pending: dict[int, Pending] = field(default_factory=dict[int, Pending])
    _shown: dict[int, list[object] | None] = field(default_factory=dict[int, list[object] | None])

    async def run(self, server: Served) -> None:
        """Do all that there is to do, over as many connections as it takes."""
        while not self._is_done:
            await server.wait_served()
            try:
                async with sync_socket(server.url, connects=False) as socket:
                    await self._converse(socket)
            except GONE:
                pass
            self._connections += 1
            if not self._is_done and self.chooser.random() < self.habits.gives_up:
                self._begin_anew()

    async def open_bank(self, url: str) -> None:
        """Open the accounts, before anything else happens."""
        async with sync_socket(url) as socket:
            names = list(self.data.accounts)
            await socket.mutate(0, "bank:open", names=names, amount=_OPENING)
            await socket.hear_until("MutationResponse", success=True)
        self.history.opening = dict.fromkeys(names, _OPENING)

    @property
    def _is_done(self) -> bool:
        is_answered = self._sent >= self.habits.mutations and not self._pending
        return is_answered and len(self._shown) == 4 and self._newest_ts >= self._owed_ts

    def _begin_anew(self) -> None:
        self._session = str(uuid4())
        self._pending = {}
        self._connections = 0

    async def _converse(self, socket: SyncSocket) -> None:
        await self._connect(socket)
        await self._send_more(socket)
        while not self._is_done:
            if self.chooser.random() < self.habits.loses_connection:
                socket.vanish()
                return
            self._take(await socket.hear())
            await self._send_more(socket)

    async def _connect(self, socket: SyncSocket) -> None:
        self._shown = {}
        observed = self._newest_ts.to_bytes(8, "little") if self._newest_ts else None
        await socket.say(
            "Connect",
            sessionId=self._session,
            connectionCount=self._connections,
            lastCloseReason="InitialConnect" if not self._connections else "lost",
            **({"maxObservedTimestamp": _text(observed)} if observed else {}),
        )
        added = [
            {"type": "Add", "queryId": number, "udfPath": path, "args": [{"keys": list(keys)}]}
            for number, path, keys in self.data.watched
        ]
        await socket.modify(*added)
        for request_id, pending in self._pending.items():
            await socket.mutate(request_id, pending.path, **pending.args)

    async def _send_more(self, socket: SyncSocket) -> None:
        while self._sent < self.habits.mutations and len(self._pending) < self.habits.in_flight:
            self._sent += 1
            request_id, self._requests = self._requests, self._requests + 1
            pending = self._transfer() if self.chooser.random() < 0.25 else self._transaction()
            self._pending[request_id] = pending
            await socket.mutate(request_id, pending.path, **pending.args)

    def _transfer(self) -> Pending:
        source, target = self.chooser.sample(self.data.accounts, 2)
        amount = self.chooser.randint(1, 9)
        record = Transfer(f"{self.name} mutation {self._sent}", source, target, amount)
        self.history.transfers.append(record)
        args: Frame = {"source": source, "target": target, "amount": float(amount)}
        return Pending("bank:transfer", args, record)

    def _transaction(self) -> Pending:
        steps: list[str] = []
        appends: list[Append] = []
        for at in range(self.chooser.randint(1, 4)):
            key = self.chooser.choice(self.data.keys)
            if self.chooser.random() < 0.5:
                element = self._element(at)
                appends.append(Append(key, element))
                steps.append(f"append {key} {element}")
            else:
                steps.append(f"read {key}")
        if self.chooser.random() < 0.1:
            steps.append("fail")
        name = f"{self.name} mutation {self._sent}"
        record = Transaction(name, self.name, appends, began=self.history.moment())
        self.history.transactions.append(record)
        return Pending("lists:run", {"steps": steps}, record)

    def _element(self, at: int) -> int:
        """No other append of the history has it: a client's number, its mutation, the step."""
        return int(self.name.split()[-1]) * 10_000 + self._sent * 10 + at

    def _take(self, frame: Frame) -> None:
        if frame["type"] == "MutationResponse":
            self._answered(frame)
        elif frame["type"] == "Transition":
            self._shown_to(frame)
        else:
            assert frame["type"] == "Ping", frame

    def _answered(self, frame: Frame) -> None:
        pending = self._pending.pop(frame["requestId"])
        record = pending.record
        record.outcome = _outcome_of(frame)
        if not _is_expected(frame):
            self.history.complaints.append(f"{record.name} is answered {frame}")
        ts = _ts_of(frame["ts"]) if frame["success"] else 0
        self._owed_ts = max(self._owed_ts, ts)
        if isinstance(record, Transaction):
            record.ended = self.history.moment()
            if frame["success"]:
                record.ts = ts
                record.steps = _steps_of(pending.args["steps"], frame["result"])

    def _shown_to(self, frame: Frame) -> None:
        """A Transition came: what is shown now is the database at its end."""
        ts = _ts_of(frame["endVersion"]["ts"])
        assert ts >= self._newest_ts, "a client is never led back"
        self._newest_ts = ts
        for change in frame["modifications"]:
            self._shown[change["queryId"]] = change.get("value")
            if change["type"] != "QueryUpdated":
                self.history.complaints.append(f"{self.name} is shown {change}")
        if len(self._shown) < 4 or None in self._shown.values():
            return
        self._seen += 1
        name = f"{self.name} sight {self._seen}"
        values = {
            key: value
            for number, _, keys in self.data.watched
            for key, value in zip(keys, self._shown[number] or (), strict=True)
        }
        reads = [Read(key, _elements(values[key])) for key in self.data.keys]
        seen = Transaction(name, self.name, reads, Outcome.OK, ts=ts)
        self.history.transactions.append(seen)
        amounts = {name: _number(values[name]) for name in self.data.accounts}
        self.history.balances.append(Balances(name, amounts))


async def look(history: History, data: Data, url: str) -> None:
    """See what all that led to, as the last one.

    It writes something first: a server learns then of the commits of other processes.
    """
    began = history.moment()
    last = Client("last 0", history, data, Random(0), Habits(1, loses_connection=0))
    await last.run(Steady(url))
    if not history.complaints:
        seen = history.transactions[-1]
        assert seen.name.startswith("last 0 sight")
        seen.began, seen.ended = began, history.moment()


def _outcome_of(frame: Frame) -> Outcome:
    if frame["success"]:
        return Outcome.OK
    if "OutcomeUnknown" in frame["result"]:
        return Outcome.UNKNOWN
    return Outcome.FAILED


def _is_expected(frame: Frame) -> bool:
    """A mutation may fail as it was asked to, or because too many others were faster."""
    tags = ("OutcomeUnknown", "TooManyConflicts")
    return frame["success"] or "errorData" in frame or any(tag in frame["result"] for tag in tags)


def _steps_of(steps: list[str], results: list[object]) -> list[Append | Read]:
    found = iter(results)
    done: list[Append | Read] = []
    for words in (step.split() for step in steps):
        if words[0] == "append":
            done.append(Append(words[1], int(words[2])))
        else:
            done.append(Read(words[1], _elements(next(found))))
    return done


def _elements(value: object) -> tuple[int, ...]:
    return tuple(_number(each) for each in cast("list[object]", value))


def _number(value: object) -> int:
    assert isinstance(value, int | float)
    return int(value)


def _ts_of(text: str) -> int:
    return int.from_bytes(b64decode(text, validate=True), "little")


def _text(ts: bytes) -> str:
    return b64encode(ts).decode()
