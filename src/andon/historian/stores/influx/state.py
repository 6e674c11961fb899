"""What the store remembers of itself in InfluxDB: positions of the log, and where tags lie."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Iterable, Sequence
from typing import Final

from andon.historian.stores.influx import queries, signals
from andon.historian.stores.influx.client import InfluxClient
from andon.historian.stores.influx.limits import Access, InfluxLimits
from andon.historian.stores.influx.names import (
    HOUR,
    MINUTE,
    POSITIONS,
    RAW,
    SERIES,
    STATE,
    identifier,
    text_value,
)
from andon.historian.stores.influx.signals import Describe, Whereabouts

logger = logging.getLogger(__name__)
_SHARDS: Final = {STATE: "7d", RAW: "1d", MINUTE: "7d", HOUR: "30d"}
_THE_TIME: Final = 0  # of points that are replaced, never added to


async def prepare(client: InfluxClient, access: Access) -> None:
    """Make database and retention policies, if they are not there. On InfluxDB 2 an administrator makes the buckets."""
    if client.second:
        return
    database = identifier(access.database)
    await client.query(f"CREATE DATABASE {database}")
    found = await client.query(f"SHOW RETENTION POLICIES ON {database}")
    there = {row[0] for series in found[0] for row in series.values}
    for name, shard in _SHARDS.items():
        if name not in there:
            default = " DEFAULT" if name == RAW else ""
            await client.query(
                f"CREATE RETENTION POLICY {identifier(name)} ON {database} "
                f"DURATION INF REPLICATION 1 SHARD DURATION {shard}{default}"
            )
            logger.info("a retention policy was made in InfluxDB", extra={"database": access.database, "policy": name})


class Positions:
    """How far the log's partitions are stored. Written now and then: what comes again changes nothing."""

    def __init__(self, client: InfluxClient, limits: InfluxLimits) -> None:
        self._client = client
        self._interval_s = limits.position_interval_s
        self._stored: dict[int, int] = {}
        self._taken: dict[int, int] = {}
        self._written_at = 0.0

    async def of(self, partition: int) -> int:
        """The position that is durable, asked anew: another process may have followed the partition meanwhile."""
        statement = f"SELECT last(position) FROM {queries.source(STATE, POSITIONS)} WHERE partition = '{partition}'"  # noqa: S608
        found = (await self._client.query(statement))[0]
        self._stored[partition] = int(found[0].values[0][1]) if found else 0
        if self._taken.get(partition, 0) <= self._stored[partition]:
            self._taken.pop(partition, None)
        return self._stored[partition]

    async def take(self, partition: int, position: int) -> int:
        """The samples up to a position are stored; the position that is durable."""
        self._taken[partition] = position
        if time.monotonic() - self._written_at >= self._interval_s:
            await self.flush()
        return self._stored.get(partition, 0)

    async def flush(self) -> None:
        """Write the positions that are not durable yet."""
        taken = dict(self._taken)
        if taken:
            lines = [f"{POSITIONS},partition={each} position={at}i {_THE_TIME}".encode() for each, at in taken.items()]
            await self._client.write(STATE, lines)
        self._stored.update(taken)
        self._taken = {each: at for each, at in self._taken.items() if taken.get(each) != at}
        self._written_at = time.monotonic()

    @property
    def stored(self) -> dict[int, int]:
        """What is durable, as far as this process knows."""
        return dict(self._stored)


class Atlas:
    """Where the samples of each tag lie. Shared with other processes through the database."""

    def __init__(self, client: InfluxClient, limits: InfluxLimits) -> None:
        self.describe: Describe = signals.unregistered
        self._client = client
        self._age_s = limits.names_age_s
        self._known: dict[int, Whereabouts] = {}
        self._loaded_at: float | None = None
        self._loading = asyncio.Lock()

    async def of(self, tag_ids: Iterable[int]) -> list[Whereabouts]:
        """Where these tags lie; those that have no samples are left out."""
        await self.load()
        return [self._known[tag] for tag in tag_ids if tag in self._known]

    async def all(self) -> Sequence[Whereabouts]:
        """Where all tags lie."""
        await self.load()
        return tuple(self._known.values())

    async def load(self, *, anew: bool = False) -> None:
        """Read from the database, unless that was just done."""
        async with self._loading:
            fresh = self._loaded_at is not None and time.monotonic() - self._loaded_at < self._age_s
            if fresh and not anew:
                return
            statement = f"SELECT stretches FROM {queries.source(STATE, SERIES)} GROUP BY tag_id"  # noqa: S608
            for series in (await self._client.query(statement))[0]:
                tag = int(series.tags["tag_id"])
                try:
                    self._known[tag] = signals.decode(tag, series.values[0][1])
                except ValueError:
                    logger.exception("it cannot be read where a tag's samples lie", extra={"tag_id": tag})
            self._loaded_at = time.monotonic()

    async def settle(self, tag_ids: Sequence[int]) -> None:
        """Know, and have written down, where samples of these tags belong that are taken now."""
        described = {tag: self.describe(tag) for tag in tag_ids}
        if any(tag not in self._known for tag in described):
            await self.load(anew=True)
        changed = []
        for tag, place in described.items():
            where = self._known.get(tag)
            if where is None:
                changed.append(signals.settled(tag, place))
            elif where.stretches[-1].place != place:
                changed.append(where.moved(await self._after_newest(where), place))
        if changed:
            await self._client.write(STATE, [_line(where) for where in changed])
            self._known.update((where.tag_id, where) for where in changed)

    def forget(self) -> None:
        """The database is empty: nothing is known any more."""
        self._known.clear()
        self._loaded_at = None

    def where(self, tag_id: int) -> Whereabouts:
        """Where a tag lies that is settled."""
        return self._known[tag_id]

    async def _after_newest(self, where: Whereabouts) -> int:
        """The moment after the newest sample of a tag that moved: what was taken until then stays where it is."""
        last = where.stretches[-1]
        place = last.place
        statement = queries.samples(place, last.since, 1 << 62, 1, newest_first=True)
        found = (await self._client.query(statement))[0]
        logger.info("a tag's samples go to another series from now on", extra={"tag_id": where.tag_id})
        return int(found[0].values[0][0]) + 1 if found else last.since


def _line(where: Whereabouts) -> bytes:
    stretches = text_value(signals.encode(where))
    return f"{SERIES},tag_id={where.tag_id} stretches={stretches} {_THE_TIME}".encode()
