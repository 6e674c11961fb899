"""`/import-files`: recordings that the server reads itself, as `andon import` does."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Path, Query, Request, Response

from andon.identity.guard import requires
from andon.identity.model import Principal
from andon.ingest.uploads.schemas import (
    BegunFile,
    FileBody,
    FileList,
    FileView,
    OrderBody,
    PreviewView,
    ReadBody,
    file_view,
)
from andon.ingest.uploads.service import UploadService
from andon.kit.contract import answers
from andon.kit.envelope import success

router = APIRouter(tags=["imports"])


def _uploads(request: Request) -> UploadService:
    service: UploadService = request.app.state.uploads
    return service


Service = Annotated[UploadService, Depends(_uploads)]
Writer = Annotated[Principal, Depends(requires("data:write"))]
FileId = Annotated[str, Path(max_length=60)]

_UNKNOWN = {404: "There is no such file in your organisation: it was taken away, or never came"}
_PIECE = {
    "requestBody": {
        "required": True,
        "content": {"application/octet-stream": {"schema": {"type": "string", "format": "binary"}}},
    }
}


@router.post("/import-files", summary="Begin to upload a recording, or go on", status_code=201)
@answers(
    BegunFile,
    refuses={413: "The file is over import_file_bytes", 503: "There is no room for it now"},
    also={200: "It was begun before: go on from byte `received`"},
)
async def begin_file(body: FileBody, response: Response, service: Service, principal: Writer) -> dict[str, Any]:
    """A CSV or Parquet file of any name. Send its pieces, look at a preview, then have it imported."""
    upload, new = await service.begin(principal, body.file_name, body.size, body.fingerprint)
    if not new:
        response.status_code = 200
    view = await file_view(upload, service)
    return success({**view, "resumed": not new, "pieceBytes": service.settings.piece_bytes})


@router.get("/import-files", summary="Uploaded recordings")
@answers(FileList)
async def list_files(service: Service, principal: Writer) -> dict[str, Any]:
    """Those of your organisation that are here, and the results of those that were imported in the last day."""
    found = service.newest(principal.organisation_id)
    return success({"files": [await file_view(each, service) for each in found]})


@router.get("/import-files/{file_id}", summary="How a recording stands")
@answers(FileView, refuses=_UNKNOWN)
async def get_file(file_id: FileId, service: Service, principal: Writer) -> dict[str, Any]:
    """How much of it is here; then how far its import is, and what came of it."""
    return success(await file_view(service.get(principal.organisation_id, file_id), service))


@router.put("/import-files/{file_id}/content", summary="Send a piece of a recording", openapi_extra=_PIECE)
@answers(
    FileView,
    refuses={
        **_UNKNOWN,
        409: "The piece would leave a hole, or the file takes no more",
        413: "The piece is too large",
        503: "The disk is full",
    },
)
async def put_piece(
    file_id: FileId,
    request: Request,
    service: Service,
    principal: Writer,
    offset: Annotated[int, Query(ge=0, description="The byte of the file that it begins with.")],
) -> dict[str, Any]:
    """Durable when it is answered. A piece that is here already changes nothing."""
    upload = await service.append(principal.organisation_id, file_id, offset, await request.body())
    return success(await file_view(upload, service))


@router.post("/import-files/{file_id}/preview", summary="What is recognised in a recording")
@answers(
    PreviewView,
    refuses={
        **_UNKNOWN,
        409: "Too little of the file is here: CSV needs its first 8 MiB, Parquet all of it",
        503: "It takes too long",
    },
)
async def preview_file(file_id: FileId, body: ReadBody, service: Service, principal: Writer) -> dict[str, Any]:
    """Columns, times, and the first rows as they would be imported. Nothing is stored."""
    return success(await service.preview(principal.organisation_id, file_id, body.read()))


@router.post("/import-files/{file_id}/import", summary="Import a recording that is here", status_code=202)
@answers(
    FileView,
    refuses={
        403: "Registering a device needs devices:write",
        404: "There is no such file, or no such device",
        409: "The file is not complete, or is being imported; or the device is disabled",
    },
)
async def import_file(file_id: FileId, body: OrderBody, service: Service, principal: Writer) -> dict[str, Any]:
    """It goes on by itself, also over a restart of the server: ask how it stands. The file goes when it is finished."""
    create = body.type if body.create else None
    return success(await file_view(await service.run(principal, file_id, body.order(), create), service))


@router.delete("/import-files/{file_id}", summary="Take a recording away")
@answers(FileView, refuses=_UNKNOWN)
async def delete_file(file_id: FileId, service: Service, principal: Writer) -> dict[str, Any]:
    """Its import ends; samples that came stay."""
    return success(await file_view(await service.cancel(principal, file_id), service))
