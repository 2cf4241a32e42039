"""`Handlers`: every handler as a coroutine function, wherever it runs."""

from __future__ import annotations

from typing import Any, cast

from confect_core import Args
from confect_core.protocol import EncodedValue
from confect_core.spec import BlockingActionSpec, ProcessActionSpec, Schemas
from confect_core.spec.call import SchemaCall
from confect_core.values import dumps_canonical, loads
from confect_server.blocking import BlockingActionCtx
from confect_server.ctx import ActionCtx
from confect_server.errors import UndeclaredError
from confect_server.function_impl import FunctionImpl, Handler
from confect_server.workers import DeclaredInProcess, HandlerName, Processes, Threads


class Handlers:
    """Lets handlers that block or compute be awaited, so that middleware stands before them too."""

    def __init__(self, threads: Threads, processes: Processes) -> None:
        self._threads = threads
        self._processes = processes

    def of(self, path: str, function: FunctionImpl[Any, Any, Any]) -> Handler:
        """The handler of a function, to be awaited on the loop."""
        if isinstance(function.spec, BlockingActionSpec):
            return self._in_thread(path, function)
        if isinstance(function.spec, ProcessActionSpec):
            return self._in_process(path, function)
        return cast("Handler", function.handler)

    def _in_thread(self, path: str, function: FunctionImpl[Any, Any, Any]) -> Handler:
        async def handle(ctx: ActionCtx[Any], args: Args) -> object:
            return await self._threads.run(
                path, lambda bridge: function.handler(BlockingActionCtx(ctx, bridge), args)
            )

        return handle

    def _in_process(self, path: str, function: FunctionImpl[Any, Any, Any]) -> Handler:
        name = HandlerName.of(function)
        schemas = cast("Schemas", function.spec.contract)
        call = SchemaCall(schemas)

        async def handle(_: ActionCtx[Any], args: Args) -> object:
            encoded = EncodedValue(dumps_canonical(schemas.args_codec.encode(args)))
            try:
                value = await self._processes.run(path, name, encoded)
            except DeclaredInProcess as failed:
                declared = call.decode_error(loads(failed.data))
                if declared is None:  # the process has imported what was saved since
                    raise UndeclaredError(path, failed.data.decode()) from None
                raise declared.failure() from None
            return call.decode_result(loads(value))

        return handle
