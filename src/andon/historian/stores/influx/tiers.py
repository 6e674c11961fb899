"""The sums of minutes and hours: which hours have to be made anew, and having InfluxDB make them.

Every write notes first which hours it touches, in InfluxDB too, so that a crash forgets none. An hour is made anew
from its samples, never added to: what comes twice counts once.
"""

from __future__ import annotations

import asyncio
import logging
import time
import uuid
from collections.abc import Callable, Collection, Iterable, Mapping
from typing import Final

import numpy as np

from andon.historian.model import Source
from andon.historian.rollup import combined
from andon.historian.stores.influx import queries, tier_queries
from andon.historian.stores.influx.client import InfluxClient
from andon.historian.stores.influx.floors import Device, Floors
from andon.historian.stores.influx.lines import TEXT_KIND
from andon.historian.stores.influx.names import STATE, TOUCHED, identifier, key, literal
from andon.historian.stores.influx.signals import Place
from andon.historian.stores.influx.state import Atlas
from andon.kit.clock import US_PER_DAY, US_PER_HOUR

logger = logging.getLogger(__name__)
_KEPT_US: Final = 7 * US_PER_DAY

Hour = tuple[str, int]
"""A measurement, and when the hour begins (µs UTC)."""


class Tiers:
    """Knows the hours whose sums are not right; `make` mends them."""

    def __init__(
        self,
        client: InfluxClient,
        atlas: Atlas,
        floors: Floors,
        database: str,
        age_s: float,
        clock: Callable[[], int],
    ) -> None:
        self._client = client
        self._atlas = atlas
        self._floors = floors
        self._database = database
        self._age_s = age_s
        self._clock = clock
        self._others: dict[Hour, int] = {}
        self._read_at = -age_s
        self._owner = uuid.uuid4().hex[:12]
        self._touched: dict[Hour, int] = {}
        self._generation = 0
        self._making = asyncio.Lock()

    async def load(self) -> None:
        """Hours that were touched when this or another process ended: they are made once more."""
        old = self._clock() - _KEPT_US
        for name, owner, hour, at in await self._marks():
            self._touched.setdefault((name, hour), 0)
            if at < old:
                await self._forget(name, hour, owner)

    async def standing(self) -> Mapping[Hour, int]:
        """The hours whose sums are not made, or not right any more: this process's and, lately read, all others'."""
        if time.monotonic() - self._read_at >= self._age_s:
            self._others = {(name, hour): 0 for name, owner, hour, _ in await self._marks() if owner != self._owner}
            self._read_at = time.monotonic()
        return {**self._others, **self._touched} if self._others else self._touched

    async def _marks(self) -> list[tuple[str, str, int, int]]:
        """(measurement, owner, hour, when it was touched) of all that is noted."""
        statement = f"SELECT at FROM {queries.source(STATE, TOUCHED)} GROUP BY measured, owner"  # noqa: S608
        found = (await self._client.query(statement))[0]
        return [(each.tags["measured"], each.tags["owner"], hour, at) for each in found for hour, at in each.values]

    async def touch(self, hours: Iterable[Hour]) -> None:
        """Samples of these hours are about to be written."""
        hours = set(hours)
        new = [each for each in hours if each not in self._touched]
        now = self._clock()
        lines = [f"{TOUCHED},measured={key(name)},owner={self._owner} at={now}i {hour}".encode() for name, hour in new]
        if lines:
            await self._client.write(STATE, lines)
        self._generation += 1
        self._touched.update(dict.fromkeys(hours, self._generation))

    async def make(self, upto: int) -> int:
        """Make the sums of touched hours that end by `upto`; how many those were."""
        async with self._making:
            due = sorted(each for each in self._touched if each[1] + US_PER_HOUR <= upto)
            await self._floors.load()
            for name, hour in due:
                generation = self._touched[name, hour]
                await self._make(name, hour)
                if self._touched[name, hour] == generation:  # nothing was written meanwhile
                    await self._forget(name, hour, self._owner)
                    del self._touched[name, hour]
            return len(due)

    async def _make(self, measurement: str, hour: int) -> None:
        places = {each.place for where in await self._atlas.all() for each in where.stretches}
        here = [place for place in places if place.measurement == measurement]
        fields = sorted({place.field for place in here})
        asked = [tier_queries.highest(measurement, field, hour) for field in fields]
        highest = [found[0].values[0][1] if found else None for found in await self._client.query(*asked)]
        devices = {Device.at(place) for place in here}
        cut = {device for device in devices if self._floors.of("raw", device) > hour}
        for tier in ("minute", "hour"):
            statements = self._removals(tier, measurement, hour, devices - cut if cut else None)
            for field, code in zip(fields, highest, strict=True):
                if code is not None:
                    mixed = code >= TEXT_KIND
                    statements += tier_queries.make(tier, self._database, measurement, field, hour, mixed=mixed)
            await self._client.query(*statements)
        await self._mend_hours([place for place in here if Device.at(place) in cut], hour)

    def _removals(self, tier: Source, measurement: str, hour: int, devices: Collection[Device] | None) -> list[str]:
        """Sums are replaced, but those of devices that have lost samples of the hour: there they are added to."""
        when = queries.within(hour, hour + US_PER_HOUR)
        conditions = [when] if devices is None else [f"{device.condition} AND {when}" for device in sorted(devices)]
        return [each for condition in conditions for each in tier_queries.remove(tier, [measurement], condition)]

    async def _mend_hours(self, places: Collection[Place], hour: int) -> None:
        """Where samples of the hour have been dropped, its sums are those of its minutes."""
        edges = np.array([hour, hour + US_PER_HOUR], np.int64)
        when = queries.within(hour, hour + US_PER_HOUR)
        lines = []
        for place in sorted(places):
            if self._floors.of("minute", Device.at(place)) > hour:
                continue
            condition = f"{queries.of_series(place.tags)} AND {when}"
            statement = tier_queries.read("minute", place.measurement, place.field, condition)
            for series in (await self._client.query(statement))[0]:
                lines += tier_queries.lines("hour", place, combined(tier_queries.rows(0, series, 0), edges))
        await self._client.write(tier_queries.POLICIES["hour"], lines)

    async def _forget(self, measurement: str, hour: int, owner: str) -> None:
        condition = f"measured = {literal(measurement)} AND owner = {literal(owner)} AND time = {hour}u"
        await self._client.query(f"DELETE FROM {identifier(TOUCHED)} WHERE {condition}")  # noqa: S608
