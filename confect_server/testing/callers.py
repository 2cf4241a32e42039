"""Who calls a tested application: the application's own user of everything, and clients."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any, Generic, cast

from typing_extensions import ParamSpec, TypeVar

from confect_core import (
    ActionRef,
    MutationRef,
    PaginatedQueryRef,
    PaginationOptions,
    PublicActionRef,
    PublicMutationRef,
    PublicPaginatedQueryRef,
    PublicQueryRef,
    QueryRef,
)
from confect_core.spec.call import with_pagination
from confect_core.values import Json
from confect_server.auth import UserIdentity
from confect_server.ctx import MutationCtx, QueryCtx
from confect_server.observe import RunRecord
from confect_server.runtime import Backend, Caller
from confect_server.testing.entry import Entry
from confect_server.testing.given import GivenFunction
from confect_server.testing.subscription import Answers

P = ParamSpec("P")
T = TypeVar("T")
Out = TypeVar("Out")
N = TypeVar("N", default=Any)

ISSUER = "https://test.example"
"""Who vouches for the users of a test."""


class AppClient:
    """A client on the network: it calls public functions, and is told of failures as clients are.

    A declared error comes as an `Outcome`; whatever else goes wrong raises `CallFailed`.
    """

    def __init__(self, entry: Entry) -> None:
        self._entry = entry

    async def query(self, ref: PublicQueryRef[P, Out], /, *args: P.args, **kwargs: P.kwargs) -> Out:
        """What a query answers; an `Outcome` if it declares errors."""
        return cast("Out", await self._entry.query(ref, ref.call.encode_args(args, kwargs)))

    async def page(
        self,
        ref: PublicPaginatedQueryRef[P, Out],
        options: PaginationOptions,
        /,
        *args: P.args,
        **kwargs: P.kwargs,
    ) -> Out:
        """One page of a paginated query."""
        encoded = with_pagination(ref.call.encode_args(args, kwargs), options)
        return cast("Out", await self._entry.query(ref, encoded))

    async def mutation(
        self, ref: PublicMutationRef[P, Out], /, *args: P.args, **kwargs: P.kwargs
    ) -> Out:
        """What a mutation answers, once it is durable."""
        return cast("Out", await self._entry.mutation(ref, ref.call.encode_args(args, kwargs)))

    async def action(
        self, ref: PublicActionRef[P, Out], /, *args: P.args, **kwargs: P.kwargs
    ) -> Out:
        """What an action answers."""
        return cast("Out", await self._entry.action(ref, ref.call.encode_args(args, kwargs)))

    def subscribe(
        self, ref: PublicQueryRef[P, Out], /, *args: P.args, **kwargs: P.kwargs
    ) -> Answers[Out]:
        """What a query answers, now and after every change."""
        return Answers(self._entry, ref, ref.call.encode_args(args, kwargs))


class AppUser(Generic[N]):
    """Somebody who may call every function, internal ones too, and reads and writes the database.

    A declared error comes as an `Outcome`; whatever else a function raises is raised here as it
    was, with its traceback.
    """

    def __init__(self, entry: Entry) -> None:
        self._entry = entry

    async def query(self, ref: QueryRef[P, Out], /, *args: P.args, **kwargs: P.kwargs) -> Out:
        """What a query answers; an `Outcome` if it declares errors."""
        return cast("Out", await self._entry.query(ref, ref.call.encode_args(args, kwargs)))

    async def page(
        self,
        ref: PaginatedQueryRef[P, Out],
        options: PaginationOptions,
        /,
        *args: P.args,
        **kwargs: P.kwargs,
    ) -> Out:
        """One page of a paginated query."""
        encoded = with_pagination(ref.call.encode_args(args, kwargs), options)
        return cast("Out", await self._entry.query(ref, encoded))

    async def mutation(self, ref: MutationRef[P, Out], /, *args: P.args, **kwargs: P.kwargs) -> Out:
        """What a mutation answers, once it is durable."""
        return cast("Out", await self._entry.mutation(ref, ref.call.encode_args(args, kwargs)))

    async def action(self, ref: ActionRef[P, Out], /, *args: P.args, **kwargs: P.kwargs) -> Out:
        """What an action answers."""
        return cast("Out", await self._entry.action(ref, ref.call.encode_args(args, kwargs)))

    def subscribe(
        self, ref: QueryRef[P, Out], /, *args: P.args, **kwargs: P.kwargs
    ) -> Answers[Out]:
        """What a query answers, now and after every change."""
        return Answers(self._entry, ref, ref.call.encode_args(args, kwargs))

    async def run(self, work: Callable[[MutationCtx[N, Any]], Awaitable[T]]) -> T:
        """What this code returns, run as a mutation: it commits if the code returns.

        async def seed(ctx: MutationCtx) -> Id[Note]:
            return await ctx.db.notes.insert(text="hi")

        note_id = await t.run(seed)
        """
        return await self._run(GivenFunction("Mutation", work))

    async def read(self, work: Callable[[QueryCtx[N, Any]], Awaitable[T]]) -> T:
        """What this code returns, run as a query."""
        return await self._run(GivenFunction("Query", work))

    def as_user(
        self,
        identity: UserIdentity | None = None,
        *,
        subject: str = "user",
        issuer: str = ISSUER,
        **claims: Json,
    ) -> AppUser[N]:
        """The same application, called by this user: an identity, or one made of these claims.

        Claims have the names that Convex gives to them: `email`, `emailVerified`, `givenName`.
        """
        somebody = identity or UserIdentity(issuer, subject, claims)
        return AppUser(Entry(self._entry.lives, Caller(True, somebody)))

    def as_client(self) -> AppClient:
        """The same application, called from outside on behalf of the same user."""
        caller = Caller(may_call_internal=False, identity=self._entry.caller.identity)
        return AppClient(Entry(self._entry.lives, caller, is_client=True))

    async def _run(self, function: GivenFunction[T]) -> T:
        identity = self._entry.caller.identity
        life = await self._entry.lives.current()
        run = life.written if function.called == "Mutation" else life.answered
        record = RunRecord(function.path, function.called, "admin")

        def work(backend: Backend) -> Awaitable[object]:
            runner = backend.executor.runner
            lines = runner.observers.lines_told_at_once(record)
            return runner.run_outside(function, {}, identity, lines)

        await run(work)
        return function.result
