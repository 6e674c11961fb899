"""`GET /devices/{id}/statistics`."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter

from andon.historian.parameters import UNKNOWN, DeviceId, From, History, Reader, TagName, To
from andon.historian.ranges import parse_range
from andon.historian.schemas import TagStatistics
from andon.historian.selection import series_of_device
from andon.historian.views import statistics_view
from andon.kit.clock import now_us, to_iso
from andon.kit.contract import answers
from andon.kit.envelope import success

router = APIRouter(tags=["history"])


@router.get("/devices/{device_id}/statistics", summary="Mean, median, spread and percentiles of a tag over a range")
@answers(TagStatistics, refuses={**UNKNOWN, 413: "The range holds more samples than a setting allows"})
async def statistics(
    historian: History,
    principal: Reader,
    device_id: DeviceId,
    start: From = "-24h",
    end: To = "now",
    tag: TagName = None,
) -> dict[str, Any]:
    """Of the samples with a number whose quality is usable; `goodShare` is the part that is good. `approximate`:
    the range is so long that the percentiles are those of the minutes' means; all other figures are exact.
    """
    first, last = parse_range(start, end, now_us())
    names = (tag,) if tag is not None else ()
    ((_, info),) = series_of_device(historian, principal.organisation_id, device_id, names, 1)
    found = await historian.statistics(info.id, first, last)
    head = {
        "deviceId": device_id,
        "tag": info.name,
        "unit": info.unit,
        "from": to_iso(first),
        "to": to_iso(last),
    }
    return success(head | statistics_view(found))
