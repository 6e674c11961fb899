"""A consumer follows a stream of samples: every partition that its group gives this process, each in order."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping
from typing import Literal

from andon.engines.log.follower import ConsumerLimits, Follower, Following, Handled, Handler
from andon.engines.log.membership import Everything
from andon.engines.log.port import Log, Membership
from andon.kit.errors import UnavailableError

__all__ = ["Consumer", "ConsumerLimits", "Handler", "StartAt"]

log = logging.getLogger(__name__)

_RETRY_S = 1.0

StartAt = Literal["committed", "end"] | int | Mapping[int, int] | Callable[[int], Awaitable[int]]
"""Where a partition is taken up: a position, positions by partition (others from their beginning), or a callable
that is asked for the position of a partition when it is taken up.
"""


class Consumer:
    """Follows one stream for one group.

    `start_at`: where the group committed, the stream's end (what is new from now on), or the position that
    the consumer keeps itself. `commit=False` follows all partitions and tells the log nothing: retention does
    not wait for it. Otherwise the group's members share the partitions, and `handle` may be called for several
    partitions at the same time. `keep_unreadable`: records without samples go to the dead letters (by default when
    it commits; of several groups on a stream one is to do that).
    """

    def __init__(
        self,
        log: Log,
        stream: str,
        group: str,
        handle: Handler,
        *,
        start_at: StartAt = "committed",
        commit: bool = True,
        limits: ConsumerLimits | None = None,
        keep_unreadable: bool | None = None,
    ) -> None:
        self.group = group
        self.stream = stream
        self.handled = Handled()
        self._log = log
        self._start_at = start_at
        self._commit = commit
        self._following = Following(
            log,
            stream,
            group,
            group if commit else None,
            handle,
            log.codec,
            commit if keep_unreadable is None else keep_unreadable,
            limits or ConsumerLimits(),
            self.handled,
        )
        self._followers: dict[int, Follower] = {}
        self._tasks: dict[int, asyncio.Task[None]] = {}
        self._stopping = asyncio.Event()
        self._names = {"consumer": group, "stream": stream}

    @property
    def positions(self) -> dict[int, int]:
        """By followed partition, the position up to which everything is handled."""
        return {partition: follower.position for partition, follower in self._followers.items()}

    async def run(self) -> None:
        """Follow the partitions until `stop`."""
        membership = await self._join()
        if membership is None:
            return
        membership.on_revoke(self._give_up)
        try:
            while not self._stopping.is_set():
                await self._take(membership)
                await self._until_changed(membership)
        finally:
            await self._give_up(frozenset(self._tasks))
            await membership.leave()

    async def stop(self) -> None:
        """Have `run` end after the batches in hand; the handler is not interrupted."""
        self._stopping.set()
        for follower in self._followers.values():
            follower.stop()

    async def lag(self) -> int:
        """Records that are in the followed partitions and not handled yet."""
        return sum([await follower.lag() for follower in tuple(self._followers.values())])

    async def seek(self, partition: int = 0) -> int:
        """The position at which a partition is taken up."""
        end = await self._log.end(self.stream, partition)
        if self._start_at == "end":
            position = end
        elif self._start_at == "committed":
            position = await self._log.committed(self.group, self.stream, partition)
        elif isinstance(self._start_at, int):
            position = self._start_at
        elif isinstance(self._start_at, Mapping):
            position = self._start_at.get(partition, 0)
        else:
            position = await self._start_at(partition)
        if position > end:
            log.warning(
                "the log is shorter than this consumer remembers, it was replaced: starting at its beginning",
                extra={**self._names, "partition": partition, "position": position, "end": end},
            )
            position = 0
        if self._commit:
            # From now on retention waits for this group.
            await self._log.commit(self.group, self.stream, position, partition)
        return position

    async def _join(self) -> Membership | None:
        """The group's membership; waits while the log is away. None when stopped meanwhile."""
        away = False
        while not self._stopping.is_set():
            try:
                if self._commit:
                    return await self._log.join(self.group, self.stream)
                return await Everything.of(self._log, self.stream)
            except UnavailableError as error:
                if not away:
                    log.warning("the log cannot be joined", extra={**self._names, "error": error.message})
                away = True
                await self._pause()
        return None

    async def _take(self, membership: Membership) -> None:
        """Follow the partitions that are new, let go of those that are gone."""
        await self._give_up(frozenset(self._tasks) - membership.partitions)
        for partition in sorted(membership.partitions - self._tasks.keys()):
            follower = await self._follower(partition)
            if follower is None:
                return
            if partition not in membership.partitions:
                continue  # it was revoked meanwhile
            self._followers[partition] = follower
            name = f"{self.group} {self.stream}/{partition}"
            self._tasks[partition] = asyncio.create_task(follower.run(), name=name)

    async def _follower(self, partition: int) -> Follower | None:
        while not self._stopping.is_set():
            try:
                return Follower(self._following, partition, await self.seek(partition))
            except UnavailableError as error:
                log.warning("a partition waits", extra={**self._names, "error": error.message})
                await self._pause()
        return None

    async def _give_up(self, partitions: frozenset[int]) -> None:
        """End the followers of some partitions after the batch in hand."""
        tasks = [self._tasks[each] for each in partitions if each in self._tasks]
        for partition in partitions & self._followers.keys():
            self._followers[partition].stop()
        await asyncio.gather(*tasks, return_exceptions=True)
        for partition in partitions:
            self._tasks.pop(partition, None)
            self._followers.pop(partition, None)

    async def _until_changed(self, membership: Membership) -> None:
        """Until the partitions change or the consumer is stopped. Raises what a follower raised."""
        changed = asyncio.ensure_future(membership.changed())
        stopping = asyncio.ensure_future(self._stopping.wait())
        following = tuple(self._tasks.values())
        try:
            await asyncio.wait((changed, stopping, *following), return_when=asyncio.FIRST_COMPLETED)
        finally:
            changed.cancel()
            stopping.cancel()
        for task in following:
            if task.done():
                task.result()

    async def _pause(self) -> None:
        try:
            async with asyncio.timeout(_RETRY_S):
                await self._stopping.wait()
        except TimeoutError:
            return
