"""Runs imports: each part once, durable when it is answered; a finish seals what came."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal
from weakref import WeakValueDictionary

from andon.engines.database import Database
from andon.engines.log.port import SENSORS_DATA, Log
from andon.historian.service import Historian, unknown_device
from andon.identity.model import Principal
from andon.ingest.imports.json_parts import read_json
from andon.ingest.imports.model import Import, NewImport, SignalSamples, span
from andon.ingest.imports.parts import PRIMARY, read_arrow
from andon.ingest.imports.samples import as_batch, check_times, slices
from andon.ingest.imports.settings import ImportSettings
from andon.ingest.imports.store import ImportStore, Kept
from andon.ingest.pipeline import Pipeline
from andon.ingest.stream_json import JsonSamples
from andon.kit.clock import US_PER_S, now_us
from andon.kit.errors import ConflictError, ForbiddenError, NotFoundError, TooLargeError, UnavailableError
from andon.kit.samples import SampleBatch
from andon.registry.directory import DeviceInfo, Directory, TagInfo
from andon.registry.model import NewDevice, NewTag
from andon.registry.service import Registry

Encoding = Literal["arrow", "json"]

_CREATE = "devices:write"
_FIRST_PAUSE_S, _LONGEST_PAUSE_S = 0.05, 1.0
_MESSAGES_A_RECORD = 1_000  # where each sample is a message of its own
_VALUE = "value"
"""What recordings of one signal call it: the device's primary tag, where none bears the name."""


@dataclass(frozen=True, slots=True)
class PartTaken:
    """A part that is durable now; `again`: it was already."""

    number: int
    samples: int
    again: bool


