"""The way of a call through the middleware in front of a function, put together once."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, cast

from returns.result import Failure, Success

from confect_core import Args
from confect_core.errors import TaggedError
from confect_core.spec import AnyFunction
from confect_server.ctx import Ctx
from confect_server.errors import NotItsAnswer, NotWhatItProvides, ProceededTwice
from confect_server.function_impl import Handler
from confect_server.middleware import Answer, Call, MiddlewareImpl, Proceed


def passage(
    path: str, spec: AnyFunction, handler: Handler, chain: Sequence[MiddlewareImpl[Any, Any]]
) -> Handler:
    """The handler with middleware in front of it, outermost first; itself if there is none."""
    for each in reversed(chain):
        put = _around if each.is_around else _before
        handler = put(path, spec, each, handler)
    return handler


def _before(
    path: str, spec: AnyFunction, middleware: MiddlewareImpl[Any, Any], rest: Handler
) -> Handler:
    async def run(ctx: Ctx[Any], args: Args, *page: object) -> object:
        if middleware.takes_call:
            call = Call(path, spec.kind, spec.is_public, args)
            answered = await middleware.handler(ctx, call)
        else:
            answered = await middleware.handler(ctx)
        if type(answered) is Failure:  # a final class, whose metaclass makes isinstance slow
            return cast("object", answered)
        value = answered
        if type(answered) is Success:
            value = cast("Success[object]", answered).unwrap()
        _provide(ctx, middleware, value)
        return await rest(ctx, args, *page)

    return run


def _around(
    path: str, spec: AnyFunction, middleware: MiddlewareImpl[Any, Any], rest: Handler
) -> Handler:
    async def run(ctx: Ctx[Any], args: Args, *page: object) -> object:
        begun: list[None] = []
        answers: list[Answer] = []

        async def proceed(value: object) -> Answer:
            if begun:
                raise ProceededTwice(middleware.spec.__name__, middleware.where)
            begun.append(None)
            _provide(ctx, middleware, value)
            try:
                answer = Answer(await rest(ctx, args, *page))
            except TaggedError as error:
                answer = Answer(Failure(error))
            answers.append(answer)
            return answer

        call = Call(path, spec.kind, spec.is_public, args)
        answered = await middleware.handler(ctx, call, Proceed[Any](proceed))
        if type(answered) is Failure:
            return cast("object", answered)
        if not isinstance(answered, Answer) or answered not in answers:
            raise NotItsAnswer(middleware.spec.__name__, middleware.where)
        return answered.result

    return run


def _provide(ctx: Ctx[Any], middleware: MiddlewareImpl[Any, Any], value: object) -> None:
    provides = middleware.spec.provides
    if provides is None:
        return
    if not isinstance(value, provides):
        name = middleware.spec.__name__
        raise NotWhatItProvides(name, provides.__name__, value, middleware.where)
    ctx._provide(provides, value)
