"""Services: what handlers depend on beside the database, and the layers that open them."""

from __future__ import annotations

import inspect
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import (
    Any,
    Generic,
    Never,
    Protocol,
    Self,
    TypeAlias,
    cast,
    get_args,
    get_type_hints,
    overload,
)

from typing_extensions import TypeVar

from confect_core.errors import SpecError
from confect_core.provided import Offers
from confect_server.errors import (
    EmptyLayer,
    LayerTooEarly,
    MissingService,
    NothingToReplace,
    NotProvided,
)

T = TypeVar("T")
M = TypeVar("M", bound="Service")
N_contra = TypeVar("N_contra", contravariant=True, default=Never)

OpenService: TypeAlias = Callable[[], AsyncIterator[M]] | Callable[["Needs[Any]"], AsyncIterator[M]]
"""What opens and closes a service, with or without others that are open."""


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

    @classmethod
    def _exactly(cls, service: Self, /) -> Self:
        # never called: it is how type checkers hold `ServiceClass[M]` to one class
        raise NotImplementedError


class ServiceClass(Protocol[M]):
    """A class of services, of exactly this one: `type[M]` would be that of any of several."""

    def _exactly(self, service: M, /) -> M: ...


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

    _open: Mapping[type[Service], Callable[..., AsyncIterator[Service]]] = field(
        default_factory=dict[type[Service], Callable[..., AsyncIterator[Service]]]
    )

    def _has(self, _: N_contra, /) -> None:
        # never called: it is how type checkers learn what these layers provide
        raise NotImplementedError

    @overload
    def add(
        self, service: ServiceClass[M], open_: Callable[[], AsyncIterator[M]]
    ) -> Layers[N_contra | M]: ...
    @overload
    def add(
        self, service: ServiceClass[M], open_: Callable[[Needs[N_contra]], AsyncIterator[M]]
    ) -> Layers[N_contra | M]: ...
    def add(self, service: ServiceClass[M], open_: OpenService[M]) -> Layers[Any]:
        """These layers and one more; `open_` yields the service once and closes it after.

        It may take what earlier layers provide: `async def open_mailer(needs: Needs[Settings])`.
        """
        return Layers(MappingProxyType({**self._open, class_of(service): open_}))

    @overload
    def replace(
        self, service: ServiceClass[M], by: M | Callable[[], AsyncIterator[M]]
    ) -> Layers[N_contra]: ...
    @overload
    def replace(
        self, service: ServiceClass[M], by: Callable[[Needs[N_contra]], AsyncIterator[M]]
    ) -> Layers[N_contra]: ...
    def replace(self, service: ServiceClass[M], by: M | OpenService[M]) -> Layers[Any]:
        """These layers with another one in the place of one, or simply a service that is there."""
        replaced = class_of(service)
        if replaced not in self._open:
            raise NothingToReplace(replaced.__name__, [each.__name__ for each in self._open])
        open_ = _opening(by) if isinstance(by, Service) else by
        return Layers(MappingProxyType({**self._open, replaced: open_}))

    @property
    def services(self) -> tuple[type[Service], ...]:
        """What these layers provide, in the order in which it is opened."""
        return tuple(self._open)

    def mistakes(self) -> list[SpecError]:
        """Every layer that takes what no layer before it provides, as far as annotations say."""
        found: list[SpecError] = []
        before: set[type[Service]] = set()
        for service, open_ in self._open.items():
            missing = [each for each in needs_of(open_) if each not in before]
            found += [LayerTooEarly(service.__name__, each.__name__) for each in missing]
            before.add(service)
        return found

    @asynccontextmanager
    async def running(self) -> AsyncGenerator[Services]:
        """All services open, in the order they were added; closed in reverse.

        All that are open are closed, whichever of them fail to; what several of them raise is
        raised as a group.
        """
        running: dict[type[Service], Service] = {}
        opened: list[_Opened] = []
        errors: list[BaseException] = []
        try:
            for service, open_ in self._open.items():
                layer = _Opened(service, open_, Needs(Services(running)))
                running[service] = await layer.open()
                opened.append(layer)
            yield Services(running)
        except BaseException as error:
            errors.append(error)
        for layer in reversed(opened):
            try:
                await layer.close()
            except BaseException as error:
                errors.append(error)
        if len(errors) > 1:
            raise BaseExceptionGroup("services did not close", errors)
        if errors:
            raise errors[0]


class _Opened:
    """One layer, opened by the first step of its generator and closed by the second."""

    def __init__(
        self,
        service: type[Service],
        open_: Callable[..., AsyncIterator[Service]],
        needs: Needs[Any],
    ) -> None:
        self._service = service
        takes_needs = len(inspect.signature(open_).parameters) > 0
        self._steps: AsyncIterator[Service] = open_(needs) if takes_needs else open_()

    async def open(self) -> Service:
        async for running in self._steps:
            return running
        raise EmptyLayer(self._service.__name__)

    async def close(self) -> None:
        async for _ in self._steps:
            break


def needs_of(function: Callable[..., object]) -> tuple[type[Service], ...]:
    """The services that a function asks for by the annotation of its first parameter.

    `QueryCtx[Mailer | Clock]` asks for two. What cannot be read asks for nothing: type checkers
    look at it too.
    """
    return tuple(each for each in asked_of(function) if issubclass(each, Service))


def asked_of(function: Callable[..., object]) -> tuple[type[object], ...]:
    """The same, with the values that it asks of middleware."""
    asked = next(iter(ctx_of(function)), None)
    several = get_args(asked) or (asked,)
    return tuple(each for each in several if isinstance(each, type))


def ctx_of(function: Callable[..., object]) -> tuple[object, ...]:
    """What stands in the brackets of the annotation of its first parameter."""
    try:
        hints = get_type_hints(function)
        first = next(iter(inspect.signature(function).parameters))
    except Exception:  # annotations name what they like
        return ()
    return get_args(hints.get(first))


def class_of(service: ServiceClass[Any]) -> type[Service]:
    """The class of services that a `ServiceClass` is at run time."""
    return cast("type[Service]", service)


def _opening(service: M) -> Callable[[], AsyncIterator[M]]:
    async def steps() -> AsyncIterator[M]:
        yield service

    return steps


def layers() -> Layers[Never]:
    """Layers that provide nothing yet."""
    return Layers()
