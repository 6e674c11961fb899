"""Changes to devices: register, configure, delete. Reading them is the API's."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request

from andon.identity.guard import requires
from andon.identity.model import Principal
from andon.kit.contract import answers
from andon.kit.envelope import success
from andon.registry.answers import ConfiguredDevice, DeletedDevice
from andon.registry.schemas import ConfigBody, DeviceBody, device_view
from andon.registry.service import Registry

router = APIRouter(tags=["devices"])


def _registry(request: Request) -> Registry:
    registry: Registry = request.app.state.registry
    return registry


Service = Annotated[Registry, Depends(_registry)]
Writer = Annotated[Principal, Depends(requires("devices:write"))]
Manager = Annotated[Principal, Depends(requires("devices:manage"))]

_NOT_FOUND = {404: "There is no such device in your organisation"}


@router.post("/devices", summary="Register a device", status_code=201)
@answers(ConfiguredDevice, refuses={409: "There is a device of that id already"})
def create_device(body: DeviceBody, registry: Service, principal: Writer) -> dict[str, Any]:
    """A device that was deleted comes back under its id, with its history."""
    device = registry.create_device(principal.organisation_id, body.to_new_device(), principal)
    return success(device_view(device))


@router.put("/devices/{device_id}/config", summary="Change a device's name, unit or limits")
@answers(ConfiguredDevice, refuses=_NOT_FOUND)
def configure_device(device_id: str, body: ConfigBody, registry: Service, principal: Writer) -> dict[str, Any]:
    """All of it is done, or none; alarms follow the new limits with the next sample."""
    device = registry.update_device(principal.organisation_id, device_id, body.to_changes(), principal)
    return success(device_view(device))


@router.delete("/devices/{device_id}", summary="Delete a device")
@answers(DeletedDevice, refuses=_NOT_FOUND)
def delete_device(device_id: str, registry: Service, principal: Manager) -> dict[str, Any]:
    """Its samples and alarms are kept."""
    registry.delete_device(principal.organisation_id, device_id, principal)
    return success({"deviceId": device_id, "deleted": True})
