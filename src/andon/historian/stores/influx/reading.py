"""Samples as they are, and how many there are."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from andon.historian.model import Columns
from andon.historian.stores.influx import queries
from andon.historian.stores.influx.client import InfluxClient
from andon.historian.stores.influx.signals import Whereabouts, grouped


class Reading:
    """Asks InfluxDB for samples."""

    def __init__(self, client: InfluxClient) -> None:
        self._client = client

    async def page(
        self, wheres: Sequence[Whereabouts], start: int, end: int, limit: int, newest_first: bool
    ) -> Columns:
        """At most `limit` samples of one tag, oldest first unless asked otherwise."""
        pages: list[Columns] = []
        for where in wheres:
            places = where.between(start, end)
            for place, low, high in reversed(places) if newest_first else places:
                left = limit - sum(map(len, pages))
                if left <= 0:
                    break
                found = await self._client.query(queries.samples(place, low, high, left, newest_first))
                pages += [queries.columns(series) for series in found[0]]
        return joined(pages)

    async def count(self, wheres: Sequence[Whereabouts], start: int, end: int) -> int:
        """How many samples these tags have in a range."""
        groups, others = grouped(wheres, start, end)
        asked = []
        for group in groups:
            condition = f"{queries.of_devices(group.tag_ids)} AND {queries.within(start, end)}"
            asked.append((queries.count(group.measurement, group.field, condition), group.tag_ids))
        for where in others:
            for place, low, high in where.between(start, end):
                condition = f"{queries.of_series(place.tags)} AND {queries.within(low, high)}"
                asked.append((queries.count(place.measurement, place.field, condition), {place.tags: where.tag_id}))
        answers = await self._client.query(*(statement for statement, _ in asked))
        return sum(
            int(series.values[0][1])
            for (_, tags), found in zip(asked, answers, strict=True)
            for series in found
            if queries.tags_of(series) in tags
        )


def joined(pages: Sequence[Columns]) -> Columns:
    """Successive pages as one."""
    if len(pages) == 1:
        return pages[0]
    texts: dict[int, str] = {}
    offset = 0
    for page in pages:
        texts.update({offset + row: text for row, text in page.texts.items()})
        offset += len(page)
    parts = pages or (Columns(np.empty(0, np.int64), np.empty(0), np.empty(0, np.uint8), np.empty(0, np.int64)),)
    return Columns(
        np.concatenate([page.timestamps for page in parts]),
        np.concatenate([page.values for page in parts]),
        np.concatenate([page.qualities for page in parts]),
        np.concatenate([page.received for page in parts]),
        texts,
    )
