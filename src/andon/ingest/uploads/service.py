"""Uploads of all organisations: they come in pieces, are looked at, imported, and go when nobody wants them."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from dataclasses import replace
from pathlib import Path
from typing import Any, Final
from weakref import WeakValueDictionary

from andon.identity.model import Principal
from andon.ingest.imports.files.model import ReadOptions
from andon.ingest.imports.service import ImportService
from andon.ingest.uploads.importing import FileImport
from andon.ingest.uploads.limits import check_room
from andon.ingest.uploads.model import OVER, Failure, Order, Owner, Progress, State, Upload
from andon.ingest.uploads.reading import FileReader
from andon.ingest.uploads.settings import UploadSettings
from andon.ingest.uploads.spool import Spool
from andon.kit.clock import US_PER_S, now_us
from andon.kit.errors import AndonError, ConflictError, NotFoundError, TooLargeError, UnavailableError
from andon.kit.ids import new_id
from andon.kit.tasks import end_tasks

logger = logging.getLogger(__name__)

_SWEEP_S: Final = 300.0
_MAX_LOOKS: Final = 2
_LOOKED_AT: Final = 8 << 20
"""Bytes of a CSV file that a look at its beginning needs."""
_PARQUET: Final = b"PAR1"
_RESEAL_S: Final = 5.0


class UploadService:
    """Called on the event loop; the spool gets threads, files are read in processes of their own."""

    def __init__(self, folder: Path, imports: ImportService, settings: UploadSettings | None = None) -> None:
        self.settings = settings or UploadSettings()
        self.imports = imports
        self._spool = Spool(folder)
        self._reader = FileReader(self.settings.reader_bytes)
        self._import = FileImport(imports, self._reader, self.settings.retry_s)
        self._uploads: dict[str, Upload] = {}
        self._running: dict[str, asyncio.Task[None]] = {}
        self._turns = asyncio.Semaphore(self.settings.running)
        self._looks = asyncio.Semaphore(_MAX_LOOKS)
        self._locks: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()
        self._sweeper: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Go on with what was here before."""
        for upload in await asyncio.to_thread(self._spool.open):
            self._uploads[upload.id] = upload
            if upload.state == "importing":
                self._launch(upload)
        self._sweeper = asyncio.create_task(self._sweep_often(), name="uploads")

    async def stop(self) -> None:
        """Leave everything as it is; the next start goes on."""
        tasks = [*self._running.values(), *([self._sweeper] if self._sweeper else [])]
        await end_tasks(*tasks)

    async def begin(self, principal: Principal, name: str, size: int, fingerprint: str) -> tuple[Upload, bool]:
        """The upload to send pieces to, and whether it is new: the same file of the same user goes on.

        TooLargeError over the size of a file; UnavailableError when the spool or the disk have no room for it.
        """
        for upload in self._uploads.values():
            same = (upload.organisation_id, upload.owner.user_id) == (principal.organisation_id, principal.user_id)
            if same and (upload.fingerprint, upload.size) == (fingerprint, size) and upload.state not in OVER:
                await self._touch(upload)
                return upload, False
        await self.sweep()
        waiting = [
            (each.organisation_id, each.size, await self.received(each))
            for each in list(self._uploads.values())
            if each.state not in OVER
        ]
        free = await asyncio.to_thread(self._spool.free)
        check_room(self.settings, principal.organisation_id, size, waiting, free)
        owner, now = Owner(principal.user_id, principal.username, principal.role), now_us()
        upload = Upload(new_id(), principal.organisation_id, name, size, fingerprint, owner, now, now)
        await asyncio.to_thread(self._spool.save, upload)
        self._uploads[upload.id] = upload
        return upload, True

    async def append(self, organisation_id: str, upload_id: str, offset: int, piece: bytes) -> Upload:
        """Take a piece; it is durable when this returns. See `Spool.append`."""
        if len(piece) > self.settings.piece_bytes:
            raise TooLargeError(
                f"the piece has {len(piece)} bytes; {self.settings.piece_bytes} are allowed", cure="send smaller ones"
            )
        upload = self.get(organisation_id, upload_id)
        async with self._lock(upload_id):
            if upload.state != "receiving":
                raise ConflictError(f"the file is {upload.state}", field="id", cure="upload it again")
            if offset + len(piece) > upload.size:
                raise ConflictError(f"the file has {upload.size} bytes", field="offset", cure="upload it as another")
            there = await asyncio.to_thread(self._spool.append, upload_id, offset, piece)
            upload.updated_at = now_us()
            if there == upload.size:
                upload.state = "received"
                await asyncio.to_thread(self._spool.save, upload)
        return upload

    def get(self, organisation_id: str, upload_id: str) -> Upload:
        """The upload. NotFoundError when the organisation has none of that id."""
        upload = self._uploads.get(upload_id)
        if upload is None or upload.organisation_id != organisation_id:
            raise NotFoundError(f"there is no file {upload_id[:60]!r}", field="id", cure="upload it again")
        return upload

    def newest(self, organisation_id: str) -> list[Upload]:
        """Those of an organisation, the newest first."""
        own = [upload for upload in self._uploads.values() if upload.organisation_id == organisation_id]
        return sorted(own, key=lambda upload: upload.created_at, reverse=True)

    async def received(self, upload: Upload) -> int:
        """How many of its bytes are here, or were before they went with the end of the import."""
        if upload.state != "receiving":
            return upload.size
        return await asyncio.to_thread(self._spool.received, upload.id)

    async def can_be_looked_at(self, upload: Upload) -> bool:
        """CSV is known by its beginning, Parquet by its end."""
        if upload.state not in ("receiving", "received", "failed"):
            return False
        return await asyncio.to_thread(self._has_enough, upload)

    async def preview(self, organisation_id: str, upload_id: str, read: ReadOptions) -> dict[str, Any]:
        """What is recognised in the file; see `files.preview`. ConflictError while too little of it is here."""
        upload = self.get(organisation_id, upload_id)
        if not await self.can_be_looked_at(upload):
            raise ConflictError(
                f"too little of the file is here, or it is {upload.state}", field="id", cure="send more of it first"
            )
        async with self._looks:
            try:
                path = self._spool.path(upload_id)
                found = await self._reader.preview(path, upload.file_name, read, self.settings.preview_s)
            except TimeoutError as error:
                cure = "import it with the command line, or cut the file"
                raise UnavailableError("looking at the file takes too long", field="file", cure=cure) from error
        await self._touch(upload)
        return found if upload.state != "receiving" else {**found, "rows": None}

    async def run(self, principal: Principal, upload_id: str, order: Order, create_type: str | None) -> Upload:
        """Import the file; it goes on by itself from here, also over a restart. See `ImportService.device`."""
        upload = self.get(principal.organisation_id, upload_id)
        async with self._lock(upload_id):
            if upload.state not in ("received", "failed"):
                raise ConflictError(f"the file is {upload.state}", field="id", cure="upload all of it first")
            device = await self.imports.device(principal, order.device_id, create_type)
            upload.owner = Owner(principal.user_id, principal.username, principal.role)
            upload.order, upload.state, upload.failure, upload.progress = order, "importing", None, Progress()
            upload.updated_at = now_us()
            await asyncio.to_thread(self._spool.save, upload)
            self._launch(upload)
        logger.info("an uploaded file is imported", extra={"device": device.device_id, "user": principal.username})
        return upload

    async def cancel(self, principal: Principal, upload_id: str) -> Upload:
        """Take the file away and end its import; samples that came stay. What is over is forgotten."""
        upload = self.get(principal.organisation_id, upload_id)
        task = self._running.pop(upload_id, None)
        if task is not None:
            await end_tasks(task)
        async with self._lock(upload_id):
            if upload.state in OVER:
                self._uploads.pop(upload_id, None)
                await asyncio.to_thread(self._spool.forget, upload_id)
                return upload
            if upload.import_id is not None:
                await self._end_import(principal, upload.import_id)
            upload.progress.waiting = None
            await self._over(upload, "cancelled")
        return upload

    async def sweep(self) -> None:
        """Take away what nobody did anything with for too long."""
        before = now_us() - round(self.settings.expire_s * US_PER_S)
        for upload in list(self._uploads.values()):
            if upload.updated_at < before and upload.id not in self._running:
                self._uploads.pop(upload.id, None)
                await asyncio.to_thread(self._spool.forget, upload.id)

    def expires_at(self, upload: Upload) -> int:
        """When it goes if nothing is done with it, µs UTC."""
        return upload.updated_at + round(self.settings.expire_s * US_PER_S)

    async def _sweep_often(self) -> None:
        while True:
            await asyncio.sleep(min(_SWEEP_S, self.settings.expire_s))
            await self.sweep()

    def _launch(self, upload: Upload) -> None:
        task = asyncio.create_task(self._run(upload), name=f"import of {upload.id}")
        self._running[upload.id] = task
        task.add_done_callback(lambda done: self._ended(upload, done))

    def _ended(self, upload: Upload, task: asyncio.Task[None]) -> None:
        self._running.pop(upload.id, None)
        error = None if task.cancelled() else task.exception()
        if error is not None:
            logger.error("an import of an uploaded file broke", exc_info=error)
            upload.state, upload.failure = "failed", Failure("the import broke", cure="the server's log says why")

    async def _run(self, upload: Upload) -> None:
        assert upload.order is not None  # given before it is launched
        async with self._turns:
            try:
                path, saved = self._spool.path(upload.id), self._saving(upload)
                await self._import.run(upload, upload.order, path, saved)
            except AndonError as error:
                upload.failure = Failure(error.message, error.field, error.cure)
                upload.state, upload.updated_at = "failed", now_us()
                await self._saved_patiently(upload)
            else:
                await self._over(upload, "finished")

    def _saving(self, upload: Upload) -> Callable[[], Awaitable[None]]:
        async def save() -> None:
            await self._saved_patiently(upload)

        return save

    async def _over(self, upload: Upload, state: State) -> None:
        """It is told when its bytes are gone; a crash in between leaves none behind that would be imported again."""
        upload.updated_at = now_us()
        await self._saved_patiently(upload, state)
        await asyncio.to_thread(self._spool.drop_data, upload.id)
        upload.state = state

    async def _saved_patiently(self, upload: Upload, state: State | None = None) -> None:
        while True:
            try:
                await asyncio.to_thread(self._spool.save, replace(upload, state=state or upload.state))
                return
            except UnavailableError as error:
                upload.progress.waiting = error.message
                await asyncio.sleep(_RESEAL_S)

    async def _end_import(self, principal: Principal, import_id: str) -> None:
        try:
            await self.imports.cancel(principal, import_id)
        except (ConflictError, NotFoundError) as error:
            logger.debug("an import was over already", extra={"import": import_id, "error": error.message})

    async def _touch(self, upload: Upload) -> None:
        upload.updated_at = now_us()
        if upload.state == "received":
            await asyncio.to_thread(self._spool.save, upload)

    def _has_enough(self, upload: Upload) -> bool:
        there = self._spool.received(upload.id)
        if there == upload.size:
            return True
        if there < _LOOKED_AT:
            return False
        with self._spool.path(upload.id).open("rb") as file:
            return file.read(len(_PARQUET)) != _PARQUET

    def _lock(self, upload_id: str) -> asyncio.Lock:
        return self._locks.setdefault(upload_id, asyncio.Lock())
