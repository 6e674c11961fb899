"""Bodies of the endpoints of uploaded files."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field
from pydantic.alias_generators import to_camel

from andon.historian.calendar import zone_of
from andon.ingest.imports.files.model import ReadOptions
from andon.ingest.uploads.model import Order, Upload
from andon.ingest.uploads.service import UploadService
from andon.kit.clock import to_iso
from andon.kit.contract import Answer, Value, example

_MAX_COLUMNS = 2_000
_STATES = Literal["receiving", "received", "importing", "finished", "failed", "cancelled"]

_LEFT_OUT: dict[str, Any] = {"cells": 0, "rows": 0, "contradicted": 0, "columns": ["operator"], "examples": []}
_FILE: dict[str, Any] = {
    "id": "019a9c1e-7c55-7c52-9a53-0c4b3c8a5f10",
    "fileName": "furnace-1.csv",
    "size": 182044,
    "received": 182044,
    "state": "importing",
    "canBePreviewed": False,
    "deviceId": "furnace-1",
    "keep": True,
    "importId": "019a9c1e-80aa-7b21-8c11-5d7b1c2f3a44",
    "progress": {
        "rowsTotal": 50000,
        "rows": 25000,
        "samples": 50000,
        "firstAt": "2013-12-02T21:15:00.000Z",
        "lastAt": "2014-01-11T10:00:00.000Z",
        "leftOut": _LEFT_OUT,
        "waiting": None,
    },
    "problem": None,
    "createdBy": "admin",
    "createdAt": "2025-01-11T10:00:00.000Z",
    "updatedAt": "2025-01-11T10:00:02.000Z",
    "expiresAt": "2025-01-12T10:00:02.000Z",
}
_PREVIEW: dict[str, Any] = {
    "format": "csv",
    "separator": ",",
    "rows": 50000,
    "columns": [
        {"name": "time", "kind": "time", "example": "2013-12-02 21:15:00"},
        {"name": "temperature", "kind": "number", "example": "73.9"},
        {"name": "operator", "kind": "text", "example": "AB"},
    ],
    "long": False,
    "timeColumn": "time",
    "namesNoZone": True,
    "signals": ["temperature"],
    "devices": [],
    "first": [{"timestamp": "2013-12-02T20:15:00.000Z", "values": {"temperature": 73.9}}],
    "leftOut": _LEFT_OUT,
    "problem": None,
}


def _example(body: dict[str, Any]) -> ConfigDict:
    shown: dict[str, Any] = {"examples": [body]}
    return ConfigDict(extra="forbid", alias_generator=to_camel, populate_by_name=True, json_schema_extra=shown)


class FileBody(BaseModel):
    """A file that is to come. The same `fingerprint` and `size` again go on with an upload that broke off."""

    model_config = _example({"fileName": "furnace-1.csv", "size": 182044, "fingerprint": "1733000000000 furnace-1.csv"})

    file_name: str = Field(min_length=1, max_length=255)
    size: int = Field(gt=0, description="Bytes.")
    fingerprint: str = Field(
        min_length=1, max_length=200, description="Tells the file from the sender's others: of its name, date, content."
    )


class ReadBody(BaseModel):
    """How the file is to be read; what is left out is found out."""

    model_config = _example({"timezone": "Europe/Berlin", "columns": ["temperature"]})

    columns: list[str] = Field(default_factory=list, max_length=_MAX_COLUMNS, description="Empty: all with values.")
    time_column: str | None = Field(None, max_length=200)
    time_format: str | None = Field(None, max_length=100, description="Such as `%m/%d/%Y %H:%M`.")
    timezone: str = Field("UTC", max_length=60, description="Of times that name none (IANA name).")
    encoding: str = Field("utf-8", max_length=40, pattern=r"^[A-Za-z0-9_.-]+$")
    skip_bad: bool = Field(False, description="Leave out what cannot be read instead of stopping.")
    device_id: str = Field("", max_length=100, description="Of files that hold several devices: the one to take.")

    def read(self) -> ReadOptions:
        """For the file's reader. InvalidError when there is no such zone."""
        zone_of(self.timezone)
        return self._order({}, keep=True).read()

    def _order(self, units: dict[str, str], *, keep: bool) -> Order:
        return Order(
            self.device_id,
            keep,
            units,
            tuple(self.columns),
            self.time_column or None,
            self.time_format or None,
            self.timezone,
            self.encoding,
            self.skip_bad,
        )


