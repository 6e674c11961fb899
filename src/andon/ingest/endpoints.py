"""Samples over HTTP, discovered devices, dead letters."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query, Request

from andon.identity.guard import requires
from andon.identity.model import Principal
from andon.ingest.answers import (
    AdoptedDevice,
    DeadLetterList,
    DeadLettersMeta,
    DiscoveredList,
    Dismissed,
    Pushed,
    Replayed,
)
from andon.ingest.schemas import (
    AdoptBody,
    ReplayBody,
    discovered_view,
    letter_view,
    push_schema,
    read_push,
)
from andon.ingest.service import IngestService
from andon.kit.contract import answers
from andon.kit.envelope import success
from andon.kit.errors import NotFoundError

router = APIRouter()

_MAX_LETTERS = 500


def _ingest(request: Request) -> IngestService:
    service: IngestService = request.app.state.ingest
    return service


Service = Annotated[IngestService, Depends(_ingest)]
Reader = Annotated[Principal, Depends(requires("devices:read"))]
Writer = Annotated[Principal, Depends(requires("devices:write"))]
SampleWriter = Annotated[Principal, Depends(requires("data:write"))]
SystemReader = Annotated[Principal, Depends(requires("system:read"))]
SystemWriter = Annotated[Principal, Depends(requires("system:write"))]

_NO_DEVICE = {404: "There is no such device"}
_UNAVAILABLE = {503: "The samples cannot be stored now; send them again later"}
_PUSH_BODY = {
    "requestBody": {
        "required": True,
        "content": {"application/json": {"schema": push_schema()}},
    }
}


@router.post(
    "/devices/{device_id}/samples",
    summary="Store samples of a device",
    tags=["samples"],
    openapi_extra=_PUSH_BODY,
)
@answers(Pushed, refuses={**_NO_DEVICE, **_UNAVAILABLE, 413: "The body is over max_request_bytes"})
async def push_samples(device_id: str, request: Request, service: Service, principal: SampleWriter) -> dict[str, Any]:
    """Answered when the accepted samples are durable; a refused one says why and is kept as a
    dead letter. Sending a sample again (same tag and timestamp) changes nothing, another value corrects it."""
    body = read_push(await request.body())
    result = await service.push(principal.organisation_id, device_id, body.samples, historical=body.historical)
    rejected = [{"index": index, "reason": reason, "detail": detail} for index, reason, detail in result.rejected]
    return success({"accepted": result.accepted, "rejected": rejected})


@router.get("/devices/discovered", summary="Devices that publish and are not registered", tags=["devices"])
@answers(DiscoveredList)
async def discovered(service: Service, principal: Reader) -> dict[str, Any]:
    """What they showed so far, and limits suggested from it."""
    found = service.discovery.devices(principal.organisation_id)
    return success({"discovered": [discovered_view(device) for device in found]})


@router.post(
    "/devices/discovered/{key}/adopt",
    summary="Register a discovered device",
    status_code=201,
    tags=["devices"],
)
@answers(AdoptedDevice, refuses={**_NO_DEVICE, 409: "There is a device of that id already"})
async def adopt(key: str, service: Service, principal: Writer, body: AdoptBody | None = None) -> dict[str, Any]:
    """The samples that were kept of it are stored."""
    device = await service.adopt(principal, key, (body or AdoptBody()).to_adoption())
    return success({"deviceId": device.device_id, "name": device.name})


@router.delete("/devices/discovered/{key}", summary="Dismiss a discovered device", tags=["devices"])
@answers(Dismissed, refuses=_NO_DEVICE)
async def dismiss(key: str, service: Service, principal: Writer) -> dict[str, Any]:
    """It appears again when it publishes again."""
    if not service.discovery.remove(principal.organisation_id, key):
        raise NotFoundError("there is no such discovered device", field="key")
    return success({"key": key, "dismissed": True})


@router.get("/system/dead-letters", summary="What could not be taken, and why", tags=["metrics and system"])
@answers(DeadLetterList, DeadLettersMeta)
async def dead_letters(
    service: Service,
    principal: SystemReader,
    limit: Annotated[int, Query(ge=1, le=_MAX_LETTERS)] = 100,
    before: Annotated[int | None, Query(ge=1, description="Only letters with a smaller id")] = None,
) -> dict[str, Any]:
    """The newest first."""
    letters = await service.dead_letters.recent(principal.organisation_id, before, limit)
    total = await service.dead_letters.total()
    return success({"deadLetters": [letter_view(letter) for letter in letters]}, {"total": total})


@router.post("/system/dead-letters/replay", summary="Try dead letters again", tags=["metrics and system"])
@answers(Replayed)
async def replay(body: ReplayBody, service: Service, principal: SystemWriter) -> dict[str, Any]:
    """Answered when what went through is durable."""
    result = await service.replay(principal.organisation_id, body.ids)
    failed = [{"id": letter_id, "reason": reason} for letter_id, reason in result.failed]
    return success({"replayed": result.replayed, "failed": failed})
