"""`andon import`: a recording goes to a running Andon in parts that are cut the same way each time.

The server knows which parts it has, so an import that broke off, wherever it broke, goes on with the same command.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from andon.cli.server import RefusedError, Server
from andon.ingest.imports.files import open_recording
from andon.ingest.imports.files.cutting import as_arrow, parts, source_of, time_span, usual_rows
from andon.ingest.imports.files.model import Chunk, ReadOptions, Recording
from andon.kit.errors import AndonError, InvalidError, UnavailableError

ARROW: Final = "application/vnd.apache.arrow.stream"


@dataclass(frozen=True, slots=True)
class ImportOrder:
    """What to import, and how. `units` by column; `type`: of a device that has to be registered, None: none is."""

    file: Path
    read: ReadOptions
    keep: bool = True
    type: str | None = "sensor"
    units: Mapping[str, str] | None = None
    part_rows: int | None = None


@dataclass(slots=True)
class Imported:
    """How far an import is; `known` parts the server had already. Times µs UTC."""

    rows_total: int
    rows: int = 0
    samples: int = 0
    known: int = 0
    first: int | None = None
    last: int | None = None


def run_import(
    server: Server, order: ImportOrder, on_progress: Callable[[Imported], None] = lambda done: None
) -> tuple[Imported, Recording]:
    """Import a file; all of it is sealed when this returns. AndonError says what is wrong, and the cure."""
    if not order.file.is_file():
        raise InvalidError(f"{order.file} is no file", field="file", cure="name a CSV or Parquet file")
    recording = open_recording(order.file, order.read)
    part_rows = order.part_rows or usual_rows(recording)
    begun = server.ask("POST", "/imports", _body(order, part_rows))
    durable = {number for low, high in begun["durable"] for number in range(low, high + 1)}
    done = Imported(recording.rows)
    on_progress(done)
    for number, chunk in enumerate(parts(recording.chunks(), part_rows)):
        _send(server, begun["id"], number, chunk, number in durable, done)
        on_progress(done)
    if not done.rows:
        raise InvalidError(
            f"{order.file.name} has no rows of {order.read.device}", field="device", cure="check --device and the file"
        )
    _finish(server, begun["id"])
    done.rows_total = done.rows
    on_progress(done)
    return done, recording


def _body(order: ImportOrder, part_rows: int) -> dict[str, Any]:
    body: dict[str, Any] = {
        "deviceId": order.read.device,
        "source": source_of(order.file, order.read, order.units or {}, part_rows),
        "fileName": order.file.name[-255:],
        "keep": order.keep,
        "units": dict(order.units or {}),
    }
    return body if order.type is None else {**body, "create": True, "type": order.type}


def _send(server: Server, import_id: str, number: int, chunk: Chunk, known: bool, done: Imported) -> None:
    first_row = done.rows + 1
    done.rows += len(chunk)
    if (span := time_span(chunk)) is not None:
        low, high = span
        done.first = low if done.first is None else min(done.first, low)
        done.last = high if done.last is None else max(done.last, high)
    if known:
        done.known += 1
        return
    try:
        answer = server.send("PUT", f"/imports/{import_id}/parts/{number}", as_arrow(chunk), ARROW)
    except RefusedError as error:
        raise _explained(error, first_row, done.rows) from error
    done.samples += _samples(answer)


def _samples(answer: bytes) -> int:
    import json

    found: int = json.loads(answer)["data"]["samples"]
    return found


def _explained(error: RefusedError, first: int, last: int) -> AndonError:
    """A refused part in the rows of the file."""
    message = f"rows {first} to {last} were refused: {error.message}"
    cure = "send fewer rows at a time with --part-rows" if error.status == 413 else error.cure
    return RefusedError(error.status, message, error.field, cure)


def _finish(server: Server, import_id: str, most: int = 30) -> None:
    for _ in range(most):
        if server.ask("POST", f"/imports/{import_id}/finish")["status"] == "finished":
            return
    raise UnavailableError(
        "all samples are safe with the server, but its historian is far behind",
        cure="the same command tells when it has them sealed",
    )
