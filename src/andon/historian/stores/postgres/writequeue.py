"""Writes that wait at the same time share a transaction: several partitions of the log, one commit."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from functools import partial

from andon.historian.stores.postgres.connections import Connections
from andon.historian.stores.postgres.deliveries import Delivery
from andon.historian.stores.postgres.writing import Writer
from andon.kit.errors import UnavailableError

_Waiting = tuple[Delivery, asyncio.Future[int]]


class WriteQueue:
    """One writer; callers wait for their own delivery. `group_rows`: most samples that one transaction takes."""

    def __init__(self, connections: Connections, writer: Writer, group_rows: int) -> None:
        self._connections = connections
        self._writer = writer
        self._group_rows = group_rows
        self._pending: list[_Waiting] = []
        self._draining: asyncio.Task[None] | None = None

    async def write(self, delivery: Delivery) -> int:
        """Its position, when it is committed; or what prevented that."""
        future: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        self._pending.append((delivery, future))
        if self._draining is None or self._draining.done():
            self._draining = asyncio.create_task(self._drain())
        return await future

    async def drained(self) -> None:
        """Until nothing waits any more."""
        if self._draining is not None and not self._draining.done():
            await asyncio.wait([self._draining])

    async def _drain(self) -> None:
        while self._pending:
            group = [self._pending.pop(0)]
            size = len(group[0][0].batch)
            while self._pending and size + len(self._pending[0][0].batch) <= self._group_rows:
                size += len(self._pending[0][0].batch)
                group.append(self._pending.pop(0))
            await self._write(group)

    async def _write(self, group: Sequence[_Waiting]) -> None:
        try:
            await self._connections.run(partial(self._writer.write, deliveries=[delivery for delivery, _ in group]))
        except Exception as error:  # noqa: BLE001 (whoever waits for the write is told)
            if len(group) > 1 and not isinstance(error, UnavailableError):
                for each in group:  # one of them cannot be written: it must not hold up the others
                    await self._write([each])
                return
            for _, future in group:
                if not future.done():
                    future.set_exception(error)
            return
        for delivery, future in group:
            if not future.done():
                future.set_result(delivery.position)
