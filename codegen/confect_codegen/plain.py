"""Plain functions: from the lambda of a spec to the function's signature.

The lambda names a symbol that the module of the spec imports for type checkers only, so that
clients, who import that module too, never load the function. Here the import is read from the
source, done, and what the function takes and answers is checked to fit its spec and to be known to
clients.
"""

from __future__ import annotations

import dis
import inspect
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Never, TypeVar, cast, get_args, get_origin, get_type_hints

from confect_codegen.discover import Project
from confect_codegen.emit.annotations import parts_of
from confect_codegen.errors import (
    BadParameter,
    NoCtx,
    NoPaginationOptions,
    NotAsync,
    PlainNotFound,
    PrivateName,
    ServerOnlyType,
    UnresolvedSignature,
    WrongCtx,
)
from confect_codegen.imports import Sources
from confect_codegen.loading import import_module
from confect_codegen.naming import Name
from confect_core import PaginationOptions
from confect_core.errors import ConfectError, Where, refuse
from confect_core.spec import AnyFunction, Borrowed, Kind
from confect_core.values.codec import Codec
from confect_server import ActionCtx, MutationCtx, PlainFunction, QueryCtx

_CTX: dict[Kind, type[Any]] = {
    "query": QueryCtx,
    "paginated query": QueryCtx,
    "mutation": MutationCtx,
    "action": ActionCtx,
}
_OWN_PARAMETERS = frozenset({"self", "returns"})
"""What `Signature`, which the generated refs call, takes itself."""

_NAMING = ("LOAD_GLOBAL", "LOAD_NAME", "LOAD_DEREF", "LOAD_ATTR")
_IDLE = ("RESUME", "NOP", "CACHE", "PUSH_NULL", "COPY_FREE_VARS", "RETURN_VALUE")


@dataclass(frozen=True)
class PlainSignature:
    """A plain function by its name, with what a call passes, what it answers and what it needs."""

    name: Name
    parameters: Mapping[str, object]
    returns: object
    services: tuple[object, ...]
    optional: frozenset[str] = frozenset()
    """The parameters that a call may leave out."""


class PlainFunctions:
    """Finds and reads the plain functions of a project."""

    def __init__(self, project: Project, sources: Sources) -> None:
        self._project = project
        self._sources = sources

    def read(self, path: str, spec: AnyFunction) -> PlainSignature:
        """The signature of one plain function; raises what is wrong with it, all together."""
        name, function = self._find(path, spec)
        where = _place(function, spec.where)
        if name.is_private:
            raise PrivateName(str(name), where)
        if not inspect.iscoroutinefunction(function):
            raise NotAsync(str(name), where)
        hints = _hints(name, function, where)
        parameters = list(inspect.signature(function).parameters.values())
        taken = 2 if spec.kind == "paginated query" else 1
        mistakes: list[ConfectError] = [
            *_ctx_mistakes(name, spec.kind, parameters, hints, where),
            *(_page_mistakes(name, parameters, hints, where) if taken == 2 else ()),
            *(each for one in parameters[taken:] for each in _parameter_mistakes(name, one, where)),
        ]
        refuse(str(name), mistakes)
        travelling = {each.name: hints[each.name] for each in parameters[taken:]}
        refuse(str(name), list(self._type_mistakes(name, travelling, hints["return"], where)))
        services = _services(hints[parameters[0].name])
        optional = frozenset(
            each.name for each in parameters[taken:] if each.default is not each.empty
        )
        return PlainSignature(name, travelling, hints["return"], services, optional)

    def _find(self, path: str, spec: AnyFunction) -> tuple[Name, Callable[..., object]]:
        like: Any = cast("Borrowed", spec.contract).like
        chain = _named_by(like)
        if not chain:
            raise PlainNotFound(path, "its lambda does more than name it", spec.where)
        name = self._resolve(like.__globals__["__name__"], chain)
        if name is None:
            problem = f"{'.'.join(chain)} is not imported where the spec is declared"
            raise PlainNotFound(path, problem, spec.where)
        found: object = import_module(self._project, name.module)
        for part in name.attribute.split("."):
            found = getattr(found, part, None)
        if not callable(found):
            raise PlainNotFound(path, f"there is no function {name}", spec.where)
        noted = PlainFunction.noted_on(found)  # without, its spec alone says what it is
        mismatch = noted and noted.mismatch(path, spec)
        if mismatch:
            raise mismatch
        return name, found

    def _resolve(self, module: str, chain: tuple[str, ...]) -> Name | None:
        for each in self._sources.imports(module, for_typing=True):
            bound = tuple(each.bound_as.split("."))
            if chain[: len(bound)] != bound:
                continue
            rest = chain[len(bound) :]
            inner = f"{each.module}.{each.attribute}"
            if each.attribute and self._project.file_of(inner) is None:
                return Name(each.module, ".".join([each.attribute, *rest]))
            if rest:
                return Name(inner if each.attribute else each.module, ".".join(rest))
        return None

    def _type_mistakes(
        self, name: Name, parameters: Mapping[str, object], returns: object, where: Where
    ) -> Iterator[ConfectError]:
        for what, annotation in (*parameters.items(), ("returns", returns)):
            codec: Codec[Any] = Codec(cast("Any", annotation), what=f"{name}: {what}")
            for mistake in codec.mistakes():
                mistake.where = where
                yield mistake
            for part in parts_of(annotation):
                module: str = getattr(part, "__module__", "")
                if self._project.owns(module) and not self._sources.is_for_clients(module):
                    shown: str = getattr(part, "__qualname__", str(part))
                    yield ServerOnlyType(str(name), shown, module, where)