class OrderBody(ReadBody):
    """Where the samples of the file go."""

    model_config = _example({"deviceId": "furnace-1", "create": True, "type": "furnace", "timezone": "Europe/Berlin"})

    device_id: str = Field(min_length=1, max_length=100)
    keep: bool = Field(
        True, description="Retention leaves the samples alone; false: they go when others of their age do."
    )
    create: bool = Field(False, description="Register the device when there is none of that id.")
    type: str = Field("sensor", max_length=100, description="Type of a device that is registered.")
    units: dict[str, str] = Field(default_factory=dict, max_length=_MAX_COLUMNS, description="Unit by column.")

    def order(self) -> Order:
        """As the import understands it. InvalidError when there is no such zone."""
        zone_of(self.timezone)
        return self._order(dict(self.units), keep=self.keep)


class ProblemView(Answer):
    """What is wrong, where, and what to do."""

    message: str
    field: str | None
    cure: str | None


class LeftOutView(Answer):
    """What was left out; `examples` name row and column. Rows of other devices are counted too.

    `contradicted`: at least so many rows have the time of a later one and another value; the last one counts.
    """

    cells: int
    rows: int
    contradicted: int
    columns: list[str]
    examples: list[str]


class ProgressView(Answer):
    """How far the import is. `rowsTotal` may be an estimate; `waiting` says why it does not go on now."""

    rows_total: int
    rows: int
    samples: int
    first_at: str | None
    last_at: str | None
    left_out: LeftOutView
    waiting: str | None


class FileView(Answer):
    """A file. `receiving` takes pieces; `received` waits to be imported, `failed` to be imported in a better way."""

    model_config = example(_FILE)

    id: str
    file_name: str
    size: int
    received: int
    state: _STATES
    can_be_previewed: bool
    device_id: str | None
    keep: bool | None
    import_id: str | None
    progress: ProgressView
    problem: ProblemView | None
    created_by: str
    created_at: str
    updated_at: str
    expires_at: str


class BegunFile(FileView):
    """A file to send pieces of, from byte `received` on, each of at most `pieceBytes`."""

    model_config = example({**_FILE, "state": "receiving", "received": 0, "resumed": False, "pieceBytes": 8388608})

    resumed: bool
    piece_bytes: int


class FileList(Answer):
    """The newest first."""

    model_config = example({"files": [_FILE]})

    files: list[FileView]


class PreviewColumn(Answer):
    """A column as it stands in the file."""

    name: str
    kind: Literal["time", "number", "boolean", "text", "empty"]
    example: str


class PreviewRow(Answer):
    """A row as it would be imported."""

    timestamp: str
    values: dict[str, Value]


class PreviewView(Answer):
    """What is recognised. `signals` are the columns that are taken; of a `long` file each row names its own, and
    `devices` are those of its first rows. `namesNoZone`: the times are those of `timezone`. `problem`: why it cannot
    be imported as it is. `rows` is null while the file is not complete.
    """

    model_config = example(_PREVIEW)

    format: Literal["csv", "parquet"]
    separator: str | None
    rows: int | None
    columns: list[PreviewColumn]
    long: bool
    time_column: str | None
    names_no_zone: bool
    signals: list[str]
    devices: list[str]
    first: list[PreviewRow]
    left_out: LeftOutView
    problem: ProblemView | None


async def file_view(upload: Upload, service: UploadService) -> dict[str, Any]:
    """A file as the API shows it."""
    done, order, failure = upload.progress, upload.order, upload.failure
    problem = None if failure is None else {"message": failure.message, "field": failure.field, "cure": failure.cure}
    return {
        "id": upload.id,
        "fileName": upload.file_name,
        "size": upload.size,
        "received": await service.received(upload),
        "state": upload.state,
        "canBePreviewed": await service.can_be_looked_at(upload),
        "deviceId": order.device_id if order else None,
        "keep": order.keep if order else None,
        "importId": upload.import_id,
        "progress": {
            "rowsTotal": done.rows_total,
            "rows": done.rows,
            "samples": done.samples,
            "firstAt": _iso(done.first_at),
            "lastAt": _iso(done.last_at),
            "leftOut": {
                "cells": done.left_out.cells,
                "rows": done.left_out.rows,
                "contradicted": done.left_out.contradicted,
                "columns": done.left_out.columns,
                "examples": done.left_out.examples,
            },
            "waiting": done.waiting,
        },
        "problem": problem,
        "createdBy": upload.owner.username,
        "createdAt": to_iso(upload.created_at),
        "updatedAt": to_iso(upload.updated_at),
        "expiresAt": to_iso(service.expires_at(upload)),
    }


def _iso(at: int | None) -> str | None:
    return None if at is None else to_iso(at)
