"""Drops what the policies no longer keep: whole days, after their sums were made. Pinned days stay.

Whole shards where all devices agree, which costs InfluxDB nothing; else device by device.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from datetime import datetime

from andon.historian.model import Source
from andon.historian.retention import Dropped, RetentionPolicies
from andon.historian.stores.influx import queries, tier_queries
from andon.historian.stores.influx.client import InfluxClient
from andon.historian.stores.influx.floors import NEVER, TIERS, Device, Floors
from andon.historian.stores.influx.names import identifier
from andon.historian.stores.influx.newest import Newest
from andon.historian.stores.influx.signals import Whereabouts
from andon.historian.stores.influx.state import Atlas
from andon.historian.stores.influx.tiers import Tiers
from andon.kit.clock import US_PER_DAY, US_PER_S

logger = logging.getLogger(__name__)


class Retaining:
    """Retention of one store."""

    def __init__(self, client: InfluxClient, atlas: Atlas, floors: Floors, tiers: Tiers, newest: Newest) -> None:
        self._client = client
        self._atlas = atlas
        self._floors = floors
        self._tiers = tiers
        self._newest = newest
        self.policies = RetentionPolicies()

    async def retain(self, policies: RetentionPolicies, now: int) -> list[Dropped]:
        """See `HistoryStore.retain`."""
        self.policies = policies
        wheres = await self._atlas.all()
        await self._floors.load()
        devices: dict[Device, list[Whereabouts]] = {}
        for where in wheres:
            devices.setdefault(Device.of(where), []).append(where)
        if not devices or self._client.second:
            return []
        wanted = self._wanted(devices, policies, now)
        # Last of all the sums of what goes; also of late samples of days that went before.
        await self._tiers.make(max(at for (tier, _), at in wanted.items() if tier == "raw"))
        await self._newest.keep([where for each in devices.values() for where in each], before=wanted)
        await self._floors.raise_to({each: at for each, at in wanted.items() if at > self._floors.of(*each)})
        dropped = []
        for tier in TIERS:
            floors = {device: wanted[tier, device] for device in devices}
            dropped += await self._drop_shards(tier, floors)
            await self._drop_devices(tier, floors, devices)
        return dropped

    def _wanted(
        self, devices: Mapping[Device, Sequence[Whereabouts]], policies: RetentionPolicies, now: int
    ) -> dict[tuple[Source, Device], int]:
        """Up to when each tier of each device goes. A device keeps what any of its tags wants kept.

        What came late to days that went under another policy is kept as this one says, as everything is.
        """
        wanted: dict[tuple[Source, Device], int] = {}
        for device, wheres in devices.items():
            finer = 1 << 62
            for tier in TIERS:
                cutoffs = [policies.of(where.tag_id).cutoff(tier, now) for where in wheres]
                known = [cutoff // US_PER_DAY * US_PER_DAY for cutoff in cutoffs if cutoff is not None]
                floor = min(known) if len(known) == len(cutoffs) else NEVER
                # Sums stay as long as what they were made from.
                finer = min(floor, finer)
                wanted[tier, device] = finer
        return wanted

    async def _drop_shards(self, tier: Source, floors: Mapping[Device, int]) -> list[Dropped]:
        lowest = min(floors.values())
        if lowest == NEVER:
            return []
        sizes = await shard_sizes(self._client)
        dropped = []
        for number, policy, start, end in await shards(self._client):
            days = range(start, end, US_PER_DAY)
            if policy != tier_queries.POLICIES[tier] or end > lowest or self._floors.pinned_days.intersection(days):
                continue
            rows = await self._count(tier, start, end)
            await self._client.query(f"DROP SHARD {number}")
            dropped.append(Dropped(tier, start, end, rows, sizes.get(number, (policy, 0))[1]))
            logger.info("history was dropped", extra={"tier": tier, "rows": rows})
        return dropped

    async def _count(self, tier: Source, start: int, end: int) -> int:
        ending = "_quality" if tier == "raw" else "_total"
        statement = (
            f"SELECT count(/{ending}$/) FROM {identifier(tier_queries.POLICIES[tier])}./.*/ "  # noqa: S608
            f"WHERE {queries.within(start, end)}"
        )
        found = (await self._client.query(statement))[0]
        return sum(int(cell or 0) for series in found for cell in series.values[0][1:])

    async def _drop_devices(
        self, tier: Source, floors: Mapping[Device, int], devices: Mapping[Device, Sequence[Whereabouts]]
    ) -> None:
        """What lies in shards that others still need."""
        statements = []
        for device, floor in floors.items():
            if floor == NEVER:
                continue
            names = sorted({each.place.measurement for where in devices[device] for each in where.stretches})
            for start, end in _without(sorted(self._floors.pinned(device)), floor):
                condition = f"{device.condition} AND {queries.within(start, end)}"
                statements += tier_queries.remove(tier, names, condition)
        for at in range(0, len(statements), 50):
            await self._client.query(*statements[at : at + 50])


def _without(days: Sequence[int], end: int) -> list[tuple[int, int]]:
    """The stretches before `end` between these days."""
    found, start = [], NEVER
    for day in days:
        if day < end:
            found.append((start, day))
            start = day + US_PER_DAY
    return [(a, b) for a, b in [*found, (start, end)] if a < b]


async def shards(client: InfluxClient) -> list[tuple[int, str, int, int]]:
    """(number, retention policy, start, end) of the database's shards, times in µs UTC."""
    found = []
    for series in (await client.query("SHOW SHARDS"))[0]:
        for row in series.values:
            cells = dict(zip(series.columns, row, strict=True))
            if series.name == client.database:
                start, end = (_us(cells[name]) for name in ("start_time", "end_time"))
                found.append((int(cells["id"]), str(cells["retention_policy"]), start, end))
    return found


async def shard_sizes(client: InfluxClient) -> dict[int, tuple[str, int]]:
    """Retention policy and bytes on the disk of each of the database's shards."""
    found = {}
    for series in (await client.query("SHOW STATS FOR 'shard'"))[0]:
        if series.tags.get("database") == client.database:
            cells = dict(zip(series.columns, series.values[0], strict=True))
            found[int(series.tags["id"])] = (series.tags["retentionPolicy"], int(cells.get("diskBytes") or 0))
    return found


def _us(text: str) -> int:
    return round(datetime.fromisoformat(text).timestamp()) * US_PER_S
