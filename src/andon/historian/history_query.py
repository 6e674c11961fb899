"""`GET /devices/{id}/history` and `GET /history`: past samples as they were, in buckets, or as points of a chart."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any

import msgspec
from fastapi import APIRouter, Depends, Response

from andon.historian.answering import Answered, answer
from andon.historian.parameters import UNKNOWN, DeviceId, History, Limits, Reader, SeriesNames, TagNames
from andon.historian.question import Question, question
from andon.historian.schemas import History as HistoryAnswer
from andon.historian.schemas import HistoryMeta, SeriesHistory
from andon.historian.selection import Series, series_of_device, series_of_names
from andon.kit.contract import answers
from andon.kit.envelope import success

router = APIRouter(tags=["history"])

Asked = Annotated[Question, Depends(question)]
_REFUSES = {**UNKNOWN, 413: "Each of more samples than a setting allows would have to be looked at"}


@router.get(
    "/devices/{device_id}/history",
    summary="Past samples of a device's tags, as they were, summed up in buckets, or as points of a chart",
)
@answers(HistoryAnswer, HistoryMeta, refuses=_REFUSES)
async def history(
    historian: History, limits: Limits, principal: Reader, device_id: DeviceId, asked: Asked, tag: TagNames = None
) -> Response:
    """Without `tag` it is the device's primary one; of several tags the readings are in `series`, and all pages of
    them end at the same moment. When `meta.truncated`, go on with `cursor` = `meta.nextCursor`.

    With `buckets` or `bucket` a reading is one bucket: `value` is the mean of its numbers of usable
    quality (good, or only the clock in doubt),
    `quality` its worst; buckets without samples are absent unless `fill` says otherwise: `null` lists them,
    `previous` repeats the last value, `linear` draws a line between the means around.

    With `points` a reading is a sample, or over long ranges an extreme of a minute, an hour or a day
    (`resolution` says of what); where nothing was measured for long, a reading without a value parts the curve.
    """
    series = series_of_device(historian, principal.organisation_id, device_id, tag or (), limits.max_series)
    found = await answer(historian, series, asked)
    head = {"deviceId": device_id, "tag": series[0].tag.name, "unit": series[0].tag.unit, **found.shape}
    several = len(tag or ()) > 1
    body = {"readings": [], "series": _listed(series, found)} if several else {"readings": found.readings[0]}
    return _response({**head, **body}, found)


@router.get("/history", summary="Past samples of signals of several devices, side by side")
@answers(SeriesHistory, HistoryMeta, refuses=_REFUSES)
async def series_history(
    historian: History, limits: Limits, principal: Reader, asked: Asked, series: SeriesNames = None
) -> Response:
    """The same questions as for one device. All pages end at the same moment for each series; without `timezone`
    buckets follow the calendar of the first one's site.
    """
    named = series_of_names(historian, principal.organisation_id, series or (), limits.max_series)
    found = await answer(historian, named, asked)
    return _response({**found.shape, "series": _listed(named, found)}, found)


def _listed(series: Sequence[Series], found: Answered) -> list[dict[str, Any]]:
    return [
        {"deviceId": device.device_id, "tag": tag.name, "unit": tag.unit, "readings": readings}
        for (device, tag), readings in zip(series, found.readings, strict=True)
    ]


def _response(data: dict[str, Any], found: Answered) -> Response:
    body = success(data, {"count": found.count, **found.meta})
    return Response(msgspec.json.encode(body), media_type="application/json")
