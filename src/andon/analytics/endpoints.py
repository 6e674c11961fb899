"""`/analytics`: trends of a device, and the plant in one table."""

from __future__ import annotations

from typing import Annotated, Any

import msgspec
from fastapi import APIRouter, Depends, Path, Query, Request, Response

from andon.analytics.schemas import MomentMeta, PlantSummary, RangeMeta, TrendAnalysis
from andon.analytics.service import device_trend, summarise
from andon.analytics.views import summary_body, trend_body
from andon.engines.livestate.port import LiveState
from andon.historian.ranges import parse_range
from andon.historian.service import Historian
from andon.identity.guard import requires
from andon.identity.model import Principal
from andon.kit.clock import now_us, to_iso
from andon.kit.contract import answers
from andon.kit.envelope import success
from andon.registry.directory import Directory

router = APIRouter(tags=["analytics"])

_MOMENT = "ISO 8601, an epoch number, `now`, or a distance from now such as `-24h`"
Reader = Annotated[Principal, Depends(requires("data:read"))]
DeviceId = Annotated[str, Path(max_length=100)]
From = Annotated[str, Query(alias="from", max_length=40, description=f"Start: {_MOMENT}.")]
To = Annotated[str, Query(alias="to", max_length=40, description=f"End, not included: {_MOMENT}.")]
TagName = Annotated[str | None, Query(max_length=200, description="A tag of the device; without it the primary one.")]


def _historian(request: Request) -> Historian:
    historian: Historian = request.app.state.historian
    return historian


def _directory(request: Request) -> Directory:
    directory: Directory = request.app.state.directory
    return directory


def _livestate(request: Request) -> LiveState:
    livestate: LiveState = request.app.state.livestate
    return livestate


@router.get("/analytics/trends/{device_id}", summary="Where a signal is going")
@answers(TrendAnalysis, RangeMeta, refuses={404: "There is no such device or tag in your organisation"})
async def trends(
    device_id: DeviceId,
    historian: Annotated[Historian, Depends(_historian)],
    principal: Reader,
    start: From = "-24h",
    end: To = "now",
    tag: TagName = None,
) -> dict[str, Any]:
    """A straight line through up to 120 means of the range, and how far to trust it.
    `trend` is null when there are fewer than three means.
    """
    first, last = parse_range(start, end, now_us())
    found, analysis = await device_trend(historian, principal.organisation_id, device_id, tag, first, last)
    return success(trend_body(found, analysis), {"from": to_iso(first), "to": to_iso(last)})


@router.get("/analytics/summary", summary="All devices in one table")
@answers(PlantSummary, MomentMeta)
async def summary(
    directory: Annotated[Directory, Depends(_directory)],
    livestate: Annotated[LiveState, Depends(_livestate)],
    principal: Reader,
) -> Response:
    """Averages, extremes and trends of each device's primary signal over the last hour and day."""
    now = now_us()
    summaries = summarise(directory, livestate, principal.organisation_id, now)
    body = success(summary_body(summaries), {"timestamp": to_iso(now)})
    return Response(msgspec.json.encode(body), media_type="application/json")