class ImportService:
    """All imports of all organisations. Called on the event loop; columns and tables get threads."""

    def __init__(
        self,
        database: Database,
        log: Log,
        directory: Directory,
        registry: Registry,
        pipeline: Pipeline,
        historian: Historian,
        settings: ImportSettings | None = None,
    ) -> None:
        self.settings = settings or ImportSettings()
        self._store = ImportStore(database, self.settings)
        self._log = log
        self._directory = directory
        self._registry = registry
        self._pipeline = pipeline
        self._historian = historian
        # One thing at a time happens to an import; a lock lives as long as somebody holds it.
        self._locks: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()

    async def begin(self, principal: Principal, wanted: NewImport) -> tuple[Kept, bool]:
        """The import to send parts to, and whether it is new: one of the same source that is not over is taken up.

        NotFoundError without the device, unless it may be registered (ForbiddenError without that permission);
        ConflictError when it is disabled; UnavailableError when too many imports are open.
        """
        device = await self.device(principal, wanted.device_id, wanted.create_type)
        return await self._store.begin(principal, device, wanted)

    async def device(self, principal: Principal, device_id: str, create_type: str | None) -> DeviceInfo:
        """The device to import into, registered with that type when there is none.

        NotFoundError without it and without a type, ForbiddenError for who may not register one, ConflictError when
        it is disabled.
        """
        device = self._directory.device(principal.organisation_id, device_id)
        if device is None:
            if create_type is None:
                raise unknown_device(device_id)
            if not principal.may(_CREATE):
                raise ForbiddenError(
                    f"there is no device {device_id[:100]!r}, and registering it needs the permission {_CREATE}",
                    field="deviceId",
                    cure="have somebody register the device first",
                )
            new = NewDevice(device_id, create_type)
            device = await asyncio.to_thread(self._registry.create_device, principal.organisation_id, new, principal)
        if device.status == "disabled":
            raise ConflictError(f"{device.device_id} is disabled", field="deviceId", cure="enable the device first")
        return device

    async def put_part(
        self, organisation_id: str, import_id: str, number: int, body: bytes, encoding: Encoding
    ) -> PartTaken:
        """Take a part; it is durable when this returns. Nothing of it counts when it raises.

        PartError names the row and column that are wrong; ConflictError when the import is over, or has another part
        of that number; UnavailableError when the log or the historian are behind: send it again.
        """
        self._check_part(number, body)
        async with self._lock(import_id):
            of = await self._store.get(organisation_id, import_id)
            digest = hashlib.sha256(body).hexdigest()
            known = await self._store.part(of, number)
            if known is not None:
                return _again(number, known, digest)
            if of.status != "open":
                raise ConflictError(f"the import is {of.status}", field="id", cure="begin another")
            signals = await asyncio.to_thread(self._read_part, of, body, encoding)
            samples = await self._append(of, signals)
            await self._store.add_part(of, (number, digest, samples), span(signals))
        return PartTaken(number, samples, again=False)

    async def progress(self, organisation_id: str, import_id: str) -> Kept:
        """How an import stands. NotFoundError when there is none."""
        return await self._store.kept(await self._store.get(organisation_id, import_id))

    async def newest(self, organisation_id: str) -> list[Import]:
        """The last hundred, the newest first."""
        return await self._store.newest(organisation_id)

    async def finish(self, principal: Principal, import_id: str) -> Kept:
        """Seal all that came. `finished` when the historian has it for good; else `finishing`: ask again."""
        async with self._lock(import_id):
            of = await self._store.get(principal.organisation_id, import_id)
            if of.status == "open":
                of = replace(of, status="finishing", upto=await self._ends())
                await self._store.set_status(of)
            if of.status == "finishing" and await self._is_sealed(of.upto):
                of = replace(of, status="finished")
                await self._store.set_status(of, principal, "import.finish")
        return await self._store.kept(of)

    async def cancel(self, principal: Principal, import_id: str) -> Kept:
        """Take no more parts; what came stays. ConflictError when it is over."""
        async with self._lock(import_id):
            of = await self._store.get(principal.organisation_id, import_id)
            if of.status not in ("open", "finishing"):
                raise ConflictError(f"the import is {of.status}", field="id")
            of = replace(of, status="cancelled")
            await self._store.set_status(of, principal, "import.cancel")
        return await self._store.kept(of)

    def device_id(self, of: Import) -> str:
        """The name of an import's device; empty when it was deleted."""
        device = self._directory.by_uuid(of.device_uuid)
        return device.device_id if device is not None else ""

    def _check_part(self, number: int, body: bytes) -> None:
        if not 0 <= number < self.settings.max_parts:
            raise TooLargeError(f"parts are numbered below {self.settings.max_parts}", field="number")
        if len(body) > self.settings.part_bytes:
            raise TooLargeError(
                f"the part has {len(body)} bytes; {self.settings.part_bytes} are allowed (import_part_bytes)",
                field="part",
                cure="send smaller parts",
            )

    def _read_part(self, of: Import, body: bytes, encoding: Encoding) -> list[SignalSamples]:
        most = self.settings.part_samples
        signals = read_json(body, most) if encoding == "json" else read_arrow(body, self.device_id(of), most)
        check_times(signals, now_us() + round(self.settings.max_ahead_s * US_PER_S))
        return [replace(each, unit=each.unit or of.units.get(each.name)) for each in signals]

    async def _append(self, of: Import, signals: Sequence[SignalSamples]) -> int:
        """Register the tags that are new and append the samples; how many."""
        if not signals:
            return 0
        await self._wait_for_historian()
        tags = await asyncio.to_thread(self._tags, of, signals)
        batches = await asyncio.to_thread(self._batches, of, list(zip(tags, signals, strict=True)))
        for batch in batches:
            await self._pipeline.append_now([batch])
        return sum(map(len, batches))

    def _batches(self, of: Import, signals: Sequence[tuple[TagInfo, SignalSamples]]) -> list[SampleBatch]:
        batch = as_batch(signals, now_us(), of.keep)
        return list(slices(batch, self.settings.record_samples, self.settings.record_text_bytes))

    def _tags(self, of: Import, signals: Sequence[SignalSamples]) -> list[TagInfo]:
        """The tag of each signal, registered where it is new."""
        device = self._directory.by_uuid(of.device_uuid)
        if device is None:
            raise NotFoundError("the device of this import was deleted", field="id", cure="register it again")
        names = [_tag_name(device, each.name, len(signals)) for each in signals]
        wanted = {
            name: NewTag(name, unit=each.unit or "", kind=each.kind) for name, each in zip(names, signals, strict=True)
        }
        found = self._registry.ensure_tags(of.organisation_id, device.device_id, list(wanted.values()))
        by_name = dict(zip(wanted, found, strict=True))
        return [by_name[name] for name in names]

    async def _wait_for_historian(self) -> None:
        """Not more is appended than the historian can follow: the log must not grow without bounds."""
        loop = asyncio.get_running_loop()
        until = loop.time() + self.settings.patience_s
        most = self.settings.max_backlog * (_MESSAGES_A_RECORD if isinstance(self._log.codec, JsonSamples) else 1)
        while await self._historian.lag() > most:
            if loop.time() > until:
                raise UnavailableError("the historian is behind", cure="send the part again in a while")
            await asyncio.sleep(_FIRST_PAUSE_S)

    async def _ends(self) -> dict[int, int]:
        partitions = range(await self._log.partitions(SENSORS_DATA))
        return {each: await self._log.end(SENSORS_DATA, each) for each in partitions}

    async def _is_sealed(self, upto: Mapping[int, int]) -> bool:
        """Have the historian seal, until all up to these positions is durable there or patience ends."""
        loop = asyncio.get_running_loop()
        until, pause = loop.time() + self.settings.patience_s, _FIRST_PAUSE_S
        while True:
            if self._historian.has_taken(upto):
                await self._historian.seal()
            if all([await self._historian.durable(each) >= end for each, end in upto.items()]):
                return True
            if loop.time() > until:
                return False
            await asyncio.sleep(pause)
            pause = min(pause * 2, _LONGEST_PAUSE_S)

    def _lock(self, import_id: str) -> asyncio.Lock:
        return self._locks.setdefault(import_id, asyncio.Lock())


def _tag_name(device: DeviceInfo, name: str, signals: int) -> str:
    """The tag that a signal goes to."""
    if name == PRIMARY or (name == _VALUE and signals == 1 and device.tag(_VALUE) is None):
        return device.primary.name if device.primary is not None else _VALUE
    return name


def _again(number: int, known: tuple[str, int], digest: str) -> PartTaken:
    if known[0] != digest:
        raise ConflictError(
            f"part {number} is durable already, with another content",
            field="number",
            cure="send what differs under another number, or begin another import",
        )
    return PartTaken(number, known[1], again=True)
