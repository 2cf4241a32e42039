"""The blocking clients offer what the asynchronous ones do, under the same names and types."""

from __future__ import annotations

import inspect
import re

import pytest

from confect_client import (
    AsyncClient,
    AsyncHttpClient,
    AsyncSnapshot,
    BlockingPages,
    Client,
    HttpClient,
    PagedSubscription,
    Snapshot,
)
from confect_client.aio import OptimisticMutation
from confect_client.blocking.client import BlockingOptimisticMutation

FACES = [
    (AsyncClient, Client),
    (AsyncHttpClient, HttpClient),
    (AsyncSnapshot, Snapshot),
    (PagedSubscription, BlockingPages),
    (OptimisticMutation, BlockingOptimisticMutation),
]

OF_BLOCKING = {
    "AsyncGenerator": "BlockingIterator",
    "AsyncSnapshot": "Snapshot",
    "FetchToken": "BlockingFetchToken",
    "OptimisticMutation": "BlockingOptimisticMutation",
    "PagedSubscription": "BlockingPages",
}
"""What another name is given to because it waits differently."""

ONLY_ASYNC = {"open"}
"""For clients that are used across tasks; threads have no such limits."""


def public(face: type) -> dict[str, object]:
    return {name: member for name, member in inspect.getmembers(face) if not name.startswith("_")}


def signature(member: object) -> str:
    if isinstance(member, property):
        member = member.fget
    assert callable(member)
    return str(inspect.signature(member)).replace("'", "")


def as_blocking(signature: str) -> str:
    return re.sub(r"\w+", lambda word: OF_BLOCKING.get(word[0], word[0]), signature)


@pytest.mark.parametrize(("waiting", "blocking"), FACES)
def test_no_method_is_forgotten_and_each_takes_and_gives_the_same(
    waiting: type, blocking: type
) -> None:
    theirs = {name: as_blocking(signature(each)) for name, each in public(waiting).items()}
    ours = {name: signature(each) for name, each in public(blocking).items()}
    assert ours == {name: each for name, each in theirs.items() if name not in ONLY_ASYNC}


@pytest.mark.parametrize(("waiting", "blocking"), FACES)
def test_no_method_of_a_blocking_client_has_to_be_awaited(waiting: type, blocking: type) -> None:
    assert [
        name for name, each in public(blocking).items() if inspect.iscoroutinefunction(each)
    ] == []
    assert any(inspect.iscoroutinefunction(each) for each in public(waiting).values())
