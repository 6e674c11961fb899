"""Bodies of the import endpoints."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field
from pydantic.alias_generators import to_camel

from andon.ingest.imports.model import NewImport
from andon.ingest.imports.service import ImportService
from andon.ingest.imports.store import Kept
from andon.kit.clock import to_iso
from andon.kit.contract import Answer, example
from andon.kit.ids import new_id

_MAX_UNITS = 2_000

_IMPORT: dict[str, Any] = {
    "id": "019a9c1e-7c55-7c52-9a53-0c4b3c8a5f10",
    "deviceId": "furnace-1",
    "fileName": "furnace-1.csv",
    "source": "sha256:9f86d081884c7d65",
    "status": "open",
    "keep": True,
    "parts": 1,
    "samples": 50000,
    "firstAt": "2013-12-02T21:15:00.000Z",
    "lastAt": "2014-02-19T15:25:00.000Z",
    "createdBy": "admin",
    "createdAt": "2025-01-11T10:00:00.000Z",
    "updatedAt": "2025-01-11T10:00:02.000Z",
    "durable": [[0, 0]],
}


class ImportBody(BaseModel):
    """What is to be imported. Send the same `source` again to go on with an import that broke off."""

    model_config = ConfigDict(
        extra="forbid",
        alias_generator=to_camel,
        populate_by_name=True,
        json_schema_extra={
            "examples": [{"deviceId": "furnace-1", "fileName": "furnace-1.csv", "source": "sha256:9f86d081884c7d65"}]
        },
    )

    device_id: str = Field(max_length=100)
    source: str | None = Field(None, max_length=200, description="A digest of the file and of how it is cut to parts.")
    file_name: str = Field("", max_length=255, description="For people.")
    keep: bool = Field(
        True, description="Retention leaves the samples alone; false: they go when others of their age do."
    )
    create: bool = Field(False, description="Register the device when there is none of that id.")
    type: str = Field("sensor", max_length=100, description="Type of a device that is registered.")
    units: dict[str, str] = Field(
        default_factory=dict, max_length=_MAX_UNITS, description="Unit of a signal where it is not the tag's own."
    )

    def to_import(self) -> NewImport:
        """As ingest understands it."""
        source = self.source or new_id()
        create = self.type if self.create else None
        return NewImport(self.device_id, source, self.file_name, self.keep, self.units, create)


class ImportView(Answer):
    """An import. `durable` are ranges of part numbers, both ends included: those need not be sent again.

    `open` takes parts, `finishing` waits until the historian has all for good, the others are over.
    """

    model_config = example(_IMPORT)

    id: str
    device_id: str
    file_name: str
    source: str
    status: Literal["open", "finishing", "finished", "cancelled", "expired"]
    keep: bool
    parts: int
    samples: int
    first_at: str | None
    last_at: str | None
    created_by: str
    created_at: str
    updated_at: str
    durable: list[list[int]]


class ImportLimits(Answer):
    """What one part may hold."""

    part_bytes: int
    part_samples: int


class BegunImport(ImportView):
    """An import to send parts to. `resumed`: it was begun before."""

    model_config = example({**_IMPORT, "resumed": False, "limits": {"partBytes": 8388608, "partSamples": 1000000}})

    resumed: bool
    limits: ImportLimits


class ImportList(Answer):
    """The last hundred imports, the newest first; `durable` is not listed."""

    model_config = example({"imports": [{**_IMPORT, "status": "finished", "durable": []}]})

    imports: list[ImportView]


class PartView(Answer):
    """A part that is durable. `again`: it was already, and nothing was stored."""

    model_config = example({"number": 0, "samples": 50000, "again": False})

    number: int
    samples: int
    again: bool


def import_view(kept: Kept, service: ImportService) -> dict[str, Any]:
    """An import as the API shows it."""
    of = kept.of
    return {
        "id": of.id,
        "deviceId": service.device_id(of),
        "fileName": of.file_name,
        "source": of.source,
        "status": of.status,
        "keep": of.keep,
        "parts": of.parts,
        "samples": of.samples,
        "firstAt": to_iso(of.first_at) if of.first_at is not None else None,
        "lastAt": to_iso(of.last_at) if of.last_at is not None else None,
        "createdBy": of.created_by,
        "createdAt": to_iso(of.created_at),
        "updatedAt": to_iso(of.updated_at),
        "durable": [list(each) for each in kept.durable],
    }
