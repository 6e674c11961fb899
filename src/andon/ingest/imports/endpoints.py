"""`/imports`: history in numbered parts, each stored once."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Path, Request, Response

from andon.identity.guard import requires
from andon.identity.model import Principal
from andon.ingest.imports.schemas import BegunImport, ImportBody, ImportList, ImportView, PartView, import_view
from andon.ingest.imports.service import Encoding, ImportService
from andon.ingest.imports.store import Kept
from andon.ingest.schemas import push_schema
from andon.kit.contract import answers
from andon.kit.envelope import success
from andon.kit.errors import InvalidError

router = APIRouter(tags=["imports"])

_ARROW = "application/vnd.apache.arrow.stream"
_JSON = "application/json"
_ENCODINGS: dict[str, Encoding] = {_ARROW: "arrow", _JSON: "json"}


def _imports(request: Request) -> ImportService:
    service: ImportService = request.app.state.imports
    return service


Service = Annotated[ImportService, Depends(_imports)]
Writer = Annotated[Principal, Depends(requires("data:write"))]
ImportId = Annotated[str, Path(max_length=60)]

_UNKNOWN = {404: "There is no such import in your organisation"}
_OVER = {409: "The import is over, or has another part of that number"}
_BEHIND = {503: "The log or the historian are behind; send it again later"}
_PART_BODY = {
    "requestBody": {
        "required": True,
        "content": {
            _JSON: {"schema": push_schema()},
            _ARROW: {"schema": {"type": "string", "format": "binary"}},
        },
    }
}


@router.post("/imports", summary="Begin to import history into a device, or go on", status_code=201)
@answers(
    BegunImport,
    refuses={404: "There is no such device", 409: "The device is disabled", 503: "Too many imports are open"},
    also={200: "It was begun before: go on with the parts that are not in `durable`"},
)
async def begin_import(body: ImportBody, response: Response, service: Service, principal: Writer) -> dict[str, Any]:
    """Imported samples are history: they raise no alarms and make no device look alive. Send the parts, in any order
    and each as often as it takes, then finish. Registering a device with `create` needs `devices:write` too.
    """
    kept, new = await service.begin(principal, body.to_import())
    if not new:
        response.status_code = 200
    limits = {"partBytes": service.settings.part_bytes, "partSamples": service.settings.part_samples}
    return success({**import_view(kept, service), "resumed": not new, "limits": limits})


@router.get("/imports", summary="The last imports")
@answers(ImportList)
async def list_imports(service: Service, principal: Writer) -> dict[str, Any]:
    """The newest first."""
    found = await service.newest(principal.organisation_id)
    return success({"imports": [import_view(Kept(each, []), service) for each in found]})


@router.get("/imports/{import_id}", summary="How an import stands")
@answers(ImportView, refuses=_UNKNOWN)
async def get_import(import_id: ImportId, service: Service, principal: Writer) -> dict[str, Any]:
    """What is in `durable` survives a crash of the server and of the sender."""
    return success(import_view(await service.progress(principal.organisation_id, import_id), service))


@router.put("/imports/{import_id}/parts/{number}", summary="Send a part", openapi_extra=_PART_BODY)
@answers(
    PartView,
    refuses={**_UNKNOWN, **_OVER, **_BEHIND, 413: "The part is over import_part_bytes or import_part_samples"},
)
async def put_part(
    import_id: ImportId,
    number: Annotated[int, Path(ge=0, description="From 0; the sender counts.")],
    request: Request,
    service: Service,
    principal: Writer,
) -> dict[str, Any]:
    """Answered when the part is durable; sending it again changes nothing. A part is taken whole or not at all.

    An Arrow IPC stream without compression, wide (`timestamp` and a column a tag; null is no sample) or long
    (`timestamp`, `tag`, `value`, and `text`, `quality`, `unit`, `device` where there are any, as exports have them), or
    the JSON body of `POST /devices/{device_id}/samples`. Timestamps without a zone are UTC, integers are µs.
    """
    encoding = _encoding(request.headers.get("content-type", ""))
    taken = await service.put_part(principal.organisation_id, import_id, number, await request.body(), encoding)
    return success({"number": taken.number, "samples": taken.samples, "again": taken.again})


@router.post("/imports/{import_id}/finish", summary="Seal what was imported")
@answers(ImportView, refuses={**_UNKNOWN, **_BEHIND})
async def finish_import(import_id: ImportId, service: Service, principal: Writer) -> dict[str, Any]:
    """`finished`: the historian has all of it for good. `finishing`: it is behind, ask again."""
    return success(import_view(await service.finish(principal, import_id), service))


@router.delete("/imports/{import_id}", summary="Give an import up")
@answers(ImportView, refuses={**_UNKNOWN, 409: "The import is over"})
async def cancel_import(import_id: ImportId, service: Service, principal: Writer) -> dict[str, Any]:
    """It takes no more parts; samples that came stay."""
    return success(import_view(await service.cancel(principal, import_id), service))


def _encoding(content_type: str) -> Encoding:
    found = _ENCODINGS.get(content_type.partition(";")[0].strip().lower())
    if found is None:
        raise InvalidError(
            f"the part is of type {content_type[:60]!r}", field="content-type", cure=f"send {_ARROW} or {_JSON}"
        )
    return found
