"""Keeps S1's keys of all devices up to date: once a second what changed, in one go, in a thread of its own."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from andon.engines.livestate.port import LiveState, TagIds
from andon.engines.livestate.redis_keys import WINDOWS, Entry, PublishedDevice, current_entry, packed, stats_entry
from andon.engines.livestate.redis_link import RedisLink
from andon.kit.clock import US_PER_S

_MINUTE: Final = 60 * US_PER_S
_AT_A_TIME: Final = 256
_COMMANDS_A_WRITE: Final = 2_000

Devices = Callable[[], tuple[object, Sequence[PublishedDevice]]]
"""The devices to publish, and a version that differs when they do: they are not looked at again while it is equal."""


class KeyWriter:
    """Give it `devices`, `touch` it with what came, `write` now and then: also what it could not write before.

    Values are read on the event loop, in short steps; making JSON and talking to Redis is a thread's work.
    """

    def __init__(self, link: RedisLink, live: LiveState) -> None:
        self.devices: Devices = lambda: (None, ())
        self._link = link
        self._live = live
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="redis-keys")
        self._client: Any = None
        self._connection: Any = None  # the client has no types for what it sends packed
        self._version: object = None
        self._devices: Sequence[PublishedDevice] = ()
        self._tags: NDArray[np.int32] = np.empty(0, np.int32)
        self._stale_after: NDArray[np.int64] = np.empty(0, np.int64)
        self._stale = np.zeros(0, np.bool_)
        self._fresh = np.zeros(0, np.bool_)  # devices that are new or changed
        self._held: set[str] = set()  # keys of statistics that exist: those without samples are removed once
        self._touched = np.zeros(256, np.bool_)
        self._everything = True
        self._minute = 0

    def touch(self, tag_ids: TagIds) -> None:
        """New samples of these tags came."""
        highest = int(tag_ids.max(initial=-1))
        if highest >= len(self._touched):
            grown = np.zeros(max(highest + 1, 2 * len(self._touched)), np.bool_)
            grown[: len(self._touched)] = self._touched
            self._touched = grown
        self._touched[tag_ids[tag_ids >= 0]] = True

    def forget(self) -> None:
        """Redis may have lost everything: write all keys the next time."""
        self._everything = True

    async def write(self, now: int) -> int:
        """Write what changed since the last time; how many keys that were. Raises what `RedisLink.away` names."""
        gone = self._load()
        changed, moved = self._changed(now)
        entries = [Entry(key, None) for key in gone]
        try:
            entries += await self._currents(changed, now)
            entries += await self._statistics(moved, now)
            if entries:
                await asyncio.get_running_loop().run_in_executor(self._thread, self._send, entries)
        except BaseException:
            self._everything = True
            raise
        self._held.difference_update(entry.key for entry in entries if entry.value is None)
        return len(entries)

    async def close(self) -> None:
        """Finish the write in hand and disconnect."""
        await asyncio.get_running_loop().run_in_executor(None, self._thread.shutdown)
        self._disconnect()

    def _load(self) -> list[str]:
        """Look at the devices again when they changed; the keys of those that are gone."""
        version, devices = self.devices()
        if version == self._version:
            return []
        before = {(each.prefix, each.device_id): (each, row) for row, each in enumerate(self._devices)}
        known = [before.pop((each.prefix, each.device_id), (None, -1)) for each in devices]
        rows = np.array([row for _, row in known], np.intp)
        self._stale = np.append(self._stale, False)[rows]  # -1, a new device, finds what was appended
        self._fresh = np.array([old != new for (old, _), new in zip(known, devices, strict=True)], np.bool_)
        self._version, self._devices = version, devices
        self._tags = np.array([each.tag_id for each in devices], np.int32)
        self._stale_after = np.array([each.stale_after_us for each in devices], np.int64)
        return [key for each, _ in before.values() for key in each.keys]

    def _changed(self, now: int) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
        """Rows of the devices whose value, or its status, changed; and of those whose statistics did."""
        received = self._live.columns(self._tags).received
        seen = received > 0
        stale = seen & (now - received > self._stale_after)
        known = (self._tags >= 0) & (self._tags < len(self._touched))
        touched = self._fresh | (known & self._touched[np.where(known, self._tags, 0)])
        minute = now // _MINUTE
        changed = seen if self._everything else touched | (stale != self._stale)
        # Windows move on with each minute, also under a device that is silent.
        moved = seen if self._everything or minute != self._minute else touched
        self._stale, self._minute, self._everything = stale, minute, False
        self._touched[:] = self._fresh[:] = False
        return np.flatnonzero(changed), np.flatnonzero(moved)

    async def _currents(self, rows: NDArray[np.intp], now: int) -> list[Entry]:
        entries = []
        for part in _parts(rows):
            found = zip(part.tolist(), self._live.current_many(self._tags[part]), strict=True)
            made = [current_entry(self._devices[row], current, now) for row, current in found if current is not None]
            entries += [entry for entry in made if entry is not None]
            await asyncio.sleep(0)
        return entries

    async def _statistics(self, rows: NDArray[np.intp], now: int) -> list[Entry]:
        entries = []
        for part in _parts(rows):
            for window in WINDOWS:
                found = zip(part.tolist(), self._live.stats_many(self._tags[part], window, now), strict=True)
                made = [stats_entry(self._devices[row], window, stats) for row, stats in found]
                entries += [entry for entry in made if entry.value is not None or entry.key in self._held]
                self._held.update(entry.key for entry in made if entry.value is not None)
                await asyncio.sleep(0)
        return entries

    def _send(self, entries: Sequence[Entry]) -> None:
        """In the thread. After an error the connection is given up: replies may still be on their way."""
        connection = self._connected()
        try:
            for at in range(0, len(entries), _COMMANDS_A_WRITE):
                part = entries[at : at + _COMMANDS_A_WRITE]
                connection.send_packed_command([packed(part)])
                for _ in part:
                    connection.read_response()
        except BaseException:
            self._disconnect()
            raise

    def _connected(self) -> Any:
        if self._connection is None:
            self._client = self._link.blocking()
            self._connection = self._client.connection_pool.get_connection()
        return self._connection

    def _disconnect(self) -> None:
        if self._connection is not None:
            self._connection.disconnect()
        if self._client is not None:
            self._client.close()
        self._connection = self._client = None


def _parts(rows: NDArray[np.intp]) -> Iterable[NDArray[np.intp]]:
    return (rows[at : at + _AT_A_TIME] for at in range(0, len(rows), _AT_A_TIME))
