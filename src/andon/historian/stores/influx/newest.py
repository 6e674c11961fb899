"""The newest sample of each tag, also when retention has dropped it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import numpy as np

from andon.historian.model import Columns, Source
from andon.historian.stores.influx import queries
from andon.historian.stores.influx.client import InfluxClient, Series
from andon.historian.stores.influx.floors import NEVER, Device
from andon.historian.stores.influx.lines import MAX_TIME, lines_of
from andon.historian.stores.influx.names import NEWEST, RAW, STATE, identifier
from andon.historian.stores.influx.signals import Place, Whereabouts, grouped, settled
from andon.kit.samples import SampleBatch, concatenate


class Newest:
    """Asks InfluxDB for them."""

    def __init__(self, client: InfluxClient) -> None:
        self._client = client

    async def of(self, wheres: Sequence[Whereabouts]) -> SampleBatch:
        """The newest sample of each of these tags that ever had any, by tag id."""
        found = await self._stored(wheres)
        wanted = {where.tag_id for where in wheres}
        for series in (await self._client.query(queries.newest(STATE, NEWEST, "value", "")))[0]:
            tag, kept = int(series.tags["tag_id"]), queries.columns(series)
            # What was dropped may be newer than what came late since then.
            if tag in wanted and (tag not in found or found[tag].timestamps[0] < kept.timestamps[0]):
                found[tag] = kept
        return as_batch(found)

    async def keep(self, wheres: Sequence[Whereabouts], before: Mapping[tuple[Source, Device], int]) -> None:
        """Remember those that are about to be dropped: they are older than their device's floor."""
        batch = as_batch(await self._stored(wheres))
        floors = {where.tag_id: before["raw", Device.of(where)] for where in wheres}
        going = batch.timestamps < np.array([floors[tag] for tag in batch.tag_ids.tolist()], np.int64)
        batch = batch.take(going)
        if not len(batch):
            return
        lines = lines_of(batch, _place, dict.fromkeys(batch.tag_ids.tolist(), NEVER), 0).lines
        await self._client.write(STATE, lines)
        older = (
            f"DELETE FROM {identifier(NEWEST)} WHERE tag_id = '{tag}' AND time < {at}u"  # noqa: S608 (numbers)
            for tag, at in zip(batch.tag_ids.tolist(), batch.timestamps.tolist(), strict=True)
        )
        await self._client.query(*older)

    async def _stored(self, wheres: Iterable[Whereabouts]) -> dict[int, Columns]:
        groups, others = grouped(wheres, -MAX_TIME, MAX_TIME)
        found: dict[int, Columns] = {}
        for group in groups:
            devices = queries.of_devices(group.tag_ids)
            statement = queries.newest(RAW, group.measurement, group.field, devices)
            _add(found, group.tag_ids, (await self._client.query(statement))[0])
        for where in others:
            for place, start, end in reversed(where.between(-MAX_TIME, MAX_TIME)):
                statement = queries.samples(place, start, end, 1, newest_first=True)
                for series in (await self._client.query(statement))[0]:
                    found[where.tag_id] = queries.columns(series)
                if where.tag_id in found:
                    break
        return found


def _add(found: dict[int, Columns], tag_ids: Mapping[tuple[str, ...], int], answer: Iterable[Series]) -> None:
    for series in answer:
        tag = tag_ids.get(queries.tags_of(series))
        if tag is not None:
            found[tag] = queries.columns(series)


def _place(tag_id: int) -> Whereabouts:
    return settled(tag_id, Place(NEWEST, ("", "", "", str(tag_id)), "value"))


def as_batch(found: Mapping[int, Columns]) -> SampleBatch:
    """One sample a tag, by tag id."""
    return concatenate(
        [
            SampleBatch(
                np.full(len(each), tag, np.int32),
                each.timestamps,
                each.values,
                each.qualities,
                each.received,
                each.texts,
            )
            for tag, each in sorted(found.items())
        ]
    )