def _named_by(like: Any) -> tuple[str, ...]:
    """The names of a lambda that only names something: `lambda: module.function`."""
    code = like.__code__
    steps = [step for step in dis.get_instructions(code) if step.opname not in _IDLE]
    if not steps or any(step.opname not in _NAMING for step in steps):
        return ()
    if any(step.opname != "LOAD_ATTR" for step in steps[1:]):
        return ()
    return tuple(str(step.argval) for step in steps)


def _hints(name: Name, function: Any, where: Where) -> dict[str, object]:
    try:
        hints: dict[str, object] = get_type_hints(function, include_extras=True)
    except Exception as error:
        raise UnresolvedSignature(str(name), str(error), where) from error
    if "return" not in hints:
        raise UnresolvedSignature(str(name), "it does not say what it answers", where)
    return hints


def _ctx_mistakes(
    name: Name,
    kind: Kind,
    parameters: list[inspect.Parameter],
    hints: Mapping[str, object],
    where: Where,
) -> Iterator[ConfectError]:
    given = _CTX[kind]
    if not parameters or parameters[0].name not in hints:
        yield NoCtx(str(name), given.__name__, where)
        return
    annotation = hints[parameters[0].name]
    taken = get_origin(annotation) or annotation
    if not (isinstance(taken, type) and issubclass(given, taken)):
        shown: str = getattr(taken, "__name__", str(taken))
        yield WrongCtx(str(name), kind, shown, given.__name__, where)


def _page_mistakes(
    name: Name, parameters: list[inspect.Parameter], hints: Mapping[str, object], where: Where
) -> Iterator[ConfectError]:
    if len(parameters) < 2 or hints.get(parameters[1].name) is not PaginationOptions:
        yield NoPaginationOptions(str(name), where)


def _parameter_mistakes(
    name: Name, parameter: inspect.Parameter, where: Where
) -> Iterator[ConfectError]:
    if parameter.kind in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD):
        yield BadParameter(str(name), parameter.name, "takes any number of arguments", where)
    elif parameter.annotation is parameter.empty:
        yield BadParameter(str(name), parameter.name, "has no annotation", where)
    elif parameter.name in _OWN_PARAMETERS:
        yield BadParameter(str(name), parameter.name, "has a name that refs use themselves", where)


def _services(ctx: object) -> tuple[object, ...]:
    """What the ctx offers beside the database: the `Mailer` of `QueryCtx[Mailer]`."""
    needed: object = next(iter(get_args(ctx)), Never)
    return () if needed is Never or isinstance(needed, TypeVar) else (needed,)


def _place(function: Any, otherwise: Where) -> Where:
    code = getattr(inspect.unwrap(function), "__code__", None)
    return Where(code.co_filename, code.co_firstlineno) if code else otherwise
