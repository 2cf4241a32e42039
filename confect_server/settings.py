"""`Settings`: every amount that whoever runs a server may choose, in one place."""

from __future__ import annotations

from dataclasses import dataclass, field

MIB = 2**20


@dataclass(frozen=True, kw_only=True)
class Limits:
    """What one run of a query or a mutation may use, with everything that it calls inside."""

    documents_read: int = 32_000
    bytes_read: int = 16 * MIB
    ranges_read: int = 4_096
    documents_written: int = 16_000
    bytes_written: int = 16 * MIB
    nesting: int = 8


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
class Settings:
    """How a server runs; the defaults are meant to be kept."""

    limits: Limits = field(default_factory=Limits)
    retention: Retention = field(default_factory=Retention)
    memory: Memory = field(default_factory=Memory)
    sharing: Sharing = field(default_factory=Sharing)
