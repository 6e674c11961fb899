"""`/devices`: what stands in the plant and how it is now. Changes to devices are the registry's endpoints."""

from __future__ import annotations

from typing import Annotated, Any

import msgspec
from fastapi import APIRouter, Depends, Query, Request, Response

from andon.api.context import ApiContext, context
from andon.api.device_views import LEVELS, listing_meta
from andon.api.schemas import BrokerCredentials, CurrentValues, DeviceDetail, DeviceList, DevicesMeta
from andon.identity.guard import requires
from andon.identity.model import Principal
from andon.kit.clock import now_us
from andon.kit.contract import answers
from andon.kit.envelope import success
from andon.kit.errors import NotFoundError
from andon.registry.directory import DeviceInfo

router = APIRouter(tags=["devices"])

Context = Annotated[ApiContext, Depends(context)]
Reader = Annotated[Principal, Depends(requires("devices:read"))]

_STATUS_RANK = {"offline": 0, "active": 1, "unknown": 2, "disabled": 3}


def find_device(state: ApiContext, organisation_id: str, device_id: str) -> DeviceInfo:
    """The device, or an error that says where to look."""
    device = state.directory.device(organisation_id, device_id)
    if device is None:
        raise NotFoundError(
            f"there is no device {device_id!r}",
            field="deviceId",
            cure="see GET /api/v1/devices for those there are",
        )
    return device


def badness(item: dict[str, Any]) -> tuple[int, int, str]:
    """Sort key, worst first: alarm level, then offline, then name."""
    level = item["alertStatus"]
    return (-LEVELS.index(level) if level in LEVELS else 0, _STATUS_RANK[item["status"]], item["deviceId"])


def _matches(device: DeviceInfo, search: str) -> bool:
    text = f"{device.device_id} {device.name} {device.type} {device.location} {' '.join(device.equipment_path)}"
    return all(word in text.lower() for word in search.lower().split())


_UNKNOWN = {404: "There is no such device in your organisation"}


@router.get("/devices", summary="List the devices with their present state, worst first")
@answers(DeviceList, DevicesMeta)
async def list_devices(
    state: Context,
    principal: Reader,
    status: Annotated[str | None, Query(pattern="^(active|offline|unknown|disabled)$")] = None,
    search: Annotated[str, Query(max_length=200)] = "",
    type: Annotated[str | None, Query(max_length=100)] = None,
    limit: Annotated[int, Query(ge=1, le=100_000)] = 100_000,
    offset: Annotated[int, Query(ge=0)] = 0,
) -> Response:
    """S1's list. `meta.totalDevices` counts all that match, also beyond `limit`."""
    await state.alarms.caught_up()
    now = now_us()
    levels = state.alarms.device_levels(principal.organisation_id)
    wanted = [
        device
        for device in state.directory.devices(principal.organisation_id)
        if (type is None or device.type == type) and (not search or _matches(device, search))
    ]
    items = state.views.items(wanted, now, levels)
    if status is not None:
        items = [item for item in items if item["status"] == status]
    items.sort(key=badness)
    body = success({"devices": items[offset : offset + limit]}, listing_meta(items, len(items)))
    return Response(msgspec.json.encode(body), media_type="application/json")


@router.get("/devices/{device_id}", summary="One device with its tags, limits and statistics")
@answers(DeviceDetail, refuses=_UNKNOWN)
async def get_device(device_id: str, state: Context, principal: Reader) -> dict[str, Any]:
    """The list's item plus its tags, windows and origin."""
    await state.alarms.caught_up()
    device = find_device(state, principal.organisation_id, device_id)
    levels = state.alarms.device_levels(principal.organisation_id)
    return success(state.views.detail(device, now_us(), levels))


@router.get("/devices/{device_id}/current", summary="The present values of a device")
@answers(CurrentValues, refuses=_UNKNOWN)
async def get_current(device_id: str, state: Context, principal: Reader) -> dict[str, Any]:
    """Unknown values are null, never 0."""
    device = find_device(state, principal.organisation_id, device_id)
    return success(state.views.current(device, now_us()))


@router.get("/broker/credentials", summary="How a device connects to the MQTT broker")
@answers(BrokerCredentials)
async def broker_credentials(
    state: Context, principal: Annotated[Principal, Depends(requires("devices:write"))], request: Request
) -> dict[str, Any]:
    """Host, port, user and password for devices, and the topics they publish on."""
    access = state.broker
    everywhere = access.host in ("0.0.0.0", "::")  # noqa: S104
    host = request.url.hostname or access.host if everywhere else access.host
    topics = {
        "data": "factory-plus/devices/{deviceId}/data",
        "status": "factory-plus/devices/{deviceId}/status",
        "loom": "kaldor/loom/{loomId}/bbw/raw",
        "sparkplug": "spBv1.0/{group}/DDATA/{edgeNode}/{device}",
    }
    body = {"host": host, "port": access.port, "username": access.username, "password": access.password}
    return success({**body, "topics": topics})
