"""The functions of a running application, by their paths: what a call decodes, runs and encodes."""

from __future__ import annotations

import inspect
from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping
from typing import Any, cast, get_type_hints

from pydantic import create_model
from returns.result import Failure

from confect_core import Args
from confect_core.errors import TaggedError
from confect_core.protocol import EncodedValue
from confect_core.spec import (
    AnyFunction,
    BlockingActionSpec,
    DeclaredAction,
    Kind,
    ProcessActionSpec,
    Schemas,
)
from confect_core.spec.call import SchemaCall, without_pagination
from confect_core.spec.group import group_of
from confect_core.values import Value, dumps_canonical, loads
from confect_core.values.codec import Codec
from confect_server.blocking import BlockingActionCtx
from confect_server.ctx import ActionCtx, Ctx
from confect_server.db import OpenTables
from confect_server.errors import FunctionNotFound, UndeclaredError, WrongKind
from confect_server.impl import FunctionImpl, GroupImpl, Handler, Impl
from confect_server.workers import DeclaredInProcess, HandlerName, Processes, Threads

_CALLED: dict[Kind, str] = {
    "query": "Query",
    "paginated query": "Query",
    "mutation": "Mutation",
    "action": "Action",
}


class DeclaredFailure(Exception):
    """A handler failed with an error that its spec declares; `data` is what callers decode."""

    def __init__(self, error: TaggedError, data: Value) -> None:
        super().__init__(str(error))
        self.error = error
        self.data = data


class RunnableFunction(ABC):
    """One function with everything that a call of it needs."""

    def __init__(self, path: str, spec: AnyFunction, args: type[Args]) -> None:
        self.path = path
        self.kind: Kind = spec.kind
        self.called = _CALLED[self.kind]
        """The word of the protocol for this kind of function: Query, Mutation or Action."""
        self.is_public = spec.is_public
        self.timeout_s = spec.timeout_s if isinstance(spec, DeclaredAction) else None
        """How long it may run, if its spec says so."""
        self.needs_args = any(field.is_required() for field in args.model_fields.values())

    @abstractmethod
    async def run(self, ctx: Ctx[Any], args: Value, tables: OpenTables) -> Value:
        """Run the handler on encoded arguments; raises `Mismatch` and `DeclaredFailure`."""


class SpecifiedFunction(RunnableFunction):
    """A function whose spec has schemas."""

    def __init__(self, path: str, function: FunctionImpl[Any, Any, Any]) -> None:
        schemas = cast("Schemas", function.spec.contract)
        super().__init__(path, function.spec, schemas.args)
        self._handler: Any = function.handler
        self._call = SchemaCall(schemas)

    async def run(self, ctx: Ctx[Any], args: Value, tables: OpenTables) -> Value:
        try:
            result = await self._handle(ctx, args, tables)
        except TaggedError as raised:
            raise self._failure(raised) from raised
        if type(result) is Failure:  # a final class, whose metaclass makes isinstance slow
            raise self._failure(cast("Failure[TaggedError]", result).failure())
        return self._call.encode_result(result)

    async def _handle(self, ctx: Ctx[Any], args: Value, tables: OpenTables) -> object:
        if self.kind != "paginated query":
            return await self._handler(ctx, self._call.decode_args(args, tables))
        declared, options = without_pagination(args)
        return await self._handler(ctx, self._call.decode_args(declared, tables), options)

    def _failure(self, error: TaggedError) -> DeclaredFailure | UndeclaredError:
        data = self._call.encode_error(error)
        return (
            UndeclaredError(self.path, str(error)) if data is None else DeclaredFailure(error, data)
        )


class BlockingFunction(SpecifiedFunction):
    """An action whose handler blocks a thread."""

    def __init__(self, path: str, function: FunctionImpl[Any, Any, Any], threads: Threads) -> None:
        super().__init__(path, function)
        self._threads = threads

    async def _handle(self, ctx: Ctx[Any], args: Value, tables: OpenTables) -> object:
        assert isinstance(ctx, ActionCtx)
        decoded = self._call.decode_args(args, tables)
        return await self._threads.run(
            self.path, lambda bridge: self._handler(BlockingActionCtx(ctx, bridge), decoded)
        )


