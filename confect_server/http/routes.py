"""`Route`: what answers requests at one path, or at every path below one; `Routes` finds it."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Coroutine, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Generic, Literal, Never, TypeAlias, overload

from starlette.requests import Request
from starlette.responses import Response
from typing_extensions import TypeVar

from confect_core.errors import SpecError, TaggedError, Where
from confect_core.tables import TableDirectory
from confect_server.ctx import ActionCtx
from confect_server.http.errors import BadRoutePath, DuplicateRoute
from confect_server.http.json import error_json

N = TypeVar("N")
N_co = TypeVar("N_co", covariant=True, default=Never)

Method: TypeAlias = Literal["GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]

Answer: TypeAlias = Callable[
    [ActionCtx[Any], Request, TableDirectory], Coroutine[Any, Any, Response]
]
"""Answers a request; the directory is what ids and handles in it are checked against."""

_OWN = ("/api/", "/version", "/healthz", "/readyz", "/metrics")
_PARAMETER = re.compile(r"\{([A-Za-z_][A-Za-z0-9_]*)\}")


@dataclass(frozen=True, eq=False)
class Route(Generic[N_co]):
    """What answers the requests of one method at a path, or at every path that begins with it.

    A segment in braces, as in `/notes/{note_id}`, stands for any one segment. `N` is the union of
    services that the handler asks for.
    """

    method: Method
    path: str
    is_prefix: bool
    answer: Answer
    handler: Callable[..., Awaitable[object]]
    """The function that was given for it, around which `answer` is made."""
    where: Where

    def params_in(self, path: str) -> Mapping[str, str]:
        """What one of its paths gives for each name in braces."""
        return (_params(self.path, path) or {}) if "{" in self.path else {}

    def _needs(self) -> N_co:
        # never called: it is how type checkers learn which services the handler asks for
        raise NotImplementedError


@overload
def route(
    method: Method, path: str, /
) -> Callable[[Callable[[ActionCtx[N], Request], Awaitable[Response]]], Route[N]]: ...
@overload
def route(
    method: Method, /, *, prefix: str
) -> Callable[[Callable[[ActionCtx[N], Request], Awaitable[Response]]], Route[N]]: ...
def route(method: Method, path: str = "", /, *, prefix: str | None = None) -> Any:
    """Answer the requests of one method at a path, or with `prefix` at every path below it.

    A handler is an action: it calls queries and mutations through its ctx. GET answers HEAD too.
    What the path names in braces is in `request.path_params`. A `TaggedError` that it raises is
    answered with its `http_status`, if it has one. Pages of other origins may read the answer only
    if the handler says so in its headers.

    @route("POST", "/hooks/github")
    async def github(ctx: ActionCtx[Github], request: Request) -> Response: ...
    """
    where = Where.of_caller()

    def implement(handler: Callable[[ActionCtx[Any], Request], Awaitable[Response]]) -> Route[Any]:
        async def answer(
            ctx: ActionCtx[Any], request: Request, _tables: TableDirectory
        ) -> Response:
            try:
                return await handler(ctx, request)
            except TaggedError as raised:
                if raised.http_status is None:
                    raise
                body = error_json(raised)
                return Response(body, raised.http_status, media_type="application/json")

        return Route(method, prefix or path, prefix is not None, answer, handler, where)

    return implement


class Routes:
    """The routes of an application."""

    def __init__(self, routes: Iterable[Route[Any]] = ()) -> None:
        self._exact: dict[str, dict[str, Route[Any]]] = {}
        self._patterns: dict[str, dict[str, Route[Any]]] = {}
        self._below: dict[str, dict[str, Route[Any]]] = {}
        self.mistakes: list[SpecError] = []
        """Everything in the routes that cannot be."""
        for each in routes:
            self._add(each)
        self._prefixes = sorted(self._below, key=len, reverse=True)
        self._by_length: dict[int, list[str]] = {}
        for pattern in sorted(self._patterns, key=_is_open, reverse=True):
            self._by_length.setdefault(pattern.count("/"), []).append(pattern)

    def find(self, method: str, path: str) -> Route[Any] | None:
        """The route of a request: that of its very path, or else of the longest prefix.

        Between the two are the paths with braces, those first that are literal for longer.
        """
        wanted = "GET" if method == "HEAD" else method
        return self._at(path).get(wanted)

    def methods_at(self, path: str) -> tuple[str, ...]:
        """The methods that are answered at a path, none if it has no route."""
        return tuple(self._at(path))

    def _at(self, path: str) -> dict[str, Route[Any]]:
        """What is at a path, by method: a closer one hides the others, method by method."""
        exact = self._exact.get(path)
        if exact is not None and not self._prefixes and not self._patterns:
            return exact
        found: dict[str, Route[Any]] = {}
        for prefix in reversed(self._prefixes):
            if path.startswith(prefix):
                found.update(self._below[prefix])
        for pattern in self._by_length.get(path.count("/"), ()):
            if _params(pattern, path) is not None:
                found.update(self._patterns[pattern])
        return {**found, **(exact or {})}

    def _add(self, route: Route[Any]) -> None:
        problem = _problem_of(route)
        if problem is not None:
            self.mistakes.append(BadRoutePath(route.path, problem, route.where))
        at = self._like(route).setdefault(route.path, {})
        if route.method in at or self._has_twin(route):
            self.mistakes.append(DuplicateRoute(route.method, route.path, route.where))
        at[route.method] = route

    def _like(self, route: Route[Any]) -> dict[str, dict[str, Route[Any]]]:
        if route.is_prefix:
            return self._below
        return self._patterns if "{" in route.path else self._exact

    def _has_twin(self, route: Route[Any]) -> bool:
        """Is there a route for the same requests that names its parameters otherwise?"""
        shape = _shape(route.path)
        return "{" in route.path and any(
            pattern != route.path and route.method in at and _shape(pattern) == shape
            for pattern, at in self._patterns.items()
        )


def _shape(pattern: str) -> str:
    return _PARAMETER.sub("{}", pattern)


def _is_open(pattern: str) -> list[bool]:
    """For each segment, may it be any? Sorts what is literal for longer before the others."""
    return [_PARAMETER.fullmatch(segment) is not None for segment in pattern.split("/")]


def _params(pattern: str, path: str) -> dict[str, str] | None:
    """What the path gives for each name in braces, or nothing if it is another path."""
    found: dict[str, str] = {}
    for wanted, given in zip(pattern.split("/"), path.split("/"), strict=True):
        named = _PARAMETER.fullmatch(wanted)
        if named is not None and given:
            found[named[1]] = given
        elif wanted != given:
            return None
    return found


def _problem_of(route: Route[Any]) -> str | None:
    path = route.path
    if not path.startswith("/"):
        return "it does not begin with a slash"
    if route.is_prefix and not path.endswith("/"):
        return "a prefix ends with a slash"
    if route.is_prefix and "{" in path:
        return "a prefix names no parameters"
    if any("{" in each and not _PARAMETER.fullmatch(each) for each in path.split("/")):
        return "a parameter is a whole segment with a name in braces"
    if any(f"{path}/".startswith(f"{own.rstrip('/')}/") for own in _OWN):
        return "the server answers there itself"
    return None
