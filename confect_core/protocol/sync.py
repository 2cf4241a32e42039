"""The messages of the sync protocol, as both the server and our client see them.

One JSON object travels in each text frame. Function arguments stay the JSON tree that they arrived
as, because only the function's spec can say what they are. Results are the type variable `V`: what
the server sends is an `EncodedValue`, encoded once however many sockets it goes to; what a client
receives is a JSON tree.

Read with `sync_reading`, written with `sync_writing`.
"""

from __future__ import annotations

from typing import Generic, NamedTuple, NewType, TypeAlias, TypeVar

from confect_core.protocol.fields import JsonObject
from confect_core.protocol.path import FunctionPath
from confect_core.protocol.record import record
from confect_core.values.absent import ABSENT, Absent

V = TypeVar("V")

EncodedValue = NewType("EncodedValue", bytes)
"""A Convex value as its JSON text, ready to be spliced into a message."""


class StateVersion(NamedTuple):
    """How far a connection is: the query set, the identity, and the snapshot of all results."""

    query_set: int
    identity: int
    ts: int


INITIAL_VERSION = StateVersion(0, 0, 0)
"""Where every connection begins."""


# From the client to the server.


@record
class Connect:
    """The first message of a connection: who is calling, and what it has seen before."""

    session_id: str
    connection_count: int
    last_close_reason: str | None
    max_observed_ts: int | None = None
    client_ts_ms: int = 0


@record
class AddQuery:
    """Subscribe to a query under an id that the client chose."""

    query_id: int
    path: FunctionPath
    args: JsonObject
    journal: str | None = None
    component: str | None = None


@record
class RemoveQuery:
    """End a subscription."""

    query_id: int


@record
class ModifyQuerySet:
    """Move the set of subscribed queries from one version to the next."""

    base_version: int
    new_version: int
    modifications: tuple[AddQuery | RemoveQuery, ...]


@record
class Mutation:
    """Run a mutation."""

    request_id: int
    path: FunctionPath
    args: JsonObject
    component: str | None = None


@record
class Action:
    """Run an action."""

    request_id: int
    path: FunctionPath
    args: JsonObject
    component: str | None = None


@record
class UserToken:
    """A user's JSON web token."""

    value: str


@record
class AdminToken:
    """An administrator's key, and the user identity to act as."""

    value: str
    acting_as: JsonObject | None = None


@record
class NoToken:
    """Be nobody in particular."""


Token: TypeAlias = UserToken | AdminToken | NoToken
"""What a client shows to say who it is."""


@record
class Authenticate:
    """Change the identity of the connection."""

    base_version: int
    token: Token


@record
class Event:
    """Telemetry of the client."""

    event_type: str


ClientMessage: TypeAlias = Connect | ModifyQuerySet | Mutation | Action | Authenticate | Event
"""What a client sends."""


# From the server to the client.


@record
class QueryUpdated(Generic[V]):
    """The new result of a query."""

    query_id: int
    value: V
    log_lines: tuple[str, ...]
    journal: str | None


@record
class QueryFailed(Generic[V]):
    """A query's function failed, which is a result like any other."""

    query_id: int
    message: str
    log_lines: tuple[str, ...]
    journal: str | None
    error_data: V | Absent = ABSENT


@record
class QueryRemoved:
    """A query is no longer subscribed to."""

    query_id: int


Modification: TypeAlias = QueryUpdated[V] | QueryFailed[V] | QueryRemoved
"""What a Transition changes about one query."""


@record
class Clocks:
    """How far the client's clock is ahead of the server's, and when the server sent this."""

    client_skew_ms: int
    server_ts_ns: int


@record
class Transition(Generic[V]):
    """Move all results together from one version to another."""

    start: StateVersion
    end: StateVersion
    modifications: tuple[Modification[V], ...]
    clocks: Clocks | None = None


@record
class MutationSucceeded(Generic[V]):
    """A mutation is committed at `ts`; the Transition that shows it follows."""

    request_id: int
    result: V
    ts: int
    log_lines: tuple[str, ...]


@record
class MutationFailed(Generic[V]):
    """A mutation failed and wrote nothing."""

    request_id: int
    message: str
    log_lines: tuple[str, ...]
    error_data: V | Absent = ABSENT


@record
class ActionSucceeded(Generic[V]):
    """An action returned."""

    request_id: int
    result: V
    log_lines: tuple[str, ...]


@record
class ActionFailed(Generic[V]):
    """An action failed."""

    request_id: int
    message: str
    log_lines: tuple[str, ...]
    error_data: V | Absent = ABSENT


@record
class AuthError:
    """The identity was refused (`attempted`) or has lapsed; the connection is about to close."""

    error: str
    base_version: int
    attempted: bool


@record
class FatalError:
    """The client broke the protocol; the connection is about to close."""

    error: str


@record
class Ping:
    """A sign of life."""


Response: TypeAlias = (
    MutationSucceeded[V] | MutationFailed[V] | ActionSucceeded[V] | ActionFailed[V]
)
"""The answer to a Mutation or an Action."""

ServerMessage: TypeAlias = Transition[V] | Response[V] | AuthError | FatalError | Ping
"""What a server sends."""
