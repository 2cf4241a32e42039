"""Routes and endpoints that cannot be, and requests that these refuse."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from confect_core.endpoints import Place
from confect_core.errors import ConfectError, SpecError, Where


@dataclass(frozen=True)
class Problem:
    """What is wrong with one value of a request, and where it is."""

    place: Place
    path: str
    message: str


class BadRoutePath(SpecError):
    """A path at which nothing can be served."""

    def __init__(self, path: str, problem: str, where: Where) -> None:
        super().__init__(
            f"a route cannot be at {path!r}: {problem}",
            hint="give a path such as /hooks/github, or prefix= with a slash at both ends",
            where=where,
        )


class DuplicateRoute(SpecError):
    """Two routes for the same requests."""

    def __init__(self, method: str, path: str, where: Where) -> None:
        super().__init__(
            f"{method} {path} has two routes",
            hint="give one of them another path or another method",
            where=where,
        )


class WrongEndpoints(SpecError):
    """Handlers that do not fit the API which they implement."""

    def __init__(
        self, api: str, missing: Sequence[str], strangers: Sequence[str], where: Where
    ) -> None:
        told = [
            f"{what} {', '.join(names)}"
            for what, names in (("misses", missing), ("adds", strangers))
            if names
        ]
        super().__init__(
            f"the implementation of {api} {'; '.join(told)}",
            hint="pass one @endpoint handler for each endpoint that has no calls=",
            where=where,
        )


class UnreadableBody(ConfectError):
    """A request whose body is no JSON object."""

    def __init__(self, problem: str) -> None:
        super().__init__(
            f"the body of the request is no JSON object: {problem}",
            hint="send one JSON object with Content-Type: application/json",
        )


class InvalidRequest(ConfectError):
    """A request whose arguments are not what its endpoint takes."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        super().__init__(
            "; ".join(f"{each.place} {each.path}: {each.message}" for each in problems),
            hint="compare the request with the API's OpenAPI document",
        )
        self.problems = tuple(problems)


class InvalidAnswer(ConfectError):
    """A handler answered something else than its endpoint declares."""

    def __init__(self, endpoint: str, problem: str) -> None:
        super().__init__(
            f"{endpoint} answered what it does not declare: {problem}",
            hint="answer what returns= of the endpoint says",
        )


class BadMount(SpecError):
    """A path at which no other application can be mounted."""

    def __init__(self, path: str, problem: str, where: Where) -> None:
        super().__init__(
            f"no application can be mounted at {path!r}: {problem}",
            hint="give a path such as /legacy, or / for all that nothing else answers",
            where=where,
        )


class MountFailed(ConfectError):
    """A mounted application that did not start."""

    def __init__(self, path: str, problem: str) -> None:
        super().__init__(
            f"the application mounted at {path!r} did not start: {problem}",
            hint="look at what its lifespan does at startup",
        )