class ProcessFunction(SpecifiedFunction):
    """An action whose handler runs in a worker process."""

    def __init__(
        self, path: str, function: FunctionImpl[Any, Any, Any], processes: Processes
    ) -> None:
        super().__init__(path, function)
        self._processes = processes
        self._name = HandlerName.of(function)

    async def run(self, ctx: Ctx[Any], args: Value, tables: OpenTables) -> Value:
        self._call.decode_args(args, tables)  # the process does not know the tables
        encoded = EncodedValue(dumps_canonical(args))
        try:
            value = loads(await self._processes.run(self.path, self._name, encoded))
        except DeclaredInProcess as failed:
            data = loads(failed.data)
            declared = self._call.decode_error(data)
            if declared is None:
                raise UndeclaredError(self.path, failed.data.decode()) from None
            raise DeclaredFailure(declared.failure(), data) from None
        self._call.decode_result(value)  # it may have imported what was saved since
        return value


class PlainFunction(RunnableFunction):
    """A plain function, whose arguments and result are checked by its signature."""

    def __init__(self, path: str, spec: AnyFunction, handler: Handler) -> None:
        hints = get_type_hints(handler, include_extras=True)
        own = 2 if spec.kind == "paginated query" else 1  # the ctx, and the page that is asked for
        parameters = list(inspect.signature(handler).parameters.values())[own:]
        fields: dict[str, Any] = {
            each.name: (hints[each.name], ... if each.default is each.empty else each.default)
            for each in parameters
        }
        model = _model_of(path, fields)
        super().__init__(path, spec, model)
        self._handler = handler
        self._args: Codec[Args] = Codec(model, what="args")
        self._returns: Codec[Any] = Codec(hints["return"], what="returns")
        self._positional = [each.name for each in parameters if each.kind is not each.KEYWORD_ONLY]
        self._keywords = [each.name for each in parameters if each.kind is each.KEYWORD_ONLY]

    async def run(self, ctx: Ctx[Any], args: Value, tables: OpenTables) -> Value:
        leading: list[object] = [ctx]
        if self.kind == "paginated query":
            args, options = without_pagination(args)
            leading.append(options)
        decoded = self._args.decode(args, tables)
        positional = [getattr(decoded, name) for name in self._positional]
        keywords = {name: getattr(decoded, name) for name in self._keywords}
        return self._returns.encode(await self._handler(*leading, *positional, **keywords))


class Functions:
    """Every function of an application, by its path on the wire."""

    def __init__(self, functions: Mapping[str, RunnableFunction]) -> None:
        self._functions = functions

    @classmethod
    def of(cls, application: Impl[Any], threads: Threads, processes: Processes) -> Functions:
        """The functions that an application implements, and where those run that take long."""
        return cls(
            {
                function.path: function
                for group in application.groups.values()
                for function in _functions_of(group, threads, processes)
            }
        )

    def find(self, path: str, called: str, *, public_only: bool) -> RunnableFunction:
        """The function at a path, called as Query, Mutation or Action."""
        function = self._functions.get(path)
        if function is None or (public_only and not function.is_public):
            raise FunctionNotFound(path)
        if function.called != called:
            raise WrongKind(path, called, function.called)
        return function

    @property
    def public(self) -> list[RunnableFunction]:
        """The functions that clients may call."""
        return [function for function in self._functions.values() if function.is_public]

    def kind_of(self, path: str, *, public_only: bool) -> str:
        """How the function at a path is called: Query, Mutation or Action."""
        function = self._functions.get(path)
        if function is None or (public_only and not function.is_public):
            raise FunctionNotFound(path)
        return function.called


def easiest(functions: Iterable[RunnableFunction]) -> RunnableFunction | None:
    """The one to try first: a query before others, one without arguments before others."""
    return min(
        functions,
        key=lambda each: (each.kind != "query", each.needs_args, each.path),
        default=None,
    )


def _functions_of(
    group: GroupImpl[Any], threads: Threads, processes: Processes
) -> list[RunnableFunction]:
    declared = group_of(group.spec, "the implementation").functions
    specified = [
        _specified(f"{group.path}:{name}", function, threads, processes)
        for name, function in group.functions.items()
    ]
    plain = [
        PlainFunction(f"{group.path}:{name}", declared[name], handler)
        for name, handler in group.plain.items()
    ]
    return [*specified, *plain]


def _specified(
    path: str, function: FunctionImpl[Any, Any, Any], threads: Threads, processes: Processes
) -> RunnableFunction:
    if isinstance(function.spec, BlockingActionSpec):
        return BlockingFunction(path, function, threads)
    if isinstance(function.spec, ProcessActionSpec):
        return ProcessFunction(path, function, processes)
    return SpecifiedFunction(path, function)


def _model_of(path: str, fields: dict[str, Any]) -> type[Args]:
    return create_model(f"Args of {path}", __base__=Args, **fields)
