"""Memberships that need nobody's agreement."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from andon.engines.log.port import Log


class Everything:
    """All partitions of a stream, for as long as it lasts: a reader without a group, or the only member of one."""

    def __init__(self, partitions: int) -> None:
        self._partitions = frozenset(range(partitions))

    @classmethod
    async def of(cls, log: Log, stream: str) -> Everything:
        """All partitions that the stream has now."""
        return cls(await log.partitions(stream))

    @property
    def partitions(self) -> frozenset[int]:
        """See `Membership.partitions`."""
        return self._partitions

    async def changed(self) -> None:
        """See `Membership.changed`: it never does."""
        await asyncio.Event().wait()

    def on_revoke(self, finish: Callable[[frozenset[int]], Awaitable[None]]) -> None:
        """See `Membership.on_revoke`: nothing is revoked."""

    async def leave(self) -> None:
        """See `Membership.leave`."""
