"""`BlockingActionCtx`: what a blocking action is given, whose calls block its thread."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import datetime
from random import Random
from uuid import UUID

from typing_extensions import ParamSpec, TypeVar

from confect_core import (
    ActionRef,
    MutationRef,
    PaginatedQueryRef,
    PaginationOptions,
    QueryRef,
)
from confect_server.ctx import ActionCtx, N_contra
from confect_server.log import Log
from confect_server.services import Needs
from confect_server.workers import Bridge

P = ParamSpec("P")
Out = TypeVar("Out")
T = TypeVar("T")


class BlockingActionCtx(Needs[N_contra]):
    """What a blocking action is given: the calls of an action, each of which blocks its thread.

    Services are those of the layers, and are used by several threads at once: what a layer gives to
    blocking actions has to be safe for that.
    """

    def __init__(self, ctx: ActionCtx[N_contra], bridge: Bridge) -> None:
        super().__init__(ctx.services)
        self._ctx = ctx
        self._bridge = bridge

    def provided(self, what: type[T]) -> T:
        """The value that a middleware has provided for this call, by its class."""
        return self._ctx.provided(what)

    def now(self) -> datetime:
        """The time, in UTC."""
        return self._ctx.now()

    @property
    def random(self) -> Random:
        """Random numbers from a seed that is drawn for each run; not for secrets."""
        return self._ctx.random

    @property
    def log(self) -> Log:
        """Says something, to the log of the server: `ctx.log.info("sold %s", count)`."""
        return self._ctx.log

    def uuid(self) -> UUID:
        """A random UUID, from the same seed as `random`; not for secrets."""
        return self._ctx.uuid()

    def run_query(self, ref: QueryRef[P, Out], /, *args: P.args, **kwargs: P.kwargs) -> Out:
        """What a query answers, public or internal."""
        return self._bridge.wait(lambda: self._ctx.run_query(ref, *args, **kwargs))

    def run_page(
        self,
        ref: PaginatedQueryRef[P, Out],
        options: PaginationOptions,
        /,
        *args: P.args,
        **kwargs: P.kwargs,
    ) -> Out:
        """One page of a paginated query, public or internal."""
        return self._bridge.wait(lambda: self._ctx.run_page(ref, options, *args, **kwargs))

    def run_mutation(self, ref: MutationRef[P, Out], /, *args: P.args, **kwargs: P.kwargs) -> Out:
        """What a mutation answers, once it is durable."""
        return self._bridge.wait(lambda: self._ctx.run_mutation(ref, *args, **kwargs))

    def run_action(self, ref: ActionRef[P, Out], /, *args: P.args, **kwargs: P.kwargs) -> Out:
        """What another action answers."""
        return self._bridge.wait(lambda: self._ctx.run_action(ref, *args, **kwargs))

    def wait(self, work: Callable[[ActionCtx[N_contra]], Awaitable[T]]) -> T:
        """What a piece of asynchronous work gives, done on the loop of the server.

        For services that have to be awaited, and for several calls at once.
        """
        return self._bridge.wait(lambda: work(self._ctx))

    def check(self) -> None:
        """Raise `ActionGivenUp` if nobody waits for the answer any more.

        A thread cannot be ended from outside: a handler that loops for long asks now and then.
        """
        self._bridge.check()
