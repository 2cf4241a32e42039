"""`Route`: a handler of requests at one path, or at every path below one; `Routes` finds it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from typing import Any, Generic, Literal, Never, TypeAlias, overload

from starlette.requests import Request
from starlette.responses import Response
from typing_extensions import TypeVar

from confect_core.errors import SpecError, Where
from confect_server.ctx import ActionCtx
from confect_server.http.errors import BadRoutePath, DuplicateRoute

N = TypeVar("N")
N_co = TypeVar("N_co", covariant=True, default=Never)

Method: TypeAlias = Literal["GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]

_OWN = ("/api/", "/version")


@dataclass(frozen=True, eq=False)
class Route(Generic[N_co]):
    """What answers the requests of one method at a path, or at every path that begins with it.

    `N` is the union of services that the handler asks for.
    """

    method: Method
    path: str
    is_prefix: bool
    handler: Callable[[ActionCtx[Any], Request], Awaitable[Response]]
    where: Where

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

    @route("POST", "/hooks/github")
    async def github(ctx: ActionCtx[Github], request: Request) -> Response: ...
    """
    where = Where.of_caller()

    def implement(handler: Callable[[ActionCtx[Any], Request], Awaitable[Response]]) -> Route[Any]:
        return Route(method, prefix or path, prefix is not None, handler, where)

    return implement


class Routes:
    """The routes of an application."""

    def __init__(self, routes: Iterable[Route[Any]] = ()) -> None:
        self._exact: dict[str, dict[str, Route[Any]]] = {}
        self._below: dict[str, dict[str, Route[Any]]] = {}
        self.mistakes: list[SpecError] = []
        """Everything in the routes that cannot be."""
        for each in routes:
            self._add(each)
        self._prefixes = sorted(self._below, key=len, reverse=True)

    def find(self, method: str, path: str) -> Route[Any] | None:
        """The route of a request: that of its very path, or else of the longest prefix."""
        wanted = "GET" if method == "HEAD" else method
        return self._at(path).get(wanted)

    def methods_at(self, path: str) -> tuple[str, ...]:
        """The methods that are answered at a path, none if it has no route."""
        return tuple(self._at(path))

    def _at(self, path: str) -> dict[str, Route[Any]]:
        """What is at a path, by method: a longer path hides a shorter one, method by method."""
        found: dict[str, Route[Any]] = {}
        for prefix in reversed(self._prefixes):
            if path.startswith(prefix):
                found.update(self._below[prefix])
        return {**found, **self._exact.get(path, {})}

    def _add(self, route: Route[Any]) -> None:
        problem = _problem_of(route)
        if problem is not None:
            self.mistakes.append(BadRoutePath(route.path, problem, route.where))
        at = (self._below if route.is_prefix else self._exact).setdefault(route.path, {})
        if route.method in at:
            self.mistakes.append(DuplicateRoute(route.method, route.path, route.where))
        at[route.method] = route


def _problem_of(route: Route[Any]) -> str | None:
    path = route.path
    if not path.startswith("/"):
        return "it does not begin with a slash"
    if route.is_prefix and not path.endswith("/"):
        return "a prefix ends with a slash"
    if any(f"{path}/".startswith(f"{own.rstrip('/')}/") for own in _OWN):
        return "the server answers there itself"
    return None
