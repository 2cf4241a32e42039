"""Endpoints of typed HTTP APIs with their logic, and how they answer requests."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Generic, Never, cast

from returns.result import Failure, Success
from starlette.requests import Request
from starlette.responses import Response
from typing_extensions import TypeVar

from confect_core import Args, QueryRef
from confect_core.endpoints import CODE, AnyEndpoint, Api, EndpointSpec
from confect_core.errors import SpecError, TaggedError, Where
from confect_core.refs import MutationRef
from confect_core.tables import TableDirectory
from confect_server.ctx import ActionCtx
from confect_server.errors import UndeclaredError
from confect_server.http.errors import (
    InvalidAnswer,
    InvalidRequest,
    UnreadableBody,
    WrongEndpoints,
)
from confect_server.http.json import JsonWriter, NotWritable, error_json, json_of
from confect_server.http.reading import RequestReader
from confect_server.http.routes import Route

A = TypeVar("A", bound=Args)
Out = TypeVar("Out")
N = TypeVar("N")
N_co = TypeVar("N_co", covariant=True, default=Never)

_WITHOUT_CONTENT = (204, 205)

EndpointHandler = Callable[[ActionCtx[Any], Any], Awaitable[object]]


@dataclass(frozen=True, eq=False)
class EndpointImpl(Generic[N_co]):
    """An endpoint with its logic; `N` is the union of services that the logic asks for."""

    spec: AnyEndpoint
    handler: EndpointHandler

    def _needs(self) -> N_co:
        # never called: it is how type checkers learn which services the handler asks for
        raise NotImplementedError


def endpoint(
    spec: EndpointSpec[A, Out],
) -> Callable[[Callable[[ActionCtx[N], A], Awaitable[Out]]], EndpointImpl[N]]:
    """Implement one endpoint of an HTTP API, as an action.

    @endpoint(NotesApi.get)
    async def get(ctx: ActionCtx, args: ByNote) -> Outcome[Note, NoteNotFound]: ...
    """

    def implement(handler: Callable[[ActionCtx[N], A], Awaitable[Out]]) -> EndpointImpl[N]:
        return EndpointImpl(spec, cast("EndpointHandler", handler))

    return implement


@dataclass(frozen=True, eq=False)
class ApiImpl(Generic[N_co]):
    """A typed HTTP API with the handlers of its endpoints."""

    api: Api
    endpoints: tuple[EndpointImpl[N_co], ...]
    where: Where

    @cached_property
    def routes(self) -> tuple[Route[N_co], ...]:
        """What answers the requests of the API."""
        handlers = {each.spec: each.handler for each in self.endpoints}
        return tuple(
            self._route(name, spec, handlers.get(spec) or _calling(spec))
            for name, spec in self.api.endpoints.items()
            if spec in handlers or spec.calls is not None
        )

    def _route(self, name: str, spec: AnyEndpoint, handler: EndpointHandler) -> Route[N_co]:
        answering = Answering(f"{self.api.name}.{name}", spec, handler)
        path = self.api.path_of(spec)
        return Route(spec.method, path, False, answering.answer, handler, spec.where)

    def mistakes(self) -> list[SpecError]:
        """Everything in the API and in what was passed for it that cannot be."""
        declared = self.api.endpoints
        given = [each.spec for each in self.endpoints]
        missing = [
            name for name, spec in declared.items() if spec.calls is None and spec not in given
        ]
        strangers = [
            f"{spec.method} {spec.path}"
            for number, spec in enumerate(given)
            if spec not in declared.values() or spec in given[:number]
        ]
        wrong: list[SpecError] = []
        if missing or strangers:
            wrong = [WrongEndpoints(self.api.name, missing, strangers, self.where)]
        return [*wrong, *self.api.mistakes()]


class Answering:
    """Reads what an endpoint takes, and writes what its handler answers."""

    def __init__(self, name: str, spec: AnyEndpoint, handler: EndpointHandler) -> None:
        self._spec = spec
        self._name = name
        self._handle = handler

    async def answer(
        self, ctx: ActionCtx[Any], request: Request, tables: TableDirectory
    ) -> Response:
        """What the endpoint answers; a declared error and a wrong request are answers too."""
        try:
            result = await self._handle(ctx, await self._reader.read(request, tables))
        except (InvalidRequest, UnreadableBody) as refused:
            return _refusal(refused)
        except TaggedError as raised:
            return self._failure(raised)
        if type(result) is Failure:
            return self._failure(cast("Failure[TaggedError]", result).failure())
        return self._success(
            cast("Success[object]", result).unwrap() if type(result) is Success else result
        )

    def _success(self, result: object) -> Response:
        try:
            body = self._writer.write(result)
        except NotWritable as error:
            raise InvalidAnswer(self._name, str(error)) from error
        if self._spec.status in _WITHOUT_CONTENT:
            return Response(status_code=self._spec.status)
        return _json(self._spec.status, body)

    def _failure(self, error: TaggedError) -> Response:
        if type(error) not in self._spec.errors:
            raise UndeclaredError(self._name, str(error)) from error
        try:
            return _json(self._spec.status_of(type(error)), error_json(error))
        except NotWritable as problem:
            raise InvalidAnswer(self._name, str(problem)) from problem

    @cached_property
    def _reader(self) -> RequestReader:
        return RequestReader(self._spec)

    @cached_property
    def _writer(self) -> JsonWriter:
        return JsonWriter(self._spec.returns)


def _calling(spec: AnyEndpoint) -> EndpointHandler:
    """A handler that answers what a function answers."""

    async def call(ctx: ActionCtx[Any], args: Args) -> object:
        given = {name: getattr(args, name) for name in args.model_fields_set}
        ref = spec.calls
        if isinstance(ref, QueryRef):
            return await ctx.run_query(ref, **given)
        if isinstance(ref, MutationRef):
            return await ctx.run_mutation(ref, **given)
        return await ctx.run_action(cast("Any", ref), **given)

    return call


def _refusal(refused: InvalidRequest | UnreadableBody) -> Response:
    if isinstance(refused, UnreadableBody):
        return _json(400, json_of({CODE: refused.tag, "message": refused.message}))
    problems = [
        {"place": each.place, "path": each.path, "message": each.message}
        for each in refused.problems
    ]
    return _json(422, json_of({CODE: refused.tag, "problems": problems}))


def _json(status: int, body: bytes) -> Response:
    return Response(body, status, media_type="application/json")
