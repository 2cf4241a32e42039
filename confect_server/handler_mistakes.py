"""What the signatures of handlers say that type checkers would have refused.

Read once when an application starts. Annotations that cannot be read ask for nothing: they name
what they like, and type checkers look at them too.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, TypeAlias

from confect_core import Provided
from confect_core.errors import SpecError, Where
from confect_core.spec import PaginatedQuerySpec, ProcessActionSpec
from confect_core.spec.group import group_of
from confect_server.db import DatabaseReader
from confect_server.errors import (
    BadHandler,
    OtherDatabase,
    ServiceNotProvided,
    ValueNotProvided,
)
from confect_server.plain import place_of
from confect_server.services import Service, asked_of, ctx_of, needs_of

if TYPE_CHECKING:
    from confect_server.function_impl import FunctionImpl
    from confect_server.impl import GroupImpl, Impl

Handler: TypeAlias = Callable[..., object]


def handler_mistakes(application: Impl[Any]) -> list[SpecError]:
    """Everything that handlers ask for and are not given, and those that cannot be called."""
    return [
        *_without_service(application),
        *_of_another_database(application),
        *(each for group in application.groups.values() for each in _without_value(group)),
        *(
            mistake
            for path, group in application.groups.items()
            for name, function in group.functions.items()
            for mistake in _not_callable(f"{path}:{name}", function)
        ),
    ]


def _of_functions(group: GroupImpl[Any]) -> Iterator[tuple[str, Handler]]:
    for name, function in group.functions.items():
        yield name, function.handler
    yield from group.plain.items()


def _of_all(application: Impl[Any]) -> Iterator[tuple[str, Handler]]:
    for path, group in application.groups.items():
        for name, handler in _of_functions(group):
            yield f"{path}:{name}", handler
    for route in application.routes:
        yield f"{route.method} {route.path}", route.handler
    for middleware in application.middleware.given:
        yield middleware.spec.__name__, middleware.handler
    for hook in application.hooks:
        yield getattr(hook.handler, "__name__", "a hook"), hook.handler


def _without_service(application: Impl[Any]) -> list[SpecError]:
    """The services that handlers ask for and no layer provides."""
    asking: dict[type[Service], list[str]] = {}
    places: dict[type[Service], Where] = {}
    for what, handler in _of_all(application):
        for service in needs_of(handler):
            if service not in application.layers.services:
                asking.setdefault(service, []).append(what)
                places.setdefault(service, place_of(handler))
    return [
        ServiceNotProvided(service.__name__, several, places[service])
        for service, several in asking.items()
    ]


def _without_value(group: GroupImpl[Any]) -> Iterator[SpecError]:
    """The values that handlers ask for and no middleware before them provides."""
    spec = group_of(group.spec, "the implementation")
    for name, handler in _of_functions(group):
        provided = spec.functions[name].passes(spec.middleware).provided
        for asked in asked_of(handler):
            if issubclass(asked, Provided) and asked not in provided:
                path = f"{group.path}:{name}"
                yield ValueNotProvided(path, asked.__name__, place_of(handler))


def _of_another_database(application: Impl[Any]) -> Iterator[SpecError]:
    """The handlers that are typed by tables which the application does not have."""
    model = application.data_model
    for what, handler in _of_all(application):
        wanted = ctx_of(handler)[1:]
        for each in wanted:
            if (
                isinstance(each, type)
                and issubclass(each, DatabaseReader)
                and not issubclass(model.reader, each)
                and not issubclass(model.writer, each)
            ):
                yield OtherDatabase(what, each.__module__, place_of(handler))


def _not_callable(path: str, function: FunctionImpl[Any, Any, Any]) -> Iterator[SpecError]:
    """What is wrong with the parameters of a handler."""
    given = ("args",) if isinstance(function.spec, ProcessActionSpec) else ("ctx", "args")
    if isinstance(function.spec, PaginatedQuerySpec):
        given = (*given, "options")
    problem = _unfit(function.handler, given)
    if problem:
        yield BadHandler(path, ", ".join(given), problem, function.where)


def _unfit(function: Handler, given: Sequence[str]) -> str | None:
    """Why a function cannot be called with these by position, if it cannot."""
    try:
        inspect.signature(function).bind(*given)
    except TypeError as error:
        return str(error)
    except ValueError:  # what has no signature is called and seen
        return None
    return None
