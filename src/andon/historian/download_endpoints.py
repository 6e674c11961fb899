"""`/history/exports`: files that a browser fetches by itself, of any size, with progress and a way to stop."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import aclosing
from typing import Annotated, Any
from urllib.parse import quote

from fastapi import APIRouter, Depends, Path, Query, Request
from fastapi.responses import StreamingResponse
from pydantic import BaseModel, ConfigDict, Field
from pydantic.alias_generators import to_camel
from starlette.types import Receive, Scope, Send

from andon.historian.download_view import DownloadView, ExportSize, PreparedDownload, download_view
from andon.historian.downloads import Download, Downloads, download_parts
from andon.historian.export import Export
from andon.historian.export_endpoints import CSV_FILE, FileFormat, slots_of, writer_for
from andon.historian.parameters import MOMENT, UNKNOWN, History, Reader
from andon.historian.ranges import parse_range
from andon.historian.schemas import ExportedHistory
from andon.historian.selection import QualityFilter, Series, series_of_names, tags_where
from andon.historian.service import Historian
from andon.kit.clock import now_us
from andon.kit.contract import answers
from andon.kit.envelope import success
from andon.kit.errors import InvalidError

router = APIRouter(tags=["history"])

_MOST_NAMED = 10_000
Name = Annotated[str, Field(max_length=200)]
DownloadId = Annotated[str, Path(max_length=60)]
_TOO_MUCH = {413: "There are more rows than a setting allows for this format", 503: "Too many exports run"}
_GONE = {404: "There is no such export of yours"}


class ExportBody(BaseModel):
    """What to export: signals by `series`, and all signals of devices by `device` and `type`."""

    model_config = ConfigDict(
        extra="forbid",
        alias_generator=to_camel,
        populate_by_name=True,
        json_schema_extra={"examples": [{"series": ["loom-001:bbw_value", "device-001:*"], "from": "-7d"}]},
    )

    format: FileFormat = "csv"
    start: str = Field("-24h", alias="from", max_length=40, description=f"Start: {MOMENT}.")
    end: str = Field("now", alias="to", max_length=40, description=f"End, not included: {MOMENT}.")
    series: list[Name] = Field(
        default_factory=list, max_length=_MOST_NAMED, description="`device:tag`, `device`, or `device:*`."
    )
    device: list[Name] = Field(default_factory=list, max_length=_MOST_NAMED)
    type: list[Name] = Field(default_factory=list, max_length=_MOST_NAMED)
    quality: QualityFilter = "all"
    timezone: str | None = Field(None, max_length=60, description="Of the second time column of xlsx.")

    def export(self, historian: Historian, organisation: str) -> Export:
        """What is asked for. NotFoundError for what is not there, InvalidError when nothing is chosen."""
        found: list[Series] = []
        if self.series:
            found += series_of_names(historian, organisation, self.series, most=_MOST_NAMED)
        if self.device or self.type:
            found += tags_where(historian, organisation, devices=self.device, types=self.type)
        if not found:
            raise InvalidError("no signal is chosen", field="series", cure="choose at least one device or signal")
        known = {each.tag.id: each for each in found}
        return Export(_name(found), list(known.values()), *parse_range(self.start, self.end, now_us()), self.quality)


def _downloads(request: Request) -> Downloads:
    state = request.app.state
    if not hasattr(state, "downloads"):
        state.downloads = Downloads()
    found: Downloads = state.downloads
    return found


Known = Annotated[Downloads, Depends(_downloads)]


@router.post("/history/exports/size", summary="How large an export would be")
@answers(ExportSize, refuses=UNKNOWN)
async def export_size(body: ExportBody, historian: History, principal: Reader) -> dict[str, Any]:
    """About how many rows it would have, from what is known of the files; nothing is read."""
    export = body.export(historian, principal.organisation_id)
    rows = await historian.rows([each.tag.id for each in export.series], export.start, export.end)
    return success({"rows": rows, "series": len(export.series)})


@router.post("/history/exports", summary="Prepare an export that a browser fetches by a link", status_code=201)
@answers(PreparedDownload, refuses={**UNKNOWN, **_TOO_MUCH})
async def prepare_export(
    body: ExportBody, request: Request, historian: History, known: Known, principal: Reader
) -> dict[str, Any]:
    """Open `path` within a minute, once: it needs no token, so the file goes straight to the disk. Ask here how far
    it is. With several processes that answer, all requests of one client have to reach the same one.
    """
    export = body.export(historian, principal.organisation_id)
    rows = await historian.rows([each.tag.id for each in export.series], export.start, export.end)
    writer = writer_for(body.format, rows, historian.queries, body.timezone or export.series[0].device.timezone, None)
    slots_of(request, historian.queries).check()
    made = known.prepare(principal, export, writer, rows)
    path = f"/api/v1/history/exports/{made.id}/file?ticket={quote(made.ticket)}"
    return success({**download_view(made), "path": path})


@router.get("/history/exports/{export_id}", summary="How far an export is")
@answers(DownloadView, refuses=_GONE)
async def get_export(export_id: DownloadId, known: Known, principal: Reader) -> dict[str, Any]:
    """Known for an hour after it was prepared."""
    return success(download_view(known.of(principal, export_id)))


@router.delete("/history/exports/{export_id}", summary="Stop an export")
@answers(DownloadView, refuses={**_GONE, 409: "It is over"})
async def stop_export(export_id: DownloadId, known: Known, principal: Reader) -> dict[str, Any]:
    """Its connection breaks, so that the browser keeps no half file."""
    found = known.of(principal, export_id)
    known.stop(found)
    return success(download_view(found))


@router.get("/history/exports/{export_id}/file", summary="Fetch a prepared export", responses=CSV_FILE)
@answers(
    ExportedHistory,
    bare=True,
    refuses={404: "The ticket is not for this export, was used, or is older than a minute", 503: "Too many run"},
)
async def fetch_export(
    export_id: DownloadId,
    request: Request,
    historian: History,
    known: Known,
    ticket: Annotated[str, Query(max_length=100, description="From `path`; good once.")],
) -> StreamingResponse:
    """As large as it may be. Closing the connection ends it."""
    slots = slots_of(request, historian.queries)
    slots.take()
    try:
        download = known.fetch(export_id, ticket)
    except BaseException:
        slots.give_back()
        raise
    parts = download_parts(historian, download, request.is_disconnected)
    return _Stoppable(download, parts, slots.give_back)


class _Stoppable(StreamingResponse):
    """Ends without its last chunk when it was stopped: the client must not take a part for the whole."""

    def __init__(self, download: Download, parts: AsyncGenerator[bytes], on_end: Callable[[], None]) -> None:
        disposition = f'attachment; filename="{download.file_name}"'
        headers = {"Content-Disposition": disposition, "X-Total-Rows": str(download.rows_total)}
        super().__init__(parts, media_type=download.writer.media_type, headers=headers)
        self._download = download
        self._parts = parts
        self._on_end = on_end

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer. Whatever ends it, the reading of history has ended too."""
        try:
            async with aclosing(self._parts):
                await super().__call__(scope, receive, send)
        finally:
            self._on_end()

    async def stream_response(self, send: Send) -> None:
        """Head and pieces; the end only of a whole file."""
        await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
        async for part in self.body_iterator:
            await send({"type": "http.response.body", "body": part, "more_body": True})
        if self._download.state == "finished":
            await send({"type": "http.response.body", "body": b"", "more_body": False})


def _name(series: Sequence[Series]) -> str:
    devices = {each.device.device_id for each in series}
    return next(iter(devices)) if len(devices) == 1 else "history"
