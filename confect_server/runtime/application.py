"""`Application`: an implementation that runs, and what its functions are given."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

from confect_server.ctx import ActionCtx, MutationCtx, QueryCtx
from confect_server.db import DataModel, OpenTables
from confect_server.engine import Transaction
from confect_server.environment import Variables
from confect_server.hooks import WatchedTables
from confect_server.http import Mounts, Routes
from confect_server.impl import Impl
from confect_server.runtime.calls import CallsOfAction, TransactionRun
from confect_server.runtime.functions import Directory, Functions
from confect_server.runtime.token_check import TokenCheck
from confect_server.runtime.version import Use
from confect_server.runtime.watched_writes import WatchedWrites
from confect_server.services import Services


@dataclass(frozen=True)
class Application:
    """An implementation with its services open and its tables found in a database."""

    impl: Impl[Any]
    functions: Functions
    tables: OpenTables
    services: Services
    routes: Routes
    mounts: Mounts
    use: Use
    watched: WatchedTables
    tokens: TokenCheck
    variables: Variables

    @cached_property
    def data_model(self) -> DataModel:
        """Its tables, and the classes that read and write them."""
        return self.impl.data_model

    @cached_property
    def directory(self) -> Directory:
        """What decoding arguments asks about ids and handles."""
        return Directory(self.tables, self.functions)

    @cached_property
    def _is_watched(self) -> bool:
        return bool(self.watched)

    def query_ctx(self, run: TransactionRun) -> QueryCtx[Any, Any]:
        """What a query is given."""
        reader = self.data_model.reader(run.transaction, self.tables, run.paging)
        return QueryCtx(reader, self.services, run)

    def mutation_ctx(self, run: TransactionRun) -> MutationCtx[Any, Any]:
        """What a mutation is given."""
        if self._is_watched:
            return self._watched_ctx(run)
        writer = self.data_model.writer(run.transaction, self.tables, run.paging)
        return MutationCtx(writer, self.services, run)

    def action_ctx(self, calls: CallsOfAction) -> ActionCtx[Any]:
        """What an action is given, and the handler of a route."""
        return ActionCtx(self.services, calls)

    def _watched_ctx(
        self, run: TransactionRun, hooks: tuple[str, ...] = ()
    ) -> MutationCtx[Any, Any]:
        """What a mutation is given whose writes run hooks, or a hook that is inside of others."""

        def enter(part: Transaction, around: tuple[str, ...]) -> MutationCtx[Any, Any]:
            return self._watched_ctx(run.inside(part), around)

        writer = self.data_model.writer(run.transaction, self.tables, run.paging)
        writer._watched = WatchedWrites(run.transaction, self.watched, enter, hooks)
        return MutationCtx(writer, self.services, run)
