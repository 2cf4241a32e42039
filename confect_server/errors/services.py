"""Mistakes in services, and in the layers that open them."""

from __future__ import annotations

from collections.abc import Sequence

from confect_core.errors import ConfectError, SpecError, Where


class MissingService(ConfectError):
    """A handler takes a service that no layer provides."""

    def __init__(self, service: str) -> None:
        super().__init__(
            f"no layer provides {service}",
            hint=f"add it with layers().add({service}, ...), and run the type checker",
        )


class ServiceNotProvided(SpecError):
    """Handlers that ask for a service which no layer provides."""

    def __init__(self, service: str, asking: Sequence[str], where: Where | None) -> None:
        super().__init__(
            f"no layer provides {service}, which {', '.join(asking)} ask for",
            hint=f"add it with layers().add({service}, ...), and run the type checker",
            where=where,
        )


class LayerTooEarly(SpecError):
    """A layer that takes a service which no layer before it provides."""

    def __init__(self, service: str, needed: str) -> None:
        super().__init__(
            f"the layer of {service} takes {needed}, which no layer before it provides",
            hint=f"add {needed} before {service}: layers are opened in the order they were added",
        )


class NothingToReplace(ConfectError):
    """A replacement of a service that no layer provides."""

    def __init__(self, service: str, provided: Sequence[str]) -> None:
        super().__init__(
            f"no layer provides {service}, so nothing can take its place",
            hint=f"replace one of {', '.join(provided) or 'none'}, or add it",
        )


class EmptyLayer(ConfectError):
    """A layer that ends before it has yielded its service."""

    def __init__(self, service: str) -> None:
        super().__init__(
            f"the layer of {service} yields nothing",
            hint="write an async generator that yields the service once",
        )
