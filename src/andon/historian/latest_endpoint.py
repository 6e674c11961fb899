"""`GET /history/latest`: the newest sample of many signals at once."""

from __future__ import annotations

from typing import Annotated, Any

import msgspec
import numpy as np
from fastapi import APIRouter, Query, Response

from andon.historian.parameters import UNKNOWN, DeviceNames, History, Limits, Reader, TagNames, TypeNames, at_most
from andon.historian.schemas_lists import Latest, LatestMeta
from andon.historian.selection import tags_where
from andon.historian.views import iso_column, quality_column, value_column
from andon.kit.contract import answers
from andon.kit.envelope import success
from andon.kit.samples import SampleBatch

router = APIRouter(tags=["history"])


@router.get("/history/latest", summary="The newest sample of all signals, or of some")
@answers(Latest, LatestMeta, refuses=UNKNOWN)
async def latest(
    historian: History,
    limits: Limits,
    principal: Reader,
    device: DeviceNames = None,
    type: TypeNames = None,
    tag: TagNames = None,
    primary: Annotated[bool, Query(description="Only each device's primary tag.")] = False,
    limit: Annotated[int, Query(ge=1, description="Most signals, by device and tag.")] = 5_000,
) -> Response:
    """As history has it: `quality` is the sample's own and does not age. Signals without samples are left out."""
    at_most(limit, limits.max_latest, "limit", "history_max_latest")
    series = tags_where(
        historian,
        principal.organisation_id,
        devices=device or (),
        types=type or (),
        tags=tag or (),
        primary_only=primary,
    )
    found = await historian.latest([each.tag.id for each in series[:limit]])
    rows = {tag_id: row for row, tag_id in enumerate(found.tag_ids.tolist())}
    shown = _shown(found)
    listed = [
        {"deviceId": each.device.device_id, "tag": each.tag.name, "unit": each.tag.unit, **shown[row]}
        for each in series[:limit]
        if (row := rows.get(each.tag.id)) is not None
    ]
    meta = {"count": len(listed), "truncated": len(series) > limit}
    return Response(msgspec.json.encode(success({"latest": listed}, meta)), media_type="application/json")


def _shown(batch: SampleBatch) -> list[dict[str, Any]]:
    values: list[Any] = value_column(batch.values)
    for row, text in batch.texts.items():
        values[row] = text
    columns = zip(
        iso_column(batch.timestamps),
        values,
        quality_column(batch.qualities),
        iso_column(np.asarray(batch.received)),
        strict=True,
    )
    names = ("timestamp", "value", "quality", "receivedAt")
    return [dict(zip(names, row, strict=True)) for row in columns]
