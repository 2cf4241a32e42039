"""Services: what handlers depend on beside the database, and the layers that open them."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Generic, Never, Self, cast

from typing_extensions import TypeVar

from confect_core.provided import Offers
from confect_server.errors import EmptyLayer, MissingService, NotProvided

N = TypeVar("N")
T = TypeVar("T")
M = TypeVar("M", bound="Service")
N_contra = TypeVar("N_contra", contravariant=True, default=Never)

OpenService = Callable[[], AsyncIterator["Service"]]


class Needs(Offers[N_contra]):
    """Something that offers the services `N`; the union is what may be taken from it."""

    # in the class, because most calls are given nothing
    _provided: Mapping[type[object], object] = MappingProxyType({})

    def __init__(self, services: Services) -> None:
        self.services = services

    def provided(self, what: type[T]) -> T:
        """The value that a middleware has provided for this call, by its class."""
        try:
            return cast("T", self._provided[what])
        except KeyError:
            raise NotProvided(what.__name__) from None

    def _provide(self, what: type[T], value: T) -> None:
        """Offer a value for the rest of the call; the runtime does it for middleware."""
        self._provided = {**self._provided, what: value}


class Service:
    """A dependency of handlers: subclass it, provide it with a layer, take it from the ctx.

    class Mailer(Service):
        async def send(self, to: str) -> None: ...

    async def open_mailer() -> AsyncIterator[Mailer]:
        yield Mailer()

    live = layers().add(Mailer, open_mailer)
    """

    @classmethod
    def of(cls, ctx: Needs[Self]) -> Self:
        """The running service; type checkers refuse a ctx that did not ask for it."""
        return ctx.services.get(cls)


class Services:
    """The services that are open, by their class."""

    def __init__(self, running: Mapping[type[Service], Service]) -> None:
        self._running = running

    def get(self, service: type[M]) -> M:
        """The running instance of a service."""
        try:
            return cast("M", self._running[service])
        except KeyError:
            raise MissingService(service.__name__) from None


@dataclass(frozen=True)
class Layers(Generic[N_contra]):
    """Services with how each is opened and closed; adding gives new layers and changes none."""

    _open: Mapping[type[Service], OpenService] = field(
        default_factory=dict[type[Service], OpenService]
    )

    def _has(self, _: N_contra, /) -> None:
        # never called: it is how type checkers learn what these layers provide
        raise NotImplementedError

    def add(
        self: Layers[N], service: type[M], open_: Callable[[], AsyncIterator[M]]
    ) -> Layers[N | M]:
        """These layers and one more; `open_` yields the service once and closes it after."""
        return Layers(MappingProxyType({**self._open, service: open_}))

    @asynccontextmanager
    async def running(self) -> AsyncGenerator[Services]:
        """All services open, in the order they were added; closed in reverse."""
        async with AsyncExitStack() as stack:
            running: dict[type[Service], Service] = {}
            for service, open_ in self._open.items():
                running[service] = await stack.enter_async_context(_Opened(service, open_))
            yield Services(running)


class _Opened:
    """One layer, opened by the first step of its generator and closed by the second."""

    def __init__(self, service: type[Service], open_: OpenService) -> None:
        self._service = service
        self._steps = open_()

    async def __aenter__(self) -> Service:
        async for running in self._steps:
            return running
        raise EmptyLayer(self._service.__name__)

    async def __aexit__(self, *exc_info: object) -> None:
        async for _ in self._steps:
            break


def layers() -> Layers[Never]:
    """Layers that provide nothing yet."""
    return Layers()
