"""`Probes`: what whoever runs a server asks it: is it alive, is it ready, and how is it doing."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import anyio
import orjson

from confect_core.errors import ConfectError
from confect_core.protocol import encode_refusal
from confect_server.auth.errors import TokenRefused
from confect_server.observe import Counter, Metrics, RunLog, RunMetrics, Watchdog
from confect_server.observe.metrics import CONTENT_TYPE
from confect_server.runtime import Backend
from confect_server.transport.admin import AdminKey, NotAdmin
from confect_server.transport.callers import Callers
from confect_server.transport.http.exchange import JSON, TEXT, Exchange

_PATIENCE_S = 5
"""How long the database may take to answer; what asks gives up soon, too."""


class Probes:
    """Answers /healthz, /readyz and /metrics of one server."""

    def __init__(
        self,
        backend: Backend,
        admin_key: AdminKey,
        sockets: Callable[[], int],
        *,
        closed: Counter,
        refused: Counter,
    ) -> None:
        settings = backend.database.settings.observing
        self._backend = backend
        self._callers = Callers(backend, admin_key)
        self._is_public = settings.public_metrics
        self._answers: dict[str, Callable[[Exchange], Awaitable[None]]] = {
            "/healthz": self._health,
            "/readyz": self._readiness,
            "/metrics": self._tell_metrics,
        }
        self.metrics = Metrics()
        """Everything that is counted here."""
        self.watchdog = Watchdog(settings.blocked_s, backend.database.settings.limits.held_s)
        """Notices what holds up the loop, and ends it."""
        backend.observe(RunMetrics(self.metrics), RunLog(settings))
        self._measure(sockets)
        take = self.metrics.take
        take("confect_sockets_closed_total", "Sockets that were closed, and why.", closed)
        take("confect_requests_refused_total", "Requests refused with a code.", refused)
        if backend.tracing is not None:
            backend.tracing.export(self.metrics)

    async def answer(self, exchange: Exchange) -> bool:
        """Answer a request, if it is such a one."""
        answer = self._answers.get(exchange.path)
        if answer is None or not exchange.is_reading:
            return False
        await answer(exchange)
        return True

    async def _health(self, exchange: Exchange) -> None:
        await exchange.respond(200, TEXT, b"ok\n")

    async def _readiness(self, exchange: Exchange) -> None:
        problem = await self._problem()
        body = orjson.dumps({"ready": problem is None, "problem": problem})
        await exchange.respond(200 if problem is None else 503, JSON, body)

    async def _problem(self) -> str | None:
        """Why calls should go elsewhere."""
        if self._backend.is_draining:
            return "the server is stopping"
        try:
            with anyio.fail_after(_PATIENCE_S):
                await self._backend.database.refresh()
            self._backend.executor.runner.check_schema()
        except TimeoutError:
            return f"the database has not answered for {_PATIENCE_S} s"
        except ConfectError as error:
            return error.message
        except Exception as error:
            return f"the database does not answer: {type(error).__name__}"
        return None

    async def _tell_metrics(self, exchange: Exchange) -> None:
        try:
            if not self._is_public:
                self._callers.administering(exchange.authorization)
        except (NotAdmin, TokenRefused) as error:
            await exchange.respond(401, JSON, encode_refusal(error.code, error))
        else:
            await exchange.respond(200, CONTENT_TYPE, self.metrics.text())

    def _measure(self, sockets: Callable[[], int]) -> None:
        backend, gauge = self._backend, self.metrics.gauge
        figures, queries, threads = backend.database.figures, backend.queries, backend.threads
        gauge("confect_sockets", "Sockets that are open.", sockets)
        gauge("confect_actions", "Actions that run.", lambda: len(backend.executor.underway))
        executor = backend.executor
        gauge("confect_scheduled", "Scheduled functions that run.", lambda: executor.scheduled_runs)
        gauge("confect_threads_busy", "Blocking actions that run.", lambda: threads.busy)
        gauge("confect_threads_waiting", "Blocking actions that wait.", lambda: threads.waiting)
        gauge(
            "confect_threads_given_up",
            "Blocking actions that run on although they took too long.",
            lambda: threads.given_up,
        )
        gauge("confect_processes_busy", "Processes at work.", lambda: backend.processes.busy)
        gauge(
            "confect_processes_waiting",
            "Actions that wait for a process.",
            lambda: backend.processes.waiting,
        )
        gauge("confect_commits_total", "Transactions made durable.", lambda: figures().commits)
        gauge("confect_batches_total", "Durable writes that took.", lambda: figures().batches)
        gauge("confect_commits_waiting", "Commits on their way.", lambda: figures().waiting)
        gauge("confect_read_sets", "Watched sets of keys.", lambda: figures().read_sets)
        gauge("confect_query_cache_hits_total", "Queries without a run.", lambda: queries.hits)
        gauge("confect_query_cache_bytes", "Cached answers.", lambda: queries.held_bytes)
        gauge("confect_document_cache_bytes", "Cached documents.", lambda: figures().cached_bytes)
        gauge("confect_loop_lag_seconds", "How late the loop is.", lambda: self.watchdog.lag_s)
