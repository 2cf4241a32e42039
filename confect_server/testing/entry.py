"""`Entry`: a way into a tested application, the same that sockets take, on behalf of somebody."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, cast

from confect_core import Ref
from confect_core.protocol import JsonObject
from confect_core.values import Value, encode, loads
from confect_server.runtime import Backend, Caller, QueryResult
from confect_server.runtime.functions import DeclaredFailure
from confect_server.runtime.outcome import RunOutcome, Succeeded
from confect_server.testing.errors import CallFailed
from confect_server.testing.life import Lives


@dataclass(frozen=True)
class Entry:
    """Calls functions on behalf of somebody; arguments and answers travel as they do to clients."""

    lives: Lives
    caller: Caller
    is_client: bool = False
    """Is a failure told as clients are told, and not raised as it was?"""

    async def query(self, ref: Ref[..., Any], args: Value) -> object:
        """What a query answers, from the cache if it is there."""
        return self.decoded(ref, (await self.asked(ref, args)).outcome)

    async def asked(self, ref: Ref[..., Any], args: Value) -> QueryResult:
        """What a query answers, and what it read."""
        travelling = _travelling(args)
        life = await self.lives.current()
        return await life.answered(
            lambda backend: backend.queries.run(ref.path, travelling, self.caller)
        )

    async def mutation(self, ref: Ref[..., Any], args: Value) -> object:
        """What a mutation answers, once it is durable."""
        travelling = _travelling(args)

        async def run(backend: Backend) -> RunOutcome:
            result = await backend.executor.run_mutation(ref.path, travelling, self.caller)
            return result.outcome

        life = await self.lives.current()
        return self.decoded(ref, await life.written(run))

    async def action(self, ref: Ref[..., Any], args: Value) -> object:
        """What an action answers."""
        travelling = _travelling(args)
        life = await self.lives.current()
        outcome = await life.written(
            lambda backend: backend.executor.run_action(ref.path, travelling, self.caller)
        )
        return self.decoded(ref, outcome)

    def decoded(self, ref: Ref[..., Any], outcome: RunOutcome) -> object:
        """What the call gives to its caller, or raises."""
        if isinstance(outcome, Succeeded):
            return ref.call.decode_result(loads(outcome.value))
        if outcome.error_data is not None:
            declared = ref.call.decode_error(loads(outcome.error_data))
            if declared is not None:
                return declared
        cause = outcome.cause
        if isinstance(cause, DeclaredFailure):
            cause = cause.error
        if cause is None or self.is_client:
            raise CallFailed(ref.path, outcome.message) from cause
        raise cause


def _travelling(args: Value) -> JsonObject:
    return cast("JsonObject", encode(args))
