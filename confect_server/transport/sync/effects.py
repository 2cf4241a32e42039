"""What a sync session asks of its driver."""

from __future__ import annotations

from typing import Generic, TypeAlias, TypeVar

from confect_core.protocol import Action, AddQuery, Mutation, Token
from confect_core.protocol.record import record

I = TypeVar("I")  # noqa: E741  # the identity, of whatever type the driver gives it


@record
class Send:
    """Send a text frame."""

    frame: bytes


@record
class QueryToRun:
    """A subscribed query (the same record each time) and the journal of its last run."""

    query: AddQuery
    journal: str | None


@record
class RunQueries(Generic[I]):
    """Run the queries at exactly `ts`, subscribe to what they read, answer with `queries_ran`."""

    ts: int
    queries: tuple[QueryToRun, ...]
    identity: I


@record
class RunMutation(Generic[I]):
    """Run a mutation; answer with `mutation_committed` or `mutation_failed`.

    `(session_id, request.request_id)` names the mutation across reconnects. It waits under the
    identity of the moment at which it came; if that has lapsed when its turn comes, `expire`.
    """

    request: Mutation
    session_id: str
    identity: I
    lapses_at_ms: int | None = None


@record
class RunAction(Generic[I]):
    """Run an action beside everything else; answer with `action_finished`."""

    request: Action
    session_id: str
    identity: I


@record
class Drop:
    """Release the subscriptions of these queries, and forget their runs."""

    query_ids: tuple[int, ...]


@record
class Verify:
    """Check a token; answer with `authenticated` or `auth_failed`."""

    token: Token


@record
class Close:
    """Close the socket, without a status if `code` is None. Nothing follows it."""

    code: int | None = None
    reason: str = ""


Effect: TypeAlias = Send | RunQueries[I] | RunMutation[I] | RunAction[I] | Drop | Verify | Close
"""Anything that a session asks for."""

INTERNAL_ERROR = Close(1011, "InternalServerError")
"""A defect on this side; clients come back after a second."""

RESTARTING = Close(1012, "ServerRestarting")
"""This server stops, and all that it was told has been answered; clients go to another one."""

SLOW_READER = Close(1013, "SlowReader")
"""The client does not take what it is sent; it comes back and is sent what is new then."""

PROVIDERS_CHANGED = Close(1012, "AuthProvidersChanged")
"""Another version of the application trusts others; clients come back and show their token."""

TOO_MANY_MUTATIONS = Close(1013, "TooManyConcurrentMutations")
"""More mutations wait than a socket may queue."""

TOO_MANY_ACTIONS = Close(1013, "TooManyConcurrentActions")
"""More actions run than a socket may start."""

TOO_MANY_BYTES = Close(1013, "TooManyConcurrentRequests")
"""What waits for a socket takes more memory than it may."""

CLIENT_SILENT = Close(1001, "ClientSilent")
"""Nothing was heard from the client for too long."""
