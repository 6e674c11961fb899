"""The sums of minutes and hours: which hours have to be made anew, and having InfluxDB make them.

Every write notes first which hours it touches, in InfluxDB too, so that a crash forgets none. An hour is made anew
from its samples, never added to: what comes twice counts once.
"""

from __future__ import annotations

import asyncio
import logging
import time
import uuid
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from typing import Final

import numpy as np

from andon.historian.rollup import combined, rollup
from andon.historian.stores.influx import queries, tier_queries
from andon.historian.stores.influx.client import AgainError, InfluxClient, Series
from andon.historian.stores.influx.floors import Device, Floors
from andon.historian.stores.influx.lines import TEXT_KIND
from andon.historian.stores.influx.names import STATE, TOUCHED, identifier, key, literal
from andon.historian.stores.influx.newest import as_batch
from andon.historian.stores.influx.signals import Place
from andon.historian.stores.influx.state import Atlas
from andon.kit.clock import US_PER_DAY, US_PER_HOUR, to_iso
from andon.kit.errors import UnavailableError
from andon.kit.quality import Quality

logger = logging.getLogger(__name__)
_KEPT_US: Final = 7 * US_PER_DAY
_MOST_SAMPLES: Final = 1_000_000

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
        """Samples of these hours are about to be written. On InfluxDB 2 no sums are made, so nothing is noted."""
        hours = set() if self._client.second else set(hours)
        new = [each for each in hours if each not in self._touched]
        now = self._clock()
        lines = [f"{TOUCHED},measured={key(name)},owner={self._owner} at={now}i {hour}".encode() for name, hour in new]
        if lines:
            await self._client.write(STATE, lines)
        self._generation += 1
        self._touched.update(dict.fromkeys(hours, self._generation))

    async def make(self, upto: int) -> int:
        """Make the sums of touched hours that end by `upto`; how many those were."""
        return await self._make_all(lambda _name, hour: hour + US_PER_HOUR <= upto)

    async def make_before(self, floors: Mapping[str, int]) -> None:
        """Make the sums of touched hours that begin before a measurement's floor: nobody asks the samples there."""
        await self._make_all(lambda name, hour: name in floors and hour < floors[name])

    async def _make_all(self, due: Callable[[str, int], bool]) -> int:
        if not any(due(*each) for each in self._touched):
            return 0
        async with self._making:
            await self._floors.load()
            hours = sorted(each for each in self._touched if due(*each))
            return len([each for each in hours if await self._made(*each)])

    async def _made(self, measurement: str, hour: int) -> bool:
        generation = self._touched[measurement, hour]
        try:
            await self._make(measurement, hour)
        except AgainError:
            raise
        except UnavailableError as error:  # such as a mean beyond all numbers: the samples go on being asked
            names = {"measurement": measurement, "hour": to_iso(hour), "error": error.message}
            logger.warning("the sums of an hour cannot be made", extra=names)
            return False
        if self._touched[measurement, hour] == generation:  # nothing was written meanwhile
            await self._forget(measurement, hour, self._owner)
            del self._touched[measurement, hour]
        return True

    async def _make(self, measurement: str, hour: int) -> None:
        places = {each.place for where in await self._atlas.all() for each in where.stretches}
        here = sorted(place for place in places if place.measurement == measurement)
        cut = {device for place in here if self._floors.of("raw", device := Device.at(place)) > hour}
        fields = sorted({place.field for place in here})
        when = queries.within(hour, hour + US_PER_HOUR)
        await self._client.query(*self._removals(measurement, here, cut, when))
        await self._client.query(*await self._minutes(measurement, fields, when))
        for place in here:
            if Device.at(place) in cut:
                await self._add_minutes(place, hour)
        for field in fields:
            await self._make_hour(measurement, field, hour)

    def _removals(self, measurement: str, places: Iterable[Place], cut: Collection[Device], when: str) -> list[str]:
        """Sums are replaced, but not those of devices that have lost samples of the hour: there they are added to."""
        if not cut:
            return tier_queries.remove("minute", [measurement], when)
        whole = sorted({Device.at(place) for place in places} - set(cut))
        conditions = [f"{device.condition} AND {when}" for device in whole]
        return [each for condition in conditions for each in tier_queries.remove("minute", [measurement], condition)]

    async def _minutes(self, measurement: str, fields: Sequence[str], when: str) -> list[str]:
        """The statements that make them: one for all fields that have good numbers only."""
        found = (await self._client.query(tier_queries.bounds(measurement, fields, when)))[0]
        if not found:
            return []
        row = found[0].values[0]
        codes = {field: (row[1 + 2 * at], row[2 + 2 * at]) for at, field in enumerate(fields)}
        held = {field: pair for field, pair in codes.items() if pair[0] is not None}
        good = [field for field, (low, high) in held.items() if low >= Quality.GOOD and high < TEXT_KIND]
        statements = [tier_queries.make_good(self._database, measurement, good, when)] if good else []
        for field in held.keys() - set(good):
            statements += tier_queries.make_any(self._database, measurement, field, when)
        return statements

    async def _add_minutes(self, place: Place, hour: int) -> None:
        """Minutes that have samples anew, where the sums of others stand for samples that are gone."""
        statement = queries.samples(place, hour, hour + US_PER_HOUR, _MOST_SAMPLES, newest_first=False)
        for series in (await self._client.query(statement))[0]:
            rows = rollup(as_batch({0: queries.columns(series)}), tier_queries.WIDTHS["minute"])
            await self._client.write(tier_queries.POLICIES["minute"], tier_queries.lines("minute", place, rows))

    async def _make_hour(self, measurement: str, field: str, hour: int) -> None:
        """An hour's sums are those of its minutes."""
        when = queries.within(hour, hour + US_PER_HOUR)
        found = (await self._client.query(tier_queries.read("minute", measurement, field, when)))[0]
        lines = await asyncio.to_thread(_hours, measurement, field, hour, found)
        await self._client.write(tier_queries.POLICIES["hour"], lines)

    async def _forget(self, measurement: str, hour: int, owner: str) -> None:
        condition = f"measured = {literal(measurement)} AND owner = {literal(owner)} AND time = {hour}u"
        await self._client.query(f"DELETE FROM {identifier(TOUCHED)} WHERE {condition}")  # noqa: S608


def _hours(measurement: str, field: str, hour: int, found: Iterable[Series]) -> list[bytes]:
    """One line a series, from its minutes."""
    edges = np.array([hour, hour + US_PER_HOUR], np.int64)
    made = []
    for series in found:
        tags = queries.tags_of(series)
        place = Place(measurement, (tags[0], tags[1], tags[2], tags[3]), field)
        made += tier_queries.lines("hour", place, combined(tier_queries.rows(0, series, 0), edges))
    return made
