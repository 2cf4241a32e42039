"""What handlers are given: the database, the other functions, and the services they asked for.

`N` is the union of services that a handler asks for, `Db` the app's generated face of the database.
A mutation's ctx is a query's ctx that can also write, so a helper typed for queries works in both.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable, Mapping
from datetime import datetime
from random import Random
from typing import TYPE_CHECKING, Any, Generic, Never, cast
from uuid import UUID

from typing_extensions import ParamSpec, TypeVar

from confect_core import (
    ActionRef,
    MutationRef,
    PaginatedQueryRef,
    PaginationOptions,
    QueryRef,
    Ref,
)
from confect_core.spec import Kind
from confect_core.spec.call import with_pagination
from confect_core.values import Value
from confect_server.auth import Auth
from confect_server.circumstances import Circumstances
from confect_server.db import DatabaseReader, DatabaseWriter
from confect_server.engine import Transaction
from confect_server.environment import RunEnvironment, Variables
from confect_server.errors import ActionInTransaction, MutationInQuery, RefOfOtherKind
from confect_server.log import Log
from confect_server.meta import Meta
from confect_server.scheduler import Crons, Scheduler
from confect_server.services import Needs, Services
from confect_server.storage import FileReader, Files, FileStore, FileWriter

P = ParamSpec("P")
Out = TypeVar("Out")
T = TypeVar("T")
N_contra = TypeVar("N_contra", contravariant=True, default=Never)
Db_co = TypeVar("Db_co", covariant=True, bound=DatabaseReader, default=DatabaseReader)
WriterDb_co = TypeVar("WriterDb_co", covariant=True, bound=DatabaseWriter, default=DatabaseWriter)


class Calls(ABC):
    """Runs the functions that a handler calls; the runtime gives one to each ctx."""

    path = ""
    """The function that runs, or the route."""

    def __init__(self, circumstances: Circumstances) -> None:
        self.circumstances = circumstances
        """Time and chance as this run sees them."""

    @property
    @abstractmethod
    def variables(self) -> Variables:
        """The environment variables of the application."""

    @abstractmethod
    async def call(self, ref: Ref[..., Any], args: Value) -> object:
        """What the function answers, an `Outcome` where it declares errors."""

    @property
    @abstractmethod
    def files(self) -> Files:
        """The stored files of the database."""

    @abstractmethod
    async def transact(self, work: Callable[[Transaction], Awaitable[T]]) -> T:
        """What work on the database gives: in the transaction of the run, else in one of its own.

        Outside of a transaction it is durable then, and may have run several times.
        """


class Run(Calls):
    """The run of a query or of a mutation, as its ctx knows it."""

    @abstractmethod
    def meta(self) -> Meta:
        """What the run has used of its limits until now."""


class Ctx(Needs[N_contra]):
    """What every handler may use."""

    def __init__(self, services: Services, calls: Calls) -> None:
        super().__init__(services)
        self._calls = calls

    def now(self) -> datetime:
        """The time, in UTC: in a query or a mutation when it began, in an action what it is now.

        Functions that are called inside a query or a mutation began when it did, and what it
        inserts has this time as its creation time. A query that asks for the time is not run again
        because time passes; its answer is given to others for a second.
        """
        return self._calls.circumstances.now()

    @property
    def random(self) -> Random:
        """Random numbers, from a seed that each run draws anew; not for secrets.

        What a query answers by chance is given to nobody else. A mutation that is run again because
        another one was faster draws other numbers.
        """
        return self._calls.circumstances.random

    def uuid(self) -> UUID:
        """A random UUID, from the same seed as `random`; not for secrets."""
        return UUID(bytes=self.random.randbytes(16), version=4)

    @property
    def log(self) -> Log:
        """Says something, to the log of the server: `ctx.log.info("sold %s", count)`.

        In development whoever called is told, too. An attempt of a mutation that is run again has
        said nothing, and an answer that others share has been talked about once.
        """
        return Log(self._calls.circumstances.lines, self._calls.path)

    @property
    def auth(self) -> Auth:
        """Who called: `ctx.auth.identity()`."""
        return Auth(self._calls.circumstances.caller)

    @property
    def environment(self) -> RunEnvironment:
        """The settings of the application; `await Env.of(ctx)` reads them."""
        return RunEnvironment(self._calls.variables, self._calls)

    async def run_query(self, ref: QueryRef[P, Out], /, *args: P.args, **kwargs: P.kwargs) -> Out:
        """What a query answers, public or internal."""
        return cast("Out", await self._call(ref, "query", args, kwargs))

    async def run_page(
        self,
        ref: PaginatedQueryRef[P, Out],
        options: PaginationOptions,
        /,
        *args: P.args,
        **kwargs: P.kwargs,
    ) -> Out:
        """One page of a paginated query, public or internal."""
        _check_kind(ref, "paginated query")
        encoded = with_pagination(ref.call.encode_args(args, kwargs), options)
        return cast("Out", await self._calls.call(ref, encoded))

    async def _call(
        self, ref: Ref[..., Any], kind: Kind, args: tuple[Any, ...], kwargs: Mapping[str, Any]
    ) -> object:
        _check_kind(ref, kind)
        return await self._calls.call(ref, ref.call.encode_args(args, kwargs))

    if not TYPE_CHECKING:  # types refuse these calls; whoever has none is told why

        async def run_mutation(self, ref: Ref[..., Any], *_: object, **__: object) -> object:
            raise MutationInQuery(ref.path)

        async def run_action(self, ref: Ref[..., Any], *_: object, **__: object) -> object:
            raise ActionInTransaction(ref.path)


class QueryCtx(Ctx[N_contra], Generic[N_contra, Db_co]):
    """What a query is given: one snapshot of the database to read."""

    def __init__(self, db: Db_co, services: Services, run: Run) -> None:
        super().__init__(services, run)
        self._db = db
        self._run = run

    @property
    def db(self) -> Db_co:
        """The database as it was when the function began, with its own writes."""
        return self._db

    @property
    def storage(self) -> FileReader:
        """The stored files."""
        return FileReader(self._calls.files, self._calls.transact)

    @property
    def meta(self) -> Meta:
        """What this run has used of its limits until now, and what is left."""
        return self._run.meta()


class MutationCtx(QueryCtx[N_contra, WriterDb_co], Generic[N_contra, WriterDb_co]):
    """What a mutation is given: a transaction, which commits if the handler returns."""

    @property
    def storage(self) -> FileWriter:
        """The stored files; what is deleted here is so if the transaction commits."""
        return FileWriter(self._calls.files, self._calls.transact)

    async def run_mutation(
        self, ref: MutationRef[P, Out], /, *args: P.args, **kwargs: P.kwargs
    ) -> Out:
        """What a mutation answers, public or internal, run as a part of this transaction.

        If it fails, by a declared error or by raising, what it wrote is undone and nothing else:
        the caller may go on. Several at once, as in `gather`, run one after another.
        """
        return cast("Out", await self._call(ref, "mutation", args, kwargs))

    @property
    def scheduler(self) -> Scheduler:
        """Has functions run later, if this mutation commits."""
        return Scheduler(self._calls)

    @property
    def crons(self) -> Crons:
        """Has functions run again and again, if this mutation commits."""
        return Crons(self._calls)


class ActionCtx(Ctx[N_contra]):
    """What an action is given: other functions to call, each in a transaction of its own."""

    @property
    def storage(self) -> FileStore:
        """The stored files with their bytes."""
        return FileStore(self._calls.files, self._calls.transact)

    async def run_mutation(
        self, ref: MutationRef[P, Out], /, *args: P.args, **kwargs: P.kwargs
    ) -> Out:
        """What a mutation answers, once it is durable."""
        return cast("Out", await self._call(ref, "mutation", args, kwargs))

    async def run_action(self, ref: ActionRef[P, Out], /, *args: P.args, **kwargs: P.kwargs) -> Out:
        """What another action answers."""
        return cast("Out", await self._call(ref, "action", args, kwargs))

    @property
    def scheduler(self) -> Scheduler:
        """Has functions run later."""
        return Scheduler(self._calls)


def _check_kind(ref: Ref[..., Any], kind: Kind) -> None:
    if ref.spec.kind != kind:
        raise RefOfOtherKind(ref.path, kind, ref.spec.kind)
