"""Up to when each device's samples and sums have been dropped, and which days stay because somebody pinned them."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping
from typing import Final, NamedTuple

import numpy as np

from andon.historian.model import Source
from andon.historian.stores.influx import queries
from andon.historian.stores.influx.client import InfluxClient
from andon.historian.stores.influx.limits import InfluxLimits
from andon.historian.stores.influx.names import FLOORS, PINNED_DAYS, STATE, identifier, key, literal
from andon.historian.stores.influx.signals import TAGS, Place, Whereabouts
from andon.kit.clock import US_PER_DAY
from andon.kit.samples import PINNED, SampleBatch

NEVER: Final = -(1 << 62)
TIERS: Final[tuple[Source, ...]] = ("raw", "minute", "hour")


class Device(NamedTuple):
    """What retention acts on: a device, or a tag that nobody knows. InfluxDB cannot drop a single field."""

    organisation: str
    device_id: str
    tag_id: str

    @staticmethod
    def at(place: Place) -> Device:
        """The device that has samples at a place."""
        tags = dict(zip(TAGS, place.tags, strict=True))
        return Device(tags["organisation"], tags["device_id"], tags["tag_id"])

    @staticmethod
    def of(where: Whereabouts) -> Device:
        """The device of a tag; a tag that nobody knew at first counts as its device's."""
        return Device.at(where.stretches[-1].place)

    @property
    def condition(self) -> str:
        """It in InfluxQL, wherever it stands."""
        pairs = zip(("organisation", "device_id", "tag_id"), self, strict=True)
        return " AND ".join(f"{identifier(name)} = {literal(value)}" for name, value in pairs)

    @property
    def tags(self) -> str:
        """It in line protocol; an empty tag is none."""
        pairs = zip(
            ("device_id", "organisation", "tag_id"), (self.device_id, self.organisation, self.tag_id), strict=True
        )
        return "".join(f",{name}={key(value)}" for name, value in pairs if value)


class Floors:
    """Read from InfluxDB now and then, because another process may drop what this one reads."""

    def __init__(self, client: InfluxClient, limits: InfluxLimits) -> None:
        self._client = client
        self._age_s = limits.names_age_s
        self._before: dict[tuple[Source, Device], int] = {}
        self._pinned: dict[Device, set[int]] = {}
        self._loaded_at: float | None = None

    async def load(self) -> None:
        """Read them, unless that was just done."""
        if self._loaded_at is not None and time.monotonic() - self._loaded_at < self._age_s:
            return
        floors, pins = await self._client.query(
            f"SELECT last(before) FROM {queries.source(STATE, FLOORS)} GROUP BY *",  # noqa: S608
            f"SELECT pinned FROM {queries.source(STATE, PINNED_DAYS)} GROUP BY *",  # noqa: S608
        )
        for series in floors:
            tier, device = series.tags.pop("tier"), _device(series.tags)
            self._before[tier, device] = int(series.values[0][1])  # type: ignore[index]
        for series in pins:
            self._pinned.setdefault(_device(series.tags), set()).update(int(at) for at, _ in series.values)
        self._loaded_at = time.monotonic()

    def forget(self) -> None:
        """The database is empty: nothing was dropped, and nothing is pinned."""
        self._before.clear()
        self._pinned.clear()

    def of(self, tier: Source, device: Device) -> int:
        """µs UTC: everything older has been dropped, but for pinned days."""
        return self._before.get((tier, device), NEVER)

    def pinned(self, device: Device) -> set[int]:
        """The days of a device that stay, by their beginnings."""
        return self._pinned.get(device, set())

    @property
    def pinned_days(self) -> set[int]:
        """The days of which anything stays."""
        return set().union(*self._pinned.values())

    async def raise_to(self, floors: Mapping[tuple[Source, Device], int]) -> None:
        """Remember what is about to be dropped."""
        lines = [f"{FLOORS},tier={tier}{device.tags} before={at}i 0".encode() for (tier, device), at in floors.items()]
        await self._client.write(STATE, lines)
        self._before.update(floors)

    async def pin(self, batch: SampleBatch, places: Iterable[tuple[int, Place]]) -> None:
        """Remember the days of samples that are about to be written and must stay. `places` of each tag."""
        pinned = batch.marked(PINNED)
        if not pinned.any():
            return
        at = dict(places)
        pairs = np.column_stack((batch.tag_ids[pinned], batch.timestamps[pinned] // US_PER_DAY))
        new = []
        for tag, day in np.unique(pairs, axis=0).tolist():
            device, start = Device.at(at[tag]), day * US_PER_DAY
            if start not in self.pinned(device):
                self._pinned.setdefault(device, set()).add(start)
                new.append(f"{PINNED_DAYS}{device.tags} pinned=1i {start}".encode())
        await self._client.write(STATE, new)


def _device(tags: Mapping[str, str]) -> Device:
    return Device(tags.get("organisation", ""), tags.get("device_id", ""), tags.get("tag_id", ""))
