"""`GET /devices/{id}/export` and `GET /history/export`: history as a file of any size."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query, Request
from fastapi.responses import StreamingResponse

from andon.historian.calendar import zone_of
from andon.historian.export import Export, FileWriter, file_parts
from andon.historian.export_excel import ExcelWriter, check_rows
from andon.historian.export_parquet import ParquetWriter
from andon.historian.export_text import CsvWriter, JsonWriter
from andon.historian.limits import QueryLimits
from andon.historian.parameters import (
    UNKNOWN,
    DeviceId,
    DeviceNames,
    From,
    History,
    Reader,
    SeriesNames,
    TagNames,
    To,
    TypeNames,
)
from andon.historian.ranges import parse_range
from andon.historian.schemas import ExportedHistory
from andon.historian.selection import QualityFilter, Series, series_of_names, tags_where
from andon.historian.service import Historian
from andon.kit.clock import now_us
from andon.kit.contract import answers
from andon.kit.errors import InvalidError, TooLargeError, UnavailableError

router = APIRouter(tags=["history"])

_MOST_NAMED = 10_000  # series in one export; a longer address would not fit a request
FileFormat = Literal["csv", "json", "parquet", "xlsx"]
Format = Annotated[FileFormat, Query(alias="format", description="Of the file.")]
Quality = Annotated[QualityFilter, Query(description="Which samples are in it.")]
Timezone = Annotated[
    str | None, Query(max_length=60, description="IANA name of the second time column of xlsx; default: the site's.")
]

_CSV_EXAMPLE = """timestamp,device,tag,value,unit,quality
2025-01-11T10:00:00.000Z,device-001,temperature,75.2,celsius,good
"""
CSV_FILE: dict[int | str, dict[str, Any]] = {
    200: {"content": {"text/csv": {"schema": {"type": "string"}, "example": _CSV_EXAMPLE}}}
}
_REFUSES = {
    **UNKNOWN,
    413: "There are more rows than a setting allows for this format",
    503: "As many exports as a setting allows are running; try again later",
}


@router.get("/devices/{device_id}/export", summary="Download the samples of a device, any range", responses=CSV_FILE)
@answers(ExportedHistory, bare=True, refuses=_REFUSES)
async def export(
    request: Request,
    historian: History,
    principal: Reader,
    device_id: DeviceId,
    format: Format = "csv",
    start: From = "-24h",
    end: To = "now",
    tag: TagNames = None,
    quality: Quality = "all",
    timezone: Timezone = None,
) -> StreamingResponse:
    """All tags of the device unless `tag` names some; sent as it is read, so it may be of any size. Header
    `X-Total-Rows` says about how many rows will come. Closing the connection ends it.
    """
    device = historian.device(principal.organisation_id, device_id)
    names: list[str | None] = [*tag] if tag else [None]
    series = [Series(device, each) for name in names for each in historian.tags(device, name)]
    wanted = Export(device.device_id, series, *parse_range(start, end, now_us()), quality)
    return await _file(request, historian, wanted, format, timezone or device.timezone, device.device_id)


@router.get(
    "/history/export",
    summary="Download the samples of several devices",
    responses=CSV_FILE,
)
@answers(ExportedHistory, bare=True, refuses=_REFUSES)
async def export_history(
    request: Request,
    historian: History,
    principal: Reader,
    format: Format = "csv",
    start: From = "-24h",
    end: To = "now",
    series: SeriesNames = None,
    device: DeviceNames = None,
    type: TypeNames = None,
    quality: Quality = "all",
    timezone: Timezone = None,
) -> StreamingResponse:
    """The signals that `series` names, or all signals of devices by `device` and `type`, of any number."""
    organisation = principal.organisation_id
    if series:
        found = series_of_names(historian, organisation, series, most=_MOST_NAMED)
    elif device or type:
        found = tags_where(historian, organisation, devices=device or (), types=type or ())
    else:
        raise InvalidError(
            "nothing is chosen", field="series", cure="add series=device:tag, device=NAME or type=TYPE; repeat them"
        )
    wanted = Export("history", found, *parse_range(start, end, now_us()), quality)
    zone = timezone or (found[0].device.timezone if found else "UTC")
    return await _file(request, historian, wanted, format, zone, None)


async def _file(
    request: Request, historian: Historian, export: Export, format: FileFormat, timezone: str, device_id: str | None
) -> StreamingResponse:
    rows = await historian.rows([each.tag.id for each in export.series], export.start, export.end)
    writer = writer_for(format, rows, historian.queries, timezone, device_id)
    slots = slots_of(request, historian.queries)
    slots.take()
    parts = _counted(file_parts(historian, export, writer, request.is_disconnected), slots)
    first = await _beginning(parts)
    return StreamingResponse(
        _after(first, parts),
        media_type=writer.media_type,
        headers={
            "Content-Disposition": f'attachment; filename="{export.file_name(writer.ending)}"',
            "X-Total-Rows": str(rows),
        },
    )


def writer_for(format: FileFormat, rows: int, limits: QueryLimits, timezone: str, device_id: str | None) -> FileWriter:
    """What writes the format. TooLargeError when a setting allows fewer rows."""
    if limits.export_rows and rows > limits.export_rows:
        raise TooLargeError(
            f"about {rows} rows are too many for one export; {limits.export_rows} are allowed (export_max_rows)",
            field="from",
            cure="export a shorter range, or fewer signals",
        )
    if format == "xlsx":
        check_rows(rows, limits.excel_rows)
        return ExcelWriter(zone_of(timezone))
    if format == "parquet":
        return ParquetWriter()
    return CsvWriter() if format == "csv" else JsonWriter(device_id)


class ExportSlots:
    """How many exports run; each takes a bounded share of memory, so their number is bounded too."""

    def __init__(self, most: int) -> None:
        self._most = most
        self.running = 0

    def take(self) -> None:
        """One more. UnavailableError when there are enough."""
        self.check()
        self.running += 1

    def check(self) -> None:
        """UnavailableError when there are enough."""
        if self.running >= self._most:
            raise UnavailableError(
                f"{self.running} exports are running; {self._most} are allowed (export_max_running)",
                cure="try again when one has ended",
            )

    def give_back(self) -> None:
        """One has ended."""
        self.running -= 1


def slots_of(request: Request, limits: QueryLimits) -> ExportSlots:
    """Those of this process, for all ways to export."""
    state = request.app.state
    if not hasattr(state, "export_slots"):
        state.export_slots = ExportSlots(limits.exports)
    slots: ExportSlots = state.export_slots
    return slots


async def _counted(parts: AsyncGenerator[bytes], slots: ExportSlots) -> AsyncGenerator[bytes]:
    try:
        async with aclosing(parts):
            async for part in parts:
                if part:
                    yield part
    finally:
        slots.give_back()


async def _beginning(parts: AsyncGenerator[bytes]) -> bytes:
    """The first bytes. What fails before them is still told as an error."""
    return await anext(parts, b"")


async def _after(first: bytes, parts: AsyncGenerator[bytes]) -> AsyncGenerator[bytes]:
    async with aclosing(parts):
        yield first
        async for part in parts:
            yield part
