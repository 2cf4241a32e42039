"""The functions of a running application, by their paths: what a call decodes, runs and encodes."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, cast, get_type_hints

from pydantic import create_model
from returns.result import Failure

from confect_core import Args
from confect_core.errors import TaggedError
from confect_core.spec import AnyFunction, DeclaredAction, Group, Kind, Schemas
from confect_core.spec.call import SchemaCall, without_pagination
from confect_core.spec.declared_errors import DeclaredErrors
from confect_core.spec.group import group_of
from confect_core.values import Value
from confect_core.values.codec import Codec
from confect_server.ctx import Ctx
from confect_server.db import OpenTables
from confect_server.errors import FunctionNotFound, UndeclaredError, WrongKind
from confect_server.function_impl import Handler
from confect_server.impl import GroupImpl, Impl
from confect_server.middleware import Implementations
from confect_server.plain import arguments_of
from confect_server.runtime.handlers import Handlers
from confect_server.runtime.passage import passage
from confect_server.workers import Processes, Threads

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

    is_compared = True
    """Is it run twice where queries are?"""

    def __init__(self, path: str, spec: AnyFunction, handler: Handler, args: type[Args]) -> None:
        self.path = path
        self.kind: Kind = spec.kind
        self.called = _CALLED[self.kind]
        """The word of the protocol for this kind of function: Query, Mutation or Action."""
        self.is_public = spec.is_public
        self.timeout_s = spec.timeout_s if isinstance(spec, DeclaredAction) else None
        """How long it may run, if its spec says so."""
        self.needs_args = any(field.is_required() for field in args.model_fields.values())
        self._handler = handler

    @abstractmethod
    async def run(self, ctx: Ctx[Any], args: Value, directory: Directory) -> Value:
        """Run the handler on encoded arguments; raises `Mismatch` and `DeclaredFailure`."""


class SpecifiedFunction(RunnableFunction):
    """A function whose spec has schemas."""

    def __init__(
        self, path: str, spec: AnyFunction, handler: Handler, joined: DeclaredErrors | None = None
    ) -> None:
        schemas = cast("Schemas", spec.contract)
        super().__init__(path, spec, handler, schemas.args)
        self._call = SchemaCall(schemas, joined)

    async def run(self, ctx: Ctx[Any], args: Value, directory: Directory) -> Value:
        try:
            if self.kind == "paginated query":
                result = await self._page(ctx, args, directory)
            else:
                result = await self._handler(ctx, self._call.decode_args(args, directory))
        except TaggedError as raised:
            raise self._failure(raised) from raised
        if type(result) is Failure:  # a final class, whose metaclass makes isinstance slow
            error = cast("Failure[object]", result).failure()
            raise self._failure(error) from (error if isinstance(error, TaggedError) else None)
        return self._call.encode_result(result)

    async def _page(self, ctx: Ctx[Any], args: Value, directory: Directory) -> object:
        declared, options = without_pagination(args)
        return await self._handler(ctx, self._call.decode_args(declared, directory), options)

    def _failure(self, error: object) -> DeclaredFailure | UndeclaredError:
        data = self._call.encode_error(error) if isinstance(error, TaggedError) else None
        if isinstance(error, TaggedError) and data is not None:
            return DeclaredFailure(error, data)
        return UndeclaredError(self.path, str(error))


class SignedFunction(RunnableFunction):
    """A plain function, whose arguments and result are checked by its signature."""

    def __init__(self, path: str, spec: AnyFunction, handler: Handler) -> None:
        hints = get_type_hints(handler, include_extras=True)
        parameters = arguments_of(handler, spec.kind)
        fields: dict[str, Any] = {
            each.name: (hints[each.name], ... if each.default is each.empty else each.default)
            for each in parameters
        }
        model = _model_of(path, fields)
        super().__init__(path, spec, handler, model)
        self._args: Codec[Args] = Codec(model, what="args")
        self._returns: Codec[Any] = Codec(hints["return"], what="returns")
        self._positional = [each.name for each in parameters if each.kind is not each.KEYWORD_ONLY]
        self._keywords = [each.name for each in parameters if each.kind is each.KEYWORD_ONLY]

    async def run(self, ctx: Ctx[Any], args: Value, directory: Directory) -> Value:
        leading: list[object] = [ctx]
        if self.kind == "paginated query":
            args, options = without_pagination(args)
            leading.append(options)
        decoded = self._args.decode(args, directory)
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
        handlers = Handlers(threads, processes)
        return cls(
            {
                function.path: function
                for group in application.groups.values()
                for function in _functions_of(group, application.middleware, handlers)
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

    def kind_at(self, path: str) -> Kind | None:
        """What the function at a path is, whoever may call it."""
        function = self._functions.get(path)
        return None if function is None else function.kind

    def kind_of(self, path: str, *, public_only: bool) -> str:
        """How the function at a path is called: Query, Mutation or Action."""
        function = self._functions.get(path)
        if function is None or (public_only and not function.is_public):
            raise FunctionNotFound(path)
        return function.called


@dataclass(frozen=True)
class Directory:
    """Which table an id is of, and what the function is that a handle names."""

    tables: OpenTables
    functions: Functions

    def table_name(self, number: int) -> str | None:
        """The name of the table with this number."""
        return self.tables.table_name(number)

    def kind_at(self, path: str) -> Kind | None:
        """What the function at a path is, if there is one."""
        return self.functions.kind_at(path)


def easiest(functions: Iterable[RunnableFunction]) -> RunnableFunction | None:
    """The one to try first: a query before others, one without arguments before others."""
    return min(
        functions,
        key=lambda each: (each.kind != "query", each.needs_args, each.path),
        default=None,
    )


def _functions_of(
    group: GroupImpl[Any], middleware: Implementations, handlers: Handlers
) -> list[RunnableFunction]:
    node = group_of(group.spec, "the implementation")
    declared = node.functions
    specified: list[RunnableFunction] = [
        _specified(
            path := f"{group.path}:{name}",
            declared[name],
            handlers.of(path, function),
            node,
            middleware,
        )
        for name, function in group.functions.items()
    ]
    plain = [
        SignedFunction(f"{group.path}:{name}", declared[name], handler)
        for name, handler in group.plain.items()
    ]
    return [*specified, *plain]


def _specified(
    path: str, spec: AnyFunction, handler: Handler, group: Group, middleware: Implementations
) -> SpecifiedFunction:
    """A function with the middleware of its group and its own in front; nothing else if none."""
    chain = spec.passes(group.middleware)
    if not chain.middleware:
        return SpecifiedFunction(path, spec, handler)
    guarded = passage(path, spec, handler, middleware.of(chain))
    return SpecifiedFunction(path, spec, guarded, chain.joined)


def _model_of(path: str, fields: dict[str, Any]) -> type[Args]:
    return create_model(f"Args of {path}", __base__=Args, **fields)
