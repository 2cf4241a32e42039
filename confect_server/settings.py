"""`Settings`: every amount that whoever runs a server may choose, in one place."""

from __future__ import annotations

from dataclasses import dataclass, field

from confect_core.errors import ConfectError

MIB = 2**20


class BadSetting(ConfectError):
    """An amount with which a server could not work."""

    def __init__(self, section: str, name: str, value: float, least: float) -> None:
        super().__init__(
            f"{name} = {value:g} in [tool.confect.{section}] is less than {least:g}",
            hint=f"set it to {least:g} or more, or leave it out",
        )
        self.name = name


@dataclass(frozen=True, kw_only=True)
class Limits:
    """What one run of a query or a mutation may use, with everything that it calls inside.

    A run that would use more fails with an error that names the limit. What a nested mutation used
    stays used when its writes are undone; each run of a mutation that is run again begins anew.
    """

    documents_read: int = 32_000
    """Documents that are looked at, those included that a filter leaves out."""
    bytes_read: int = 16 * MIB
    """The length of these documents, as they are stored."""
    ranges_read: int = 4_096
    """How often documents are asked for: each `get` and each query is one."""
    documents_written: int = 16_000
    """Inserts, patches, replacements and deletions."""
    bytes_written: int = 16 * MIB
    """The size of the documents that these leave."""
    nesting: int = 8
    """How many queries and mutations may be called inside each other."""
    functions_scheduled: int = 1_000
    """Functions that are scheduled to be run later."""
    functions_pending: int = 1_000_000
    """How many may wait at a time, of all; runs at the same moment may schedule some more."""
    bytes_scheduled: int = 16 * MIB
    """The length of their arguments together, as JSON."""
    scheduled_arguments_bytes: int = 4 * MIB
    """The length of the arguments of each of them, as JSON."""
    run_time_s: float = 10.0
    """How long a run takes on the clock on the wall, with everything that it waits for."""
    held_s: float = 10.0
    """For how long a handler, of actions too, may compute or block while nobody else goes on.

    What runs on the loop of a server is ended then, if it is Python or waits in a system call.
    """
    arguments_bytes: int = 16 * MIB
    """The length of the arguments of each call, as JSON; of actions too."""
    result_bytes: int = 16 * MIB
    """The length of what each function answers, as JSON; of actions too."""


@dataclass(frozen=True, kw_only=True)
class Retention:
    """How long the past is kept; a transaction that needs an older one is refused."""

    history_s: float = 300.0
    """For how long a snapshot can be read after it was the newest."""
    log_s: float = 600.0
    """For how long other processes can learn of a commit; never shorter than the history."""
    requests_s: float = 14 * 86_400.0
    """For how long a mutation that is sent again is answered as it was."""
    sweep_s: float = 10.0
    """How often what lies further back is forgotten."""


@dataclass(frozen=True, kw_only=True)
class Memory:
    """How much memory a server's caches may take."""

    document_cache_bytes: int = 64 * MIB
    query_cache_bytes: int = 64 * MIB


@dataclass(frozen=True, kw_only=True)
class Sharing:
    """How several processes get along on one file."""

    poll_s: float | None = 0.25
    """How late commits of others are seen at most; if None, only with the next commit here."""
    turn_s: float = 1.0
    """How long a mutation that lost too often may keep everybody else from committing."""


@dataclass(frozen=True, kw_only=True)
class Actions:
    """How long actions run, and where those do that would hold up the others."""

    timeout_s: float = 600.0
    """How long an action may take, unless its spec says otherwise."""
    grace_s: float = 10.0
    """How long actions may go on when the server stops, or another version takes over."""
    threads: int = 40
    """How many blocking actions run at once; others wait."""
    processes: int = 4
    """How many actions run in processes at once; others wait."""
    process_jobs: int = 1_000
    """How many actions a process runs before another one takes its place."""

    def __post_init__(self) -> None:
        _check(self, "actions", timeout_s=0, grace_s=0, threads=1, processes=1, process_jobs=1)


@dataclass(frozen=True, kw_only=True)
class Observing:
    """What a server says of itself; defects are always logged, with their traceback."""

    json_logs: bool = False
    """Are logs written as JSON, one object per line, or as lines for people?"""
    logged_runs: float = 0.0
    """The share of all runs that are logged, from 0 to 1; logging one takes some 20 µs."""
    slow_run_s: float = 1.0
    """How long a query or a mutation takes that is logged as slow, whatever the share."""
    blocked_s: float = 1.0
    """For how long a handler may hold up the server before that is logged, with its line."""
    public_metrics: bool = False
    """May anybody read /metrics, or only who has the admin key?"""
    opentelemetry: bool = False
    """Are spans and metrics handed to OpenTelemetry? That needs the extra `otel` and an SDK."""


@dataclass(frozen=True, kw_only=True)
class Scheduling:
    """How scheduled functions are run."""

    parallelism: int = 16
    """How many of them one process runs at once; with 0 it leaves them to others."""
    results_s: float = 7 * 86_400.0
    """For how long one can see how they ended."""
    cron_runs: int = 1_000
    """How many of the last runs of each cron one can see, if they are not older than that."""
    lease_s: float = 30.0
    """When the actions of a process that does not answer count as failed; not below a second."""

    def __post_init__(self) -> None:
        _check(self, "scheduling", parallelism=0, results_s=0, cron_runs=0, lease_s=1)


