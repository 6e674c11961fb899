"""Sums of several tags over buckets, worked out by InfluxDB: the fewest queries that give them."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Iterable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from andon.historian.model import Source
from andon.historian.rollup import TierRows, combined, merge
from andon.historian.stores.influx import queries, tier_queries
from andon.historian.stores.influx.answers import Grid, Parts, bounds, by_tags, grids_of, rows_of
from andon.historian.stores.influx.client import InfluxClient
from andon.historian.stores.influx.floors import TIERS, Device, Floors
from andon.historian.stores.influx.limits import InfluxLimits
from andon.historian.stores.influx.lines import TEXT_KIND
from andon.historian.stores.influx.planner import Piece, plan
from andon.historian.stores.influx.signals import Group, Place, Whereabouts, grouped
from andon.historian.stores.influx.tier_queries import FIGURES
from andon.historian.stores.influx.tiers import Hour, Tiers
from andon.kit.quality import USABLE, Quality

MANY_DEVICES = 100
"""With more it is quicker to ask for all series of a measurement than to name those that are wanted."""


class Charts:
    """Asks for sums. The rows of a tag are sorted and stand for different samples."""

    def __init__(self, client: InfluxClient, limits: InfluxLimits, floors: Floors, tiers: Tiers) -> None:
        self._client = client
        self._limits = limits
        self._floors = floors
        self._tiers = tiers

    async def sums(
        self, wheres: Sequence[Whereabouts], edges: NDArray[np.int64], names: Sequence[str] = FIGURES
    ) -> dict[int, tuple[TierRows, Source]]:
        """For each tag one row per edges[i] ≤ timestamp < edges[i + 1] that holds samples, and its source.

        `names`: the figures that matter, others may be NaN: InfluxDB reads all samples once for each.
        """
        await self._floors.load()
        await self._tiers.make_before(self._highest_floors(wheres))
        touched = await self._tiers.standing()
        plans: dict[tuple[Piece, ...], list[Whereabouts]] = {}
        for where in wheres:
            plans.setdefault(self._plan(where, edges, touched), []).append(where)
        found: dict[int, tuple[TierRows, Source]] = {}
        for pieces, alike in plans.items():
            coarsest = TIERS[max((TIERS.index(piece.tier) for piece in pieces), default=0)]
            parts: dict[int, list[TierRows]] = {}
            for tag, rows in await self._of_pieces(alike, pieces, edges, names):
                parts.setdefault(tag, []).append(rows)
            found.update((tag, (combined(merge(rows), edges), coarsest)) for tag, rows in parts.items())
        return found

    async def lacks_samples(self, wheres: Sequence[Whereabouts], start: int) -> bool:
        """Whether retention has dropped samples from then on."""
        await self._floors.load()
        return any(self._floors.of("raw", Device.of(where)) > start for where in wheres)

    def _highest_floors(self, wheres: Sequence[Whereabouts]) -> dict[str, int]:
        """Up to when any device's samples were dropped, by measurement."""
        floors: dict[str, int] = {}
        for where in wheres:
            floor = self._floors.of("raw", Device.of(where))
            for stretch in where.stretches:
                name = stretch.place.measurement
                floors[name] = max(floors.get(name, floor), floor)
        return floors

    def _plan(self, where: Whereabouts, edges: NDArray[np.int64], touched: Mapping[Hour, int]) -> tuple[Piece, ...]:
        if self._client.second:
            return (Piece("raw", int(edges[0]), int(edges[-1])),)
        device = Device.of(where)
        names = {stretch.place.measurement for stretch in where.stretches}
        hours = [hour for name, hour in touched if name in names]
        return plan(edges, self._floors.of("raw", device), self._floors.of("minute", device), hours)

    async def _of_pieces(
        self, wheres: Sequence[Whereabouts], pieces: Sequence[Piece], edges: NDArray[np.int64], names: Sequence[str]
    ) -> list[tuple[int, TierRows]]:
        asked: list[Coroutine[Any, Any, list[tuple[int, TierRows]]]] = []
        for piece in pieces:
            if piece.tier != "raw":
                asked.append(self._of_tier(wheres, piece))
                continue
            inside = edges[(edges > piece.start) & (edges < piece.end)]
            grids = grids_of(np.array([piece.start, *inside, piece.end], np.int64), self._limits.max_windows)
            asked += [self._of_grid(wheres, grid, names) for grid in grids]
        found = []
        for at in range(0, len(asked), self._limits.connections):
            for answer in await asyncio.gather(*asked[at : at + self._limits.connections]):
                found += answer
        return found

    async def _of_tier(self, wheres: Sequence[Whereabouts], piece: Piece) -> list[tuple[int, TierRows]]:
        groups, others = grouped(wheres, piece.start, piece.end)
        found = []
        for group in groups:
            condition = f"{_condition(group)}{queries.within(piece.start, piece.end)}"
            found += await self._rows_of(piece.tier, group, condition, 0)
        width = tier_queries.WIDTHS[piece.tier]
        for where in others:
            read: dict[Place, int] = {}
            for order, (place, start, end) in enumerate(where.between(piece.start, piece.end)):
                # The row in which it moved begins before; when it moved back soon, it has been read already.
                first = max(start if order == 0 else start // width * width, read.get(place, start - width))
                read[place] = -(-end // width) * width
                group = Group(place.measurement, place.field, {place.tags: where.tag_id})
                condition = f"{queries.of_series(place.tags)} AND {queries.within(first, end)}"
                found += await self._rows_of(piece.tier, group, condition, order)
        return found

    async def _rows_of(self, tier: Source, group: Group, condition: str, order: int) -> list[tuple[int, TierRows]]:
        found = await self._client.query(tier_queries.read(tier, group.measurement, group.field, condition))
        by_tag = ((group.tag_ids.get(queries.tags_of(series)), series) for series in found[0])
        return [(tag, tier_queries.rows(tag, series, order)) for tag, series in by_tag if tag is not None]

    async def _of_grid(
        self, wheres: Iterable[Whereabouts], grid: Grid, names: Sequence[str]
    ) -> list[tuple[int, TierRows]]:
        groups, others = grouped(wheres, grid.start, grid.end)
        found = []
        for group in groups:
            devices = _condition(group)
            found += await self._of_group(group, f"{devices}{queries.within(grid.start, grid.end)}", grid, 0, names)
        for where in others:
            for order, (place, start, end) in enumerate(where.between(grid.start, grid.end)):
                group = Group(place.measurement, place.field, {place.tags: where.tag_id})
                condition = f"{queries.of_series(place.tags)} AND {queries.within(start, end)}"
                found += await self._of_group(group, condition, grid, order, names)
        return found

    async def _of_group(
        self, group: Group, condition: str, grid: Grid, order: int, names: Sequence[str]
    ) -> list[tuple[int, TierRows]]:
        """First the qualities: nearly always they are all good, and then there is little more to ask."""
        where = (group.measurement, group.field, condition, grid.window)
        totals = (await self._client.query(queries.qualities(*where)))[0]
        wanted = {tags: series for tags, series in by_tags(totals).items() if tags in group.tag_ids}
        if not wanted:
            return []
        lows, highs = bounds(wanted.values())
        clean, numbers = lows >= USABLE and highs < TEXT_KIND, highs < TEXT_KIND
        # Without any the number of usable values is still wanted.
        asked = [queries.figures(*where, clean=clean, names=names if clean and names else ("count", *names))]
        if not (numbers and lows >= Quality.GOOD):
            asked.append(queries.not_good(*where))
        if not numbers:
            asked.append(queries.worst(*where))
        answers = [by_tags(each) for each in await self._client.query(*asked)]
        values, lesser, worst = (*answers, {}, {})[:3]
        found = []
        for tags, series in wanted.items():
            parts = Parts(names, series, values.get(tags), lesser.get(tags), worst.get(tags))
            found.append((group.tag_ids[tags], rows_of(group.tag_ids[tags], parts, grid, order)))
        return found


def _condition(group: Group) -> str:
    """Names the devices that are wanted, unless they are so many that the others cost less than the naming."""
    return "" if len(group.tag_ids) > MANY_DEVICES else f"{queries.of_devices(group.tag_ids)} AND "
