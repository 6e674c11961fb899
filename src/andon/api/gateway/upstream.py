"""Connections to the other processes, kept open between requests."""

from __future__ import annotations

import time
from collections import defaultdict
from dataclasses import dataclass

from andon.api.gateway.connection import Connection


@dataclass(frozen=True, slots=True)
class UpstreamLimits:
    """`answer_s`: longest wait for an answer to begin; its body may take as long as it takes.

    `idle_s` must stay below the other side's own patience with idle connections (5 s); `idle` is how many are kept.
    """

    connect_s: float = 2.0
    answer_s: float = 60.0
    idle_s: float = 3.0
    idle: int = 32


class Upstream:
    """Give a connection back with `release` when its answer was read, or close it."""

    def __init__(self, limits: UpstreamLimits | None = None) -> None:
        self.limits = limits or UpstreamLimits()
        self._idle: defaultdict[str, list[tuple[float, Connection]]] = defaultdict(list)

    def idle(self, url: str) -> Connection | None:
        """A connection that is open already, and may have ended without our noticing."""
        while self._idle[url]:
            since, connection = self._idle[url].pop()
            if time.monotonic() - since < self.limits.idle_s:
                return connection
            connection.close()
        return None

    async def connect(self, url: str) -> Connection:
        """A new connection. UnavailableError when nobody listens."""
        return await Connection.open(url, self.limits.connect_s)

    def release(self, url: str, connection: Connection) -> None:
        """The answer is read; keep the connection for the next request where that is possible."""
        if connection.reusable and len(self._idle[url]) < self.limits.idle:
            self._idle[url].append((time.monotonic(), connection))
        else:
            connection.close()

    def close(self) -> None:
        """Close what is idle."""
        for waiting in self._idle.values():
            for _, connection in waiting:
                connection.close()
        self._idle.clear()
