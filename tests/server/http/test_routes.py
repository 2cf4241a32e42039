"""Which route answers a request, and which routes cannot be."""

from __future__ import annotations

import pytest
from starlette.requests import Request
from starlette.responses import Response

from confect_server import ActionCtx
from confect_server.http import Method, Route, Routes, route
from confect_server.http.errors import BadRoutePath, DuplicateRoute


async def answer(ctx: ActionCtx, request: Request) -> Response:
    return Response()


def at(method: Method, path: str) -> Route:
    return route(method, path)(answer)


def below(method: Method, prefix: str) -> Route:
    return route(method, prefix=prefix)(answer)


def test_the_very_path_wins_over_every_prefix_and_a_longer_prefix_over_a_shorter() -> None:
    everything, files, images, logo = (
        below("GET", "/"),
        below("GET", "/files/"),
        below("GET", "/files/images/"),
        at("GET", "/files/images/logo"),
    )
    routes = Routes([logo, everything, images, files])
    assert routes.find("GET", "/files/images/logo") is logo
    assert routes.find("GET", "/files/images/other") is images
    assert routes.find("GET", "/files/images") is files
    assert routes.find("GET", "/files/") is files
    assert routes.find("GET", "/files") is everything
    assert routes.mistakes == []


def test_methods_are_found_one_by_one() -> None:
    read, write = below("GET", "/things/"), at("POST", "/things/one")
    routes = Routes([read, write])
    assert routes.find("POST", "/things/one") is write
    assert routes.find("GET", "/things/one") is read
    assert routes.find("HEAD", "/things/one") is read
    assert routes.find("DELETE", "/things/one") is None
    assert set(routes.methods_at("/things/one")) == {"GET", "POST"}
    assert routes.methods_at("/other") == ()


@pytest.mark.parametrize(
    "bad",
    [
        at("GET", "files"),
        at("GET", ""),
        below("GET", "/files"),
        below("GET", ""),
        at("GET", "/api/query"),
        at("GET", "/api"),
        below("GET", "/api/"),
        at("GET", "/version"),
        at("GET", "/metrics"),
        at("POST", "/healthz"),
    ],
)
def test_a_path_at_which_nothing_can_be_served_is_refused(bad: Route) -> None:
    (mistake,) = Routes([bad]).mistakes
    assert isinstance(mistake, BadRoutePath)
    assert mistake.where is not None
    assert mistake.where.file == __file__


def test_two_routes_for_the_same_requests_are_refused() -> None:
    (mistake,) = Routes([at("GET", "/a"), at("POST", "/a"), at("GET", "/a")]).mistakes
    assert isinstance(mistake, DuplicateRoute)


def test_a_path_with_names_in_braces_stands_for_any_segment_and_yields_to_literal_ones() -> None:
    note, mine, tags, everything = (
        at("GET", "/notes/{note_id}"),
        at("GET", "/notes/mine"),
        at("GET", "/notes/{note_id}/tags/{tag}"),
        below("GET", "/notes/"),
    )
    routes = Routes([everything, note, tags, mine])
    assert routes.find("GET", "/notes/7") is note
    assert routes.find("GET", "/notes/mine") is mine
    assert routes.find("GET", "/notes/7/tags/a b") is tags
    assert routes.find("GET", "/notes/7/tags") is everything
    assert routes.find("GET", "/notes/") is everything
    assert note.params_in("/notes/7") == {"note_id": "7"}
    assert tags.params_in("/notes/7/tags/a b") == {"note_id": "7", "tag": "a b"}
    literal_first = Routes([at("GET", "/{a}/x"), wanted := at("GET", "/notes/{b}")])
    assert literal_first.find("GET", "/notes/x") is wanted
    assert routes.mistakes == []


@pytest.mark.parametrize("bad", [at("GET", "/a-{b}"), at("GET", "/{}"), below("GET", "/{a}/")])
def test_braces_are_for_whole_segments_of_exact_paths(bad: Route) -> None:
    (mistake,) = Routes([bad]).mistakes
    assert isinstance(mistake, BadRoutePath)


def test_two_paths_that_name_a_segment_otherwise_are_one() -> None:
    (mistake,) = Routes([at("GET", "/{a}"), at("POST", "/{b}"), at("GET", "/{b}")]).mistakes
    assert isinstance(mistake, DuplicateRoute)
