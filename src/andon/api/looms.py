"""`/looms`: the looms among the devices, by the names of the loom system's document; the model is the devices' own."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Literal

import msgspec
import numpy as np
from fastapi import APIRouter, Depends, Query, Request, Response

from andon.api.context import ApiContext, context
from andon.api.device_views import limits_body
from andon.api.loom_schemas import LoomList, LoomMeasurements, LoomsMeta, LoomView
from andon.historian.model import Columns
from andon.historian.parameters import From, History, Limits, To, at_most
from andon.historian.ranges import parse_range
from andon.historian.schemas import PageMeta
from andon.historian.service import Historian
from andon.identity.guard import requires
from andon.identity.model import Principal
from andon.kit.clock import now_us, to_iso
from andon.kit.contract import answers
from andon.kit.envelope import success
from andon.kit.errors import NotFoundError
from andon.registry.directory import DeviceInfo, TagInfo
from andon.registry.schemas import ConfigBody
from andon.registry.service import Registry

router = APIRouter(tags=["looms"])

Context = Annotated[ApiContext, Depends(context)]
Reader = Annotated[Principal, Depends(requires("devices:read"))]
DataReader = Annotated[Principal, Depends(requires("data:read"))]
Writer = Annotated[Principal, Depends(requires("devices:write"))]

LOOM = "loom"
WIDTH = "bbw_value"
SIGNALS = (WIDTH, "temperature", "vibration", "quality_flag")
_COLUMNS = ("sensor_id", *SIGNALS)
_WHOLE = "quality_flag"
_ATTEMPTS = 3
_UNKNOWN = {404: "There is no such loom in your organisation"}

Cell = float | int | str | None


def find_loom(state: ApiContext, organisation_id: str, loom_id: str) -> DeviceInfo:
    """The device of type loom. NotFoundError when there is none of that id."""
    device = state.directory.device(organisation_id, loom_id)
    if device is None or device.type != LOOM:
        raise NotFoundError(
            f"there is no loom {loom_id[:100]!r}", field="id", cure="see GET /api/v1/looms for those there are"
        )
    return device


def loom_view(state: ApiContext, loom: DeviceInfo, now: int) -> dict[str, Any]:
    """A loom with its newest measurement."""
    readings = {each["tag"]: each for each in state.views.current(loom, now)["readings"]}
    width: Mapping[str, Any] = readings.get(WIDTH, {})
    return {
        "id": loom.device_id,
        "name": loom.name,
        "location": loom.location,
        "status": state.views.status(loom, now),
        "time": width.get("timestamp"),
        "quality": width.get("quality"),
        **{name: _cell(name, readings[name]["value"] if name in readings else None) for name in SIGNALS},
        "limits": {tag.name: limits_body(tag.limits) for tag in loom.tags if tag.name in SIGNALS},
    }


def merged_rows(loom_id: str, columns: Mapping[str, Columns], limit: int, newest_first: bool) -> list[dict[str, Any]]:
    """One row for each time at which any signal has a sample; at most `limit`, null where a signal has none.

    Each signal's `columns` hold its first `limit` samples at least, in that order: then no row lacks a value.
    """
    moments: dict[int, dict[str, Cell]] = {}
    for name, column in columns.items():
        for index, (at, value) in enumerate(zip(column.timestamps.tolist(), column.values.tolist(), strict=True)):
            moments.setdefault(at, {})[name] = _cell(name, column.texts.get(index, value))
    return [
        {"time": to_iso(at), "loom_id": loom_id, **dict.fromkeys(_COLUMNS), **moments[at]}
        for at in sorted(moments, reverse=newest_first)[:limit]
    ]


async def read_together(
    historian: Historian, tags: Sequence[TagInfo], start: int, end: int, limit: int, newest_first: bool
) -> dict[str, Columns]:
    """The samples of some tags, by name, as they were at one moment.

    What is stored while one after the other is read would be in some of them only. So the first is read again at the
    end, and all of them when it has changed; after some attempts, for signals that change all the time, as it is.
    """
    for _ in range(_ATTEMPTS):
        columns = {tag.name: await historian.read(tag.id, start, end, limit, newest_first) for tag in tags}
        again = [await historian.read(tag.id, start, end, limit, newest_first) for tag in tags[:1]]
        if all(np.array_equal(each.timestamps, columns[tags[0].name].timestamps) for each in again):
            break
    return columns


def _cell(name: str, value: Cell) -> Cell:
    if isinstance(value, float):
        if value != value:
            return None
        return int(value) if name == _WHOLE else value
    return value


@router.get("/looms", summary="List the looms with their newest measurement")
@answers(LoomList, LoomsMeta)
async def list_looms(state: Context, principal: Reader) -> Response:
    """Devices of type `loom`, by id."""
    now = now_us()
    devices = state.directory.devices(principal.organisation_id)
    looms = [loom_view(state, device, now) for device in devices if device.type == LOOM]
    body = success({"looms": looms}, {"total": len(looms), "timestamp": to_iso(now)})
    return Response(msgspec.json.encode(body), media_type="application/json")


@router.get("/looms/{loom_id}", summary="One loom with its newest measurement and limits")
@answers(LoomView, refuses=_UNKNOWN)
async def get_loom(loom_id: str, state: Context, principal: Reader) -> dict[str, Any]:
    """Everything else about it is at `/devices/{device_id}`: it is the same device."""
    return success(loom_view(state, find_loom(state, principal.organisation_id, loom_id), now_us()))


@router.get("/looms/{loom_id}/measurements", summary="Past measurements of a loom, one row for each time")
@answers(LoomMeasurements, PageMeta, refuses=_UNKNOWN)
async def loom_measurements(
    loom_id: str,
    state: Context,
    historian: History,
    limits: Limits,
    principal: DataReader,
    start: From = "-24h",
    end: To = "now",
    limit: Annotated[int, Query(ge=1, description="Most rows.")] = 1000,
    order: Annotated[Literal["asc", "desc"], Query(description="Oldest or newest first.")] = "asc",
) -> Response:
    """The columns of `bbw_measurements`. When `meta.truncated`, go on with `from` = `meta.nextFrom`, or newest first
    with `to` = `meta.nextTo`. `sensor_id` is null unless the loom sends it as a signal of its own."""
    loom = find_loom(state, principal.organisation_id, loom_id)
    at_most(limit, limits.max_readings, "limit", "history_max_readings")
    first, last = parse_range(start, end, now_us())
    newest_first = order == "desc"
    tags = [tag for tag in loom.tags if tag.name in _COLUMNS]
    columns = await read_together(historian, tags, first, last, limit + 1, newest_first)
    rows = merged_rows(loom.device_id, columns, limit + 1, newest_first)
    shown, truncated = rows[:limit], len(rows) > limit
    # A range holds its start, not its end.
    onwards = rows[-2 if newest_first else -1]["time"] if truncated else None
    meta = {"count": len(shown), "truncated": truncated, "nextTo" if newest_first else "nextFrom": onwards}
    body = success({"loom_id": loom.device_id, "measurements": shown}, meta)
    return Response(msgspec.json.encode(body), media_type="application/json")


def _registry(request: Request) -> Registry:
    found: Registry = request.app.state.registry
    return found


@router.post("/looms/{loom_id}/config", summary="Change a loom's name or limits")
@answers(LoomView, refuses=_UNKNOWN)
def configure_loom(
    loom_id: str,
    body: ConfigBody,
    state: Context,
    registry: Annotated[Registry, Depends(_registry)],
    principal: Writer,
) -> dict[str, Any]:
    """As `PUT /devices/{device_id}/config`: limits at the top are the width's. The loom is told on its config topic."""
    find_loom(state, principal.organisation_id, loom_id)
    loom = registry.update_device(principal.organisation_id, loom_id, body.to_changes(), principal)
    return success(loom_view(state, loom, now_us()))
