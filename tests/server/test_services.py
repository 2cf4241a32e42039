"""Layers: services are opened in order, closed in reverse, and closed whatever happens."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from typing import Any

import anyio
import pytest

from confect_server import Impl, Layers, Service, layers
from confect_server.errors import (
    EmptyLayer,
    LayerTooEarly,
    MissingService,
    NothingToReplace,
)
from confect_server.services import Needs, Services


class First(Service):
    pass


class Second(Service):
    first: First


class Third(Service):
    pass


def logged(
    service: type[Service], log: list[str], *, opening: str = "", closing: str = ""
) -> Callable[[], AsyncIterator[Any]]:
    """A layer that logs, and that may fail where it is told to."""

    async def steps() -> AsyncIterator[Any]:
        log.append(f"open {service.__name__}")
        if opening:
            raise RuntimeError(opening)
        yield service()
        log.append(f"close {service.__name__}")
        if closing:
            raise RuntimeError(closing)

    return steps


async def test_services_open_in_order_and_close_in_reverse() -> None:
    log: list[str] = []
    chain: Layers[Any] = layers()
    for service in (First, Second, Third):
        chain = chain.add(service, logged(service, log))
    async with chain.running() as services:
        assert log == ["open First", "open Second", "open Third"]
        ctx: Needs[Any] = Needs(services)
        assert isinstance(Second.of(ctx), Second)
        assert Second.of(ctx) is services.get(Second)
    assert log[3:] == ["close Third", "close Second", "close First"]


async def test_what_is_open_is_closed_when_a_later_one_does_not_open() -> None:
    log: list[str] = []
    chain = (
        layers()
        .add(First, logged(First, log))
        .add(Second, logged(Second, log, opening="no room"))
        .add(Third, logged(Third, log))
    )
    with pytest.raises(RuntimeError, match="no room"):
        async with chain.running():
            pytest.fail("nothing runs without its services")
    assert log == ["open First", "open Second", "close First"]


async def test_services_are_closed_when_what_they_serve_fails() -> None:
    log: list[str] = []
    chain = layers().add(First, logged(First, log)).add(Second, logged(Second, log))
    with pytest.raises(ValueError, match="outside"):
        async with chain.running():
            raise ValueError("outside")
    assert log[2:] == ["close Second", "close First"]


async def test_the_others_are_closed_when_one_does_not_close() -> None:
    log: list[str] = []
    chain = (
        layers().add(First, logged(First, log)).add(Second, logged(Second, log, closing="stuck"))
    )
    with pytest.raises(RuntimeError, match="stuck"):
        async with chain.running():
            pass
    assert log[2:] == ["close Second", "close First"]


async def test_what_several_raise_while_they_close_is_raised_together() -> None:
    log: list[str] = []
    chain: Layers[Any] = layers()
    for service in (First, Second, Third):
        chain = chain.add(service, logged(service, log, closing=service.__name__))
    with pytest.raises(ExceptionGroup, match="services did not close") as raised:
        async with chain.running():
            raise ValueError("outside")
    assert list(map(str, raised.value.exceptions)) == ["outside", "Third", "Second", "First"]
    assert log[3:] == ["close Third", "close Second", "close First"]


async def test_a_service_that_is_cancelled_while_it_closes_keeps_no_other_open() -> None:
    log: list[str] = []

    async def slow() -> AsyncIterator[Second]:
        yield Second()
        await anyio.sleep_forever()

    chain = layers().add(First, logged(First, log)).add(Second, slow)
    with anyio.CancelScope() as scope:
        async with chain.running():
            scope.cancel()
            await anyio.sleep_forever()
    assert scope.cancelled_caught
    assert log == ["open First", "close First"]


async def test_a_layer_is_given_those_before_it() -> None:
    async def open_second(needs: Needs[First]) -> AsyncIterator[Second]:
        second = Second()
        second.first = First.of(needs)
        yield second

    chain = layers().add(First, logged(First, [])).add(Second, open_second)
    assert chain.mistakes() == []
    async with chain.running() as services:
        assert services.get(Second).first is services.get(First)


async def open_by_annotation(needs: Needs[First | Third]) -> AsyncIterator[Second]:
    First.of(needs)
    yield Second()


def test_a_layer_that_comes_too_early_is_told_at_the_start() -> None:
    chain: Layers[Any] = layers()
    chain = chain.add(First, logged(First, [])).add(Second, open_by_annotation)
    (mistake,) = chain.add(Third, logged(Third, [])).mistakes()
    assert isinstance(mistake, LayerTooEarly)
    assert mistake.message == ("the layer of Second takes Third, which no layer before it provides")
    (also,) = Impl(chain).mistakes()
    assert isinstance(also, LayerTooEarly)


async def test_a_replacement_opens_where_the_other_one_did() -> None:
    log: list[str] = []

    class Fake(First):
        pass

    async def open_second(needs: Needs[First]) -> AsyncIterator[Second]:
        log.append(type(First.of(needs)).__name__)
        yield Second()

    chain = layers().add(First, logged(First, log)).add(Second, open_second)
    fake = Fake()
    async with chain.replace(First, fake).running() as services:
        assert services.get(First) is fake
    async with chain.replace(First, logged(Fake, log)).running():
        pass
    async with chain.running():
        pass
    assert log == ["Fake", "open Fake", "Fake", "close Fake", "open First", "First", "close First"]
    with pytest.raises(NothingToReplace, match="no layer provides Third"):
        chain.replace(Third, Third())


def test_layers_are_replaced_in_an_application() -> None:
    chain = layers().add(First, logged(First, []))
    app = Impl(chain)
    other = chain.replace(First, First())
    assert app.with_layers(other).layers is other
    assert app.layers is chain


async def test_a_layer_that_yields_nothing_is_refused() -> None:
    async def empty() -> AsyncIterator[Second]:
        never: list[Second] = []
        for service in never:
            yield service

    log: list[str] = []
    chain = layers().add(First, logged(First, log)).add(Second, empty)
    with pytest.raises(EmptyLayer, match="the layer of Second yields nothing"):
        async with chain.running():
            pytest.fail("nothing runs without its services")
    assert log == ["open First", "close First"]


async def test_adding_changes_nothing_that_there_was() -> None:
    log: list[str] = []
    one = layers().add(First, logged(First, log))
    one.add(Second, logged(Second, log))
    async with one.running() as services:
        with pytest.raises(MissingService, match="no layer provides Second"):
            services.get(Second)


async def test_a_service_can_be_replaced_for_a_test() -> None:
    class Fake(First):
        pass

    log: list[str] = []
    chain = layers().add(First, logged(First, log)).add(First, logged(Fake, log))
    async with chain.running() as services:
        assert isinstance(services.get(First), Fake)
    assert log == ["open Fake", "close Fake"]


async def test_layers_can_run_more_than_once() -> None:
    chain = layers().add(First, logged(First, []))
    async with chain.running() as one, chain.running() as other:
        assert one.get(First) is not other.get(First)


def test_a_missing_service_says_what_to_add() -> None:
    nothing: Needs[Any] = Needs(Services({}))
    with pytest.raises(MissingService) as refused:
        First.of(nothing)
    assert refused.value.hint.startswith("add it with layers().add(First, ...)")
