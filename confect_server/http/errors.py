"""Routes that cannot be; each is a class of its own."""

from __future__ import annotations

from confect_core.errors import SpecError, Where


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