@dataclass(frozen=True, kw_only=True)
class Http:
    """What the application's own routes and typed HTTP APIs may do, and how these are described."""

    request_bytes: int = 20 * MIB
    """The length of the body of a request; a longer one is answered with status 413."""
    response_bytes: int = 20 * MIB
    """The length of the body of an answer, also of one that streams."""
    openapi_path: str = "/openapi.json"
    """Where the OpenAPI document of the typed APIs is, if there are any; empty for nowhere."""
    docs_path: str = "/docs"
    """Where the page is that shows it and lets one try the APIs; empty for nowhere."""
    title: str = "HTTP API"
    """What the document calls the APIs."""
    version: str = "1"
    """The version of the APIs that the document states."""


@dataclass(frozen=True, kw_only=True)
class Sockets:
    """What one socket may have the server hold for it; one that wants more is closed.

    Clients come back and send again what was not answered, so what is beyond a limit is late, not
    lost. Only too many subscriptions are fatal: the client would come back with all of them.
    """

    frame_bytes: int = 32 * MIB
    """The length of a frame that a client sends; a longer one is code 1009."""
    mutations: int = 1_000
    """How many mutations may wait, with the one that runs."""
    actions: int = 1_000
    """How many actions may run at once."""
    subscriptions: int = 10_000
    """How many queries may be subscribed to."""
    waiting_bytes: int = 64 * MIB
    """What the arguments of all of these may take, but for one frame that is longer alone."""
    unsent_bytes: int = 64 * MIB
    """The length of what its client has yet to take, and of the results of one Transition."""
    unsent_s: float = 60.0
    """For how long its client may take nothing while there is something for it."""

    def __post_init__(self) -> None:
        _check(self, "sockets", frame_bytes=1, mutations=1, actions=1, subscriptions=1)
        _check(self, "sockets", unsent_bytes=1, unsent_s=1)


@dataclass(frozen=True, kw_only=True)
class Requests:
    """What clients may send over HTTP at once, and how slowly."""

    connections: int = 20_000
    """How many connections there are at most, those of sockets too; more are told status 503.

    There are never more than leave some of the files that the process may have open.
    """
    at_once: int = 10_000
    """How many requests are being answered at most; more are answered with status 503."""
    body_bytes_at_once: int = 256 * MIB
    """The length of the bodies of all calls that are being read or answered; likewise."""
    head_s: float = 30.0
    """How long a connection may take to begin a request, up to the end of its headers.

    A short call is begun when all of it is there. Where others came before, it is up to twice that.
    Who takes nothing of an answer for as long is cut.
    """
    idle_s: float = 30.0
    """How long the next part of a body may take, whatever it is of; then the status is 408."""
    slowest_bytes_per_s: float = 1_000.0
    """How much of a body has to come in each second, on an average, after the first `idle_s`."""
    batch_queries: int = 1_000
    """How many queries one request may ask."""

    def __post_init__(self) -> None:
        _check(self, "requests", connections=1, at_once=1, body_bytes_at_once=1, batch_queries=1)
        _check(self, "requests", head_s=0.001, idle_s=0.001, slowest_bytes_per_s=1)


@dataclass(frozen=True, kw_only=True)
class Storage:
    """How files are kept."""

    origin: str | None = None
    """Where clients find this server, as in `https://api.example.org`; its own address if None."""
    folder: str | None = None
    """Where the bytes lie; if None in a folder beside the database, named for it."""
    file_bytes: int = 2**30
    """The most bytes that one file may have."""
    upload_s: float = 3_600.0
    """For how long an upload URL can be used."""
    deleted_s: float = 300.0
    """For how long the bytes of a deleted file are kept for those who are reading them."""
    orphan_s: float = 86_400.0
    """How old bytes that no file has must be to be removed, as after a crash; and how often."""


@dataclass(frozen=True, kw_only=True)
class Checks:
    """What is checked while functions run, at the price of their speed; never in production."""

    queries_twice: bool = True
    """Is each query run twice, and refused if it does not answer the same again?"""


@dataclass(frozen=True, kw_only=True)
class Settings:
    """How a server runs; the defaults are meant to be kept."""

    limits: Limits = field(default_factory=Limits)
    retention: Retention = field(default_factory=Retention)
    memory: Memory = field(default_factory=Memory)
    sharing: Sharing = field(default_factory=Sharing)
    actions: Actions = field(default_factory=Actions)
    observing: Observing = field(default_factory=Observing)
    scheduling: Scheduling = field(default_factory=Scheduling)
    http: Http = field(default_factory=Http)
    sockets: Sockets = field(default_factory=Sockets)
    requests: Requests = field(default_factory=Requests)
    storage: Storage = field(default_factory=Storage)
    checks: Checks = field(default_factory=Checks)


def _check(settings: object, section: str, **least: float) -> None:
    for name, amount in least.items():
        value: float = getattr(settings, name)
        if not value >= amount:  # nor is it no number
            raise BadSetting(section, name, value, amount)
