"""`GET /history/top`: signals ranked by a statistic of a range."""

from __future__ import annotations

import math
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query

from andon.historian.model import TopStatistic
from andon.historian.parameters import (
    UNKNOWN,
    DeviceNames,
    From,
    History,
    Limits,
    Reader,
    TagNames,
    To,
    TypeNames,
    at_most,
)
from andon.historian.ranges import parse_range, whole_hours
from andon.historian.schemas_lists import Top, TopMeta
from andon.historian.selection import tags_where
from andon.kit.clock import now_us, to_iso
from andon.kit.contract import answers
from andon.kit.envelope import success

router = APIRouter(tags=["history"])

Statistic = Literal["mean", "min", "max", "sd", "count", "range", "last", "goodShare"]


@router.get("/history/top", summary="The signals with the largest, or smallest, statistic of a range")
@answers(Top, TopMeta, refuses=UNKNOWN)
async def top(
    historian: History,
    limits: Limits,
    principal: Reader,
    statistic: Annotated[Statistic, Query(description="`range` is max - min; `sd` of the samples.")] = "mean",
    n: Annotated[int, Query(ge=1, description="How many signals.")] = 20,
    start: From = "-24h",
    end: To = "now",
    order: Annotated[Literal["desc", "asc"], Query(description="Largest or smallest first.")] = "desc",
    device: DeviceNames = None,
    type: TypeNames = None,
    tag: TagNames = None,
    unit: Annotated[str | None, Query(max_length=40, description="Only signals of this unit.")] = None,
) -> dict[str, Any]:
    """Of the samples with a number of usable quality; signals without any are left out. Numbers of different units
    are ranked together unless `unit`, `tag` or `type` keep them apart. A range of six hours or more is widened to
    whole hours; `meta` tells which range it became.
    """
    at_most(n, limits.max_top, "n", "history_max_top")
    first, last = whole_hours(*parse_range(start, end, now_us()))
    series = {
        each.tag.id: each
        for each in tags_where(
            historian,
            principal.organisation_id,
            devices=device or (),
            types=type or (),
            tags=tag or (),
            unit=unit,
        )
    }
    wanted: TopStatistic = "good_share" if statistic == "goodShare" else statistic
    found = await historian.top(list(series), first, last, wanted, n, order == "asc")
    ranked = [
        {
            "rank": rank,
            "deviceId": series[tag_id].device.device_id,
            "name": series[tag_id].device.name,
            "tag": series[tag_id].tag.name,
            "unit": series[tag_id].tag.unit,
            "value": value if math.isfinite(value) else None,
        }
        for rank, (tag_id, value) in enumerate(found, 1)
    ]
    meta = {"statistic": statistic, "order": order, "from": to_iso(first), "to": to_iso(last), "signals": len(series)}
    return success({"top": ranked}, meta)
