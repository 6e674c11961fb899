"""`/devices/{id}/history`, `/statistics` and `/export`."""

from __future__ import annotations

import re
from typing import Annotated, Any, Literal

import msgspec
from fastapi import APIRouter, Depends, Path, Query, Request, Response
from fastapi.responses import StreamingResponse

from andon.historian.export import csv_lines, json_chunks
from andon.historian.model import Columns
from andon.historian.ranges import parse_range
from andon.historian.schemas import Export, HistoryMeta, TagStatistics
from andon.historian.schemas import History as HistoryAnswer
from andon.historian.service import Historian
from andon.historian.views import bucket_readings, iso_column, readings, seconds, statistics_view
from andon.identity.guard import requires
from andon.identity.model import Principal
from andon.kit.clock import now_us, to_iso
from andon.kit.contract import answers
from andon.kit.envelope import success
from andon.kit.errors import NotFoundError
from andon.registry.directory import DeviceInfo, TagInfo

router = APIRouter(tags=["history"])
MAX_READINGS = 10_000
MAX_BUCKETS = 5_000

_MOMENT = "ISO 8601, an epoch number, `now`, or a distance from now such as `-24h`"
Reader = Annotated[Principal, Depends(requires("data:read"))]
DeviceId = Annotated[str, Path(max_length=100)]
From = Annotated[str, Query(alias="from", max_length=40, description=f"Start: {_MOMENT}.")]
To = Annotated[str, Query(alias="to", max_length=40, description=f"End, not included: {_MOMENT}.")]
TagName = Annotated[str | None, Query(max_length=200, description="A tag of the device.")]

_UNKNOWN = {404: "There is no such device or tag in your organisation"}
_CSV_EXAMPLE = """timestamp,device,tag,value,unit,quality
2025-01-11T10:00:00.000Z,device-001,temperature,75.2,celsius,good
"""


def get_historian(request: Request) -> Historian:
    """The application's historian."""
    found: Historian = request.app.state.historian
    return found


History = Annotated[Historian, Depends(get_historian)]


@router.get(
    "/devices/{device_id}/history",
    summary="Past samples of a tag, as they were or summed up in buckets",
)
@answers(HistoryAnswer, HistoryMeta, refuses=_UNKNOWN)
async def history(
    historian: History,
    principal: Reader,
    device_id: DeviceId,
    start: From = "-24h",
    end: To = "now",
    tag: TagName = None,
    limit: Annotated[int, Query(ge=1, le=MAX_READINGS, description="Most readings.")] = 1000,
    order: Annotated[Literal["asc", "desc"], Query(description="Oldest or newest first; buckets are asc.")] = "asc",
    buckets: Annotated[int | None, Query(ge=1, le=MAX_BUCKETS, description="Sum up in so many buckets.")] = None,
) -> Response:
    """Without `tag` it is the device's primary one. When `meta.truncated`, go on with `from` = `meta.nextFrom`,
    or newest first with `to` = `meta.nextTo`.

    With `buckets` a reading is one bucket: `value` is the mean of its numbers of usable
    quality (good, or only the clock in doubt),
    `quality` its worst; buckets without samples are absent.
    """
    first, last = parse_range(start, end, now_us())
    device, info = _one_tag(historian, principal, device_id, tag)
    data = _head(device, info, first, last)
    if buckets is None:
        columns = await historian.read(info.id, first, last, limit + 1, newest_first=order == "desc")
        shown = readings(columns)[:limit]
        data |= {"resolution": "raw", "bucketSeconds": None, "readings": shown}
        meta = {"count": len(shown), **_where_to_go_on(columns, limit, order)}
    else:
        found = await historian.buckets(info.id, first, last, buckets)
        data |= {"resolution": "buckets", "bucketSeconds": seconds(found.width_us)}
        data["readings"] = bucket_readings(found)
        meta = {"count": len(found), "truncated": False, "nextFrom": None}
    return Response(msgspec.json.encode(success(data, meta)), media_type="application/json")


def _where_to_go_on(columns: Columns, limit: int, order: str) -> dict[str, Any]:
    """Of one sample more than was asked for: whether there is one, and where the next page begins or ends."""
    truncated = len(columns) > limit
    at = limit if order == "asc" else limit - 1  # a range holds its start, not its end
    moment = iso_column(columns.timestamps[at : at + 1])[0] if truncated else None
    return {"truncated": truncated, "nextFrom" if order == "asc" else "nextTo": moment}


@router.get(
    "/devices/{device_id}/statistics",
    summary="Mean, median, spread and percentiles of a tag over a range",
)
@answers(TagStatistics, refuses=_UNKNOWN)
async def statistics(
    historian: History,
    principal: Reader,
    device_id: DeviceId,
    start: From = "-24h",
    end: To = "now",
    tag: TagName = None,
) -> dict[str, Any]:
    """Of the samples with a number whose quality is good or uncertain; `goodShare` is the part that is good."""
    first, last = parse_range(start, end, now_us())
    device, info = _one_tag(historian, principal, device_id, tag)
    found = await historian.statistics(info.id, first, last)
    return success(_head(device, info, first, last) | statistics_view(found))


@router.get(
    "/devices/{device_id}/export",
    summary="Download the samples of a device, any range",
    responses={200: {"content": {"text/csv": {"schema": {"type": "string"}, "example": _CSV_EXAMPLE}}}},
)
@answers(Export, bare=True, refuses=_UNKNOWN)
async def export(
    historian: History,
    principal: Reader,
    device_id: DeviceId,
    format: Literal["csv", "json"] = "csv",
    start: From = "-24h",
    end: To = "now",
    tag: TagName = None,
) -> StreamingResponse:
    """All tags of the device unless `tag` names one; sent as it is read, so it may be of any size."""
    first, last = parse_range(start, end, now_us())
    device = historian.device(principal.organisation_id, device_id)
    tags = historian.tags(device, tag)
    parts = csv_lines if format == "csv" else json_chunks
    name = re.sub(r"[^A-Za-z0-9_.-]", "_", f"{device.device_id}_{to_iso(first)[:10]}_{to_iso(last - 1)[:10]}.{format}")
    return StreamingResponse(
        parts(historian, device, tags, first, last),
        media_type="text/csv; charset=utf-8" if format == "csv" else "application/json",
        headers={"Content-Disposition": f'attachment; filename="{name}"'},
    )


def _one_tag(
    historian: Historian, principal: Principal, device_id: str, name: str | None
) -> tuple[DeviceInfo, TagInfo]:
    device = historian.device(principal.organisation_id, device_id)
    if name is None and device.primary is not None:
        return device, device.primary
    tags = historian.tags(device, name)
    if not tags:
        raise NotFoundError(
            f"device {device_id!r} has no tags yet", field="tag", cure="they come with the device's first samples"
        )
    return device, tags[0]


def _head(device: DeviceInfo, tag: TagInfo, start: int, end: int) -> dict[str, Any]:
    return {
        "deviceId": device.device_id,
        "tag": tag.name,
        "unit": tag.unit,
        "from": to_iso(start),
        "to": to_iso(end),
    }
