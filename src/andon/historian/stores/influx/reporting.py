"""How much InfluxDB holds: samples counted hour by hour, so that only hours that changed are counted again."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable

from andon.historian.model import Source, StorageReport, StoreSize, TierReport
from andon.historian.retention import Retention
from andon.historian.stores.influx import queries, tier_queries
from andon.historian.stores.influx.client import InfluxClient
from andon.historian.stores.influx.floors import TIERS, Floors
from andon.historian.stores.influx.limits import InfluxLimits
from andon.historian.stores.influx.names import RAW, identifier
from andon.historian.stores.influx.retaining import shard_sizes, shards
from andon.historian.stores.influx.tiers import Hour
from andon.kit.clock import US_PER_DAY, US_PER_HOUR, now_us
from andon.kit.errors import UnavailableError

_YEARS_US = 10 * 366 * US_PER_DAY
_ROWS: dict[Source, str] = {"raw": "_quality", "minute": "_total", "hour": "_total"}


class Census:
    """Counts samples. Hours that this process wrote are counted again, and always the last two: others write too."""

    def __init__(self, client: InfluxClient, limits: InfluxLimits, clock: Callable[[], int]) -> None:
        self._client = client
        self._age_s = limits.count_age_s
        self._clock = clock
        self._hours: dict[int, int] = {}
        self._touched: set[int] = set()
        self._all = True
        self._bytes = 0
        self._counted_at = 0.0

    def touch(self, hours: Iterable[Hour]) -> None:
        """Samples of these hours were written."""
        self._touched.update(hour for _, hour in hours)

    def forget(self) -> None:
        """Much has changed: count everything again."""
        self._all = True

    async def size(self) -> StoreSize:
        """Samples, and bytes on the disk; at most `count_age_s` old."""
        if self._all or time.monotonic() - self._counted_at >= self._age_s:
            await self._count()
            self._counted_at = time.monotonic()
        return StoreSize(sum(self._hours.values()), self._bytes)

    async def _count(self) -> None:
        if self._all:
            self._hours, wanted = {}, [await extent(self._client, self._clock(), RAW)]
        else:
            now = self._clock() // US_PER_HOUR * US_PER_HOUR
            hours = sorted(self._touched | {now, now - US_PER_HOUR})
            wanted = [(hour, hour + US_PER_HOUR) for hour in hours]
            for hour in hours:
                self._hours.pop(hour, None)
        self._all = False
        self._touched.clear()
        try:
            for start, end in wanted:
                self._hours.update(await hourly(self._client, RAW, "_quality", start, end))
            self._bytes = sum(size for _, size in (await _sizes(self._client)).values())
        except BaseException:
            self._all = True
            raise


async def hourly(client: InfluxClient, policy: str, ending: str, start: int, end: int) -> dict[int, int]:
    """How many fields of that ending there are, by hours."""
    statement = (
        f"SELECT count(/{ending}$/) FROM {identifier(policy)}./.*/ "  # noqa: S608 (constants)
        f"WHERE {queries.within(start, end)} GROUP BY time(1h) fill(none)"
    )
    counts: dict[int, int] = {}
    for series in (await client.query(statement))[0]:
        for at, *cells in series.values:
            counts[at] = counts.get(at, 0) + sum(int(cell or 0) for cell in cells)
    return counts


async def report(
    client: InfluxClient, size: StoreSize, floors: Floors, kept: Retention, durable: dict[int, int], now: int
) -> StorageReport:
    """See `HistoryStore.storage`. Oldest and newest are those of InfluxDB's shards: to the day."""
    sizes, spans = await _sizes(client), await _spans(client)
    tiers = []
    for tier in TIERS:
        here = [span for span in spans if span[1] == tier_queries.POLICIES[tier]]
        bytes_ = {number: sizes[number][1] for number, *_ in here if number in sizes}
        end = kept.next_end(tier, (until for *_, until in here), now)
        tiers.append(
            TierReport(
                tier=tier,
                files=len(here),
                rows=size.samples if tier == "raw" else await _rows(client, tier),
                bytes=sum(bytes_.values()),
                oldest=min((start for *_, start, _ in here), default=None),
                newest=max((until for *_, until in here), default=None),
                next_drop=kept.drop_at(tier, end),
                next_drop_bytes=sum(bytes_.get(number, 0) for number, *_, until in here if until == end),
            )
        )
    pinned = await _pinned(client, floors)
    return StorageReport(tuple(tiers), size.samples, 0, 0, pinned, 0, 0, durable)


async def _rows(client: InfluxClient, tier: Source) -> int:
    policy = tier_queries.POLICIES[tier]
    start, end = await extent(client, now_us(), policy)
    return sum((await hourly(client, policy, _ROWS[tier], start, end)).values())


async def _pinned(client: InfluxClient, floors: Floors) -> int:
    """Samples of the days that stay."""
    await floors.load()
    days = [hourly(client, RAW, "_quality", day, day + US_PER_DAY) for day in sorted(floors.pinned_days)]
    return sum([sum((await counts).values()) for counts in days])


async def extent(client: InfluxClient, now: int, policy: str | None = None) -> tuple[int, int]:
    """The range in which there can be anything: InfluxDB must not look through all of time."""
    spans = [span for span in await _spans(client) if span[1] == policy or policy is None]
    if not spans:
        today = now // US_PER_DAY * US_PER_DAY
        return today - _YEARS_US, today + US_PER_DAY
    return max(min(start for *_, start, _ in spans), 0), max(end for *_, end in spans)


async def _sizes(client: InfluxClient) -> dict[int, tuple[str, int]]:
    try:
        return await shard_sizes(client)
    except UnavailableError:  # who may not look at statistics, and InfluxDB 2, does not learn how large it is
        return {}


async def _spans(client: InfluxClient) -> list[tuple[int, str, int, int]]:
    try:
        return await shards(client)
    except UnavailableError:
        return []
