"""Imports one uploaded file: its parts go the way that parts from outside go, once each, whatever breaks."""

from __future__ import annotations

import asyncio
import contextlib
import math
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, TypeVar

from sqlalchemy.exc import OperationalError

from andon.identity.model import Principal
from andon.ingest.imports.files.model import Skipped
from andon.ingest.imports.model import Import, NewImport
from andon.ingest.imports.service import ImportService
from andon.ingest.imports.store import Kept
from andon.ingest.uploads.frames import Frame
from andon.ingest.uploads.model import Order, Progress, Upload
from andon.ingest.uploads.reading import FileReader
from andon.kit.errors import AndonError, InvalidError, TooLargeError, UnavailableError

T = TypeVar("T")

_FIRST_PAUSE_S: Final = 0.5
_FLUSHES: Final = 10_000


class _TooLargePartError(Exception):
    """A part is larger than may be; parts of `fitting` rows should do."""

    def __init__(self, fitting: int) -> None:
        super().__init__(fitting)
        self.fitting = fitting


@dataclass(frozen=True, slots=True)
class FileImport:
    """Runs the import of an upload to its end. What it does is seen in `upload.progress`."""

    imports: ImportService
    reader: FileReader
    retry_s: float

    async def run(self, upload: Upload, order: Order, path: Path, on_begun: Callable[[], Awaitable[None]]) -> None:
        """Returns when all is sealed. InvalidError names what is wrong with the file; nothing transient is raised."""
        while True:
            try:
                await self._run(upload, order, path, on_begun)
                return
            except _TooLargePartError as found:
                upload.part_rows = found.fitting
                if not upload.part_rows:
                    raise TooLargeError("a row is larger than import_part_bytes", field="file") from found

    async def _run(self, upload: Upload, order: Order, path: Path, on_begun: Callable[[], Awaitable[None]]) -> None:
        principal = upload.owner.principal(upload.organisation_id)
        upload.progress = Progress()
        frames = self.reader.parts(path, upload.file_name, order.read(), order.units, upload.part_rows)
        async with contextlib.aclosing(frames):
            first = await anext(frames)
            kept = await self._begin(principal, upload, order, first)
            if kept.of.id != upload.import_id:
                await self._give_up(upload)
                upload.import_id = kept.of.id
                await on_begun()
            await self._send(upload, kept, frames)
        if not upload.progress.rows:
            raise InvalidError(
                f"{upload.file_name} has no rows of {order.device_id}",
                field="deviceId",
                cure="choose the device that the file names, or check the file",
            )
        upload.progress.rows_total = upload.progress.rows
        await self._finish(principal, upload)

    async def _begin(self, principal: Principal, upload: Upload, order: Order, first: Frame) -> Kept:
        upload.progress.rows_total = int(first.head["rowsTotal"])
        wanted = NewImport(order.device_id, first.head["source"], upload.file_name[-255:], order.keep, order.units)
        kept, _ = await self._patiently(upload, lambda: self.imports.begin(principal, wanted))
        _count(upload.progress, kept.of)
        return kept

    async def _send(self, upload: Upload, kept: Kept, frames: Any) -> None:
        progress = upload.progress
        number = 0
        async for frame in frames:
            progress.left_out = Skipped(**frame.head["leftOut"])
            if "end" in frame.head:
                return
            first_row = progress.rows + 1
            progress.rows += frame.head["rows"]
            self._check_size(frame)
            if not _holds(kept.durable, number):
                await self._part(upload, kept.of.id, number, frame.body, (first_row, progress.rows))
            _stretch(progress, frame.head["span"])
            number += 1

    def _check_size(self, frame: Frame) -> None:
        limits = self.imports.settings
        over = max(len(frame.body) / limits.part_bytes, frame.head["cells"] / limits.part_samples)
        if over > 1:
            raise _TooLargePartError(frame.head["rows"] // (math.ceil(over) + 1))

    async def _part(self, upload: Upload, import_id: str, number: int, body: bytes, rows: tuple[int, int]) -> None:
        organisation = upload.organisation_id
        try:
            taken = await self._patiently(
                upload, lambda: self.imports.put_part(organisation, import_id, number, body, "arrow")
            )
        except InvalidError as error:
            message = f"rows {rows[0]} to {rows[1]} were refused: {error.message}"
            raise InvalidError(message, field=error.field, cure=error.cure) from error
        if not taken.again:
            upload.progress.samples += taken.samples

    async def _finish(self, principal: Principal, upload: Upload) -> None:
        import_id = str(upload.import_id)
        for _ in range(_FLUSHES):
            kept = await self._patiently(upload, lambda: self.imports.finish(principal, import_id))
            if kept.of.status != "finishing":
                break
            upload.progress.waiting = "the historian seals what came"
        upload.progress.waiting = None
        _count(upload.progress, kept.of)

    async def _give_up(self, upload: Upload) -> None:
        """An import of the same file that was read or cut in another way."""
        if upload.import_id is not None:
            principal = upload.owner.principal(upload.organisation_id)
            with contextlib.suppress(AndonError):
                await self.imports.cancel(principal, upload.import_id)
            upload.import_id = None

    async def _patiently(self, upload: Upload, ask: Callable[[], Awaitable[T]]) -> T:
        """The answer, as soon as the log, the historian and the database give one."""
        pause = _FIRST_PAUSE_S
        while True:
            try:
                answer = await ask()
            except (UnavailableError, OperationalError) as error:
                upload.progress.waiting = error.message if isinstance(error, AndonError) else "the database is away"
                await asyncio.sleep(pause)
                pause = min(pause * 2, self.retry_s)
            else:
                upload.progress.waiting = None
                return answer


def _holds(durable: list[tuple[int, int]], number: int) -> bool:
    return any(low <= number <= high for low, high in durable)


def _count(progress: Progress, of: Import) -> None:
    progress.samples, progress.first_at, progress.last_at = of.samples, of.first_at, of.last_at


def _stretch(progress: Progress, span: tuple[int, int] | None) -> None:
    if span is None:
        return
    low, high = span
    progress.first_at = low if progress.first_at is None else min(progress.first_at, low)
    progress.last_at = high if progress.last_at is None else max(progress.last_at, high)
