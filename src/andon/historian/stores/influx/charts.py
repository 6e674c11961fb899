"""Sums of several tags over buckets, worked out by InfluxDB: the fewest queries that give them."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Coroutine, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from andon.historian.model import Source
from andon.historian.rollup import TierRows, combined, merge
from andon.historian.stores.influx import queries, tier_queries
from andon.historian.stores.influx.client import InfluxClient, Series
from andon.historian.stores.influx.floors import TIERS, Device, Floors
from andon.historian.stores.influx.limits import InfluxLimits
from andon.historian.stores.influx.lines import TEXT_KIND
from andon.historian.stores.influx.planner import Piece, plan
from andon.historian.stores.influx.signals import Group, Whereabouts, grouped
from andon.historian.stores.influx.tiers import Hour, Tiers

MANY_DEVICES = 100
"""With more it is quicker to ask for all series of a measurement than to name those that are wanted."""


@dataclass(frozen=True, slots=True)
class _Grid:
    """Windows of equal `width` from `start` on; width 0: a single one."""

    start: int
    end: int
    width: int

    @property
    def window(self) -> str:
        return queries.window(self.width, self.start) if self.width else ""


class Charts:
    """Asks for sums. The rows of a tag are sorted and stand for different samples."""

    def __init__(self, client: InfluxClient, limits: InfluxLimits, floors: Floors, tiers: Tiers) -> None:
        self._client = client
        self._limits = limits
        self._floors = floors
        self._tiers = tiers

    async def sums(self, wheres: Sequence[Whereabouts], edges: NDArray[np.int64]) -> dict[int, tuple[TierRows, Source]]:
        """For each tag one row per edges[i] ≤ timestamp < edges[i + 1] that holds samples, and its source."""
        await self._floors.load()
        touched = await self._tiers.standing()
        plans: dict[tuple[Piece, ...], list[Whereabouts]] = {}
        for where in wheres:
            plans.setdefault(self._plan(where, edges, touched), []).append(where)
        found: dict[int, tuple[TierRows, Source]] = {}
        for pieces, alike in plans.items():
            coarsest = TIERS[max((TIERS.index(piece.tier) for piece in pieces), default=0)]
            parts: dict[int, list[TierRows]] = {}
            for tag, rows in await self._of_pieces(alike, pieces, edges):
                parts.setdefault(tag, []).append(rows)
            found.update((tag, (combined(merge(rows), edges), coarsest)) for tag, rows in parts.items())
        return found

    def lacks_samples(self, wheres: Sequence[Whereabouts], start: int) -> bool:
        """Whether retention has dropped samples from then on."""
        return any(self._floors.of("raw", Device.of(where)) > start for where in wheres)

    def _plan(self, where: Whereabouts, edges: NDArray[np.int64], touched: Mapping[Hour, int]) -> tuple[Piece, ...]:
        device = Device.of(where)
        names = {stretch.place.measurement for stretch in where.stretches}
        hours = [hour for name, hour in touched if name in names]
        return plan(edges, self._floors.of("raw", device), self._floors.of("minute", device), hours)

    async def _of_pieces(
        self, wheres: Sequence[Whereabouts], pieces: Sequence[Piece], edges: NDArray[np.int64]
    ) -> list[tuple[int, TierRows]]:
        asked: list[Coroutine[Any, Any, list[tuple[int, TierRows]]]] = []
        for piece in pieces:
            if piece.tier != "raw":
                asked.append(self._of_tier(wheres, piece))
                continue
            inside = edges[(edges > piece.start) & (edges < piece.end)]
            grids = _grids(np.array([piece.start, *inside, piece.end], np.int64), self._limits.max_windows)
            asked += [self._of_grid(wheres, grid) for grid in grids]
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
            places = where.between(piece.start, piece.end)
            for order, (place, start, end) in enumerate(places):
                # The row in which it moved begins before.
                first = start if order == 0 else start // width * width
                group = Group(place.measurement, place.field, {place.tags: where.tag_id})
                condition = f"{queries.of_series(place.tags)} AND {queries.within(first, end)}"
                found += await self._rows_of(piece.tier, group, condition, order)
        return found

    async def _rows_of(self, tier: Source, group: Group, condition: str, order: int) -> list[tuple[int, TierRows]]:
        found = await self._client.query(tier_queries.read(tier, group.measurement, group.field, condition))
        by_tag = ((group.tag_ids.get(queries.tags_of(series)), series) for series in found[0])
        return [(tag, tier_queries.rows(tag, series, order)) for tag, series in by_tag if tag is not None]

    async def _of_grid(self, wheres: Iterable[Whereabouts], grid: _Grid) -> list[tuple[int, TierRows]]:
        groups, others = grouped(wheres, grid.start, grid.end)
        found = []
        for group in groups:
            devices = _condition(group)
            found += await self._of_group(group, f"{devices}{queries.within(grid.start, grid.end)}", grid, 0)
        for where in others:
            for order, (place, start, end) in enumerate(where.between(grid.start, grid.end)):
                group = Group(place.measurement, place.field, {place.tags: where.tag_id})
                condition = f"{queries.of_series(place.tags)} AND {queries.within(start, end)}"
                found += await self._of_group(group, condition, grid, order)
        return found

    async def _of_group(self, group: Group, condition: str, grid: _Grid, order: int) -> list[tuple[int, TierRows]]:
        asked = queries.sums(group.measurement, group.field, condition, grid.window)
        values, totals, goods = await self._client.query(*asked)
        worst: Mapping[tuple[str, ...], Series] = {}
        if any(_mixed(series) for series in totals):
            statement = queries.worst(group.measurement, group.field, condition, grid.window)
            worst = _by_tags((await self._client.query(statement))[0])
        by_values, by_goods = _by_tags(values), _by_tags(goods)
        found = []
        for series in totals:
            tags = queries.tags_of(series)
            if tags in group.tag_ids:
                tag = group.tag_ids[tags]
                parts = (series, by_values.get(tags), by_goods.get(tags), worst.get(tags))
                found.append((tag, _rows(tag, parts, grid, order)))
        return found


def _condition(group: Group) -> str:
    """Names the devices that are wanted, unless they are so many that the others cost less than the naming."""
    return "" if len(group.tag_ids) > MANY_DEVICES else f"{queries.of_devices(group.tag_ids)} AND "


def _grids(edges: NDArray[np.int64], most: int) -> list[_Grid]:
    """One grid that all edges lie on, when it has not too many windows; else each bucket by itself."""
    start, end = int(edges[0]), int(edges[-1])
    if len(edges) == 2:
        return [_Grid(start, end, 0)]
    widths = np.diff(edges)
    first = int(widths[0])
    even = bool((widths[:-1] == first).all()) and int(widths[-1]) <= first
    width = first if even else int(np.gcd.reduce(widths))
    if (end - start) // width <= most:
        return [_Grid(start, end, width)]
    return [_Grid(int(a), int(b), 0) for a, b in itertools.pairwise(edges)]


def _mixed(series: Series) -> bool:
    """Whether numbers, texts and nothing meet in a bucket: then the least code is not the worst quality."""
    return any(low < TEXT_KIND <= high or high - low >= TEXT_KIND for _, _, low, high in series.values)


def _by_tags(found: Sequence[Series]) -> dict[tuple[str, ...], Series]:
    return {queries.tags_of(series): series for series in found}


def _rows(
    tag: int, parts: tuple[Series, Series | None, Series | None, Series | None], grid: _Grid, order: int
) -> TierRows:
    """The answers of `queries.sums` put together. `order`: of a tag's stretches that meet in a bucket."""
    totals, values, goods, worst = parts
    table = np.array([row[1:] for row in totals.values], np.int64).reshape(-1, 3)
    times = _starts(totals, grid)
    count = len(times)
    figures = np.full((count, 7), np.nan)
    figures[:, 0] = 0
    if values is not None:
        figures[np.searchsorted(times, _starts(values, grid))] = np.array(
            [row[1:] for row in values.values], np.float64
        )
    good = np.zeros(count, np.int64)
    if goods is not None:
        good[np.searchsorted(times, _starts(goods, grid))] = [row[1] for row in goods.values]
    codes = table[:, 1] % TEXT_KIND
    if worst is not None:
        codes[np.searchsorted(times, _starts(worst, grid))] = [row[1] for row in worst.values]
    counts = figures[:, 0].astype(np.int64)
    with np.errstate(invalid="ignore", over="ignore"):
        m2s = np.where(counts > 1, np.square(figures[:, 4]) * (counts - 1), 0.0)
    return TierRows(
        tag_ids=np.full(count, tag, np.int32),
        starts=times,
        counts=counts,
        totals=table[:, 0],
        goods=good,
        minima=figures[:, 1],
        maxima=figures[:, 2],
        means=figures[:, 3],
        m2s=m2s,
        firsts=figures[:, 5],
        first_ats=times + order,
        lasts=figures[:, 6],
        last_ats=times + order,
        qualities=codes.astype(np.uint8),
    )


def _starts(series: Series, grid: _Grid) -> NDArray[np.int64]:
    """When the windows begin; a single one's time is not looked at, because it differs between answers."""
    if not grid.width:
        return np.array([grid.start], np.int64)
    return np.array([row[0] for row in series.values], np.int64)
