"""Where imports are kept: the queries of the repository, each in its own unit of work on a thread."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

from sqlalchemy.orm import Session

from andon.engines.database import Database
from andon.identity.audit import record
from andon.identity.model import Principal
from andon.ingest.imports import repository
from andon.ingest.imports.model import Import, NewImport, as_ranges
from andon.ingest.imports.settings import ImportSettings
from andon.kit.clock import US_PER_DAY, now_us
from andon.kit.errors import NotFoundError, UnavailableError
from andon.kit.ids import new_id
from andon.registry.directory import DeviceInfo

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Kept:
    """An import, and the ranges of part numbers that are durable (both ends included)."""

    of: Import
    durable: list[tuple[int, int]]


class ImportStore:
    """Imports in the database. Awaited on the event loop."""

    def __init__(self, database: Database, settings: ImportSettings) -> None:
        self._database = database
        self._settings = settings

    async def begin(self, principal: Principal, device: DeviceInfo, wanted: NewImport) -> tuple[Kept, bool]:
        """The import of this source that is not over, or a new one, and whether it is new.

        UnavailableError when too many are open; those that were forgotten end here.
        """
        return await asyncio.to_thread(self._begin, principal, device, wanted)

    async def get(self, organisation_id: str, import_id: str) -> Import:
        """The import. NotFoundError when the organisation has none of that id."""
        found = await self._read(repository.get, organisation_id, import_id)
        if found is None:
            raise NotFoundError(
                f"there is no import {import_id[:60]!r}", field="id", cure="see GET /api/v1/imports for those there are"
            )
        return found

    async def kept(self, of: Import) -> Kept:
        """The import with its durable parts."""
        return Kept(of, as_ranges(await self._read(repository.part_numbers, of.organisation_id, of.id)))

    async def newest(self, organisation_id: str) -> list[Import]:
        """The last hundred, the newest first."""
        return await self._read(repository.newest, organisation_id)

    async def part(self, of: Import, number: int) -> tuple[str, int] | None:
        """(digest, samples) of a part that is durable."""
        return await self._read(repository.part_digest, of.organisation_id, of.id, number)

    async def add_part(self, of: Import, part: tuple[int, str, int], spanned: tuple[int, int] | None) -> None:
        """Note that a part (number, digest, samples) is durable."""
        await self._write(repository.add_part, of.organisation_id, of.id, part, spanned, now_us())

    async def set_status(self, of: Import, by: Principal | None = None, action: str = "") -> None:
        """Keep the status, and who brought it about."""

        def change(session: Session) -> None:
            upto = dict(of.upto) if of.status == "finishing" else None
            repository.set_status(session, of.organisation_id, of.id, of.status, now_us(), upto)
            if by is not None:
                record(session, by, action, of.id, {"file": of.file_name, "samples": of.samples, "keep": of.keep})

        await self._write(change)

    def _begin(self, principal: Principal, device: DeviceInfo, wanted: NewImport) -> tuple[Kept, bool]:
        organisation_id, now = principal.organisation_id, now_us()
        before = now - round(self._settings.expire_days * US_PER_DAY)
        with self._database.session() as session:
            for import_id in repository.forgotten(session, organisation_id, before):
                repository.set_status(session, organisation_id, import_id, "expired", now)
            old = repository.unfinished(session, organisation_id, device.uuid, wanted.source)
            if old is not None:
                return Kept(old, as_ranges(repository.part_numbers(session, organisation_id, old.id))), False
            if repository.count_unfinished(session, organisation_id) >= self._settings.max_open:
                raise UnavailableError(
                    f"{self._settings.max_open} imports are open (import_max_open)",
                    cure="finish or cancel one: GET /api/v1/imports lists them",
                )
            new = _new_import(principal, device, wanted, now)
            repository.add(session, new)
            detail = {"device": device.device_id, "file": wanted.file_name, "keep": wanted.keep}
            record(session, principal, "import.begin", new.id, detail)
        return Kept(new, []), True

    async def _read(self, query: Callable[..., T], *arguments: Any) -> T:
        def run() -> T:
            with self._database.reading() as session:
                return query(session, *arguments)

        return await asyncio.to_thread(run)

    async def _write(self, change: Callable[..., None], *arguments: Any) -> None:
        def run() -> None:
            with self._database.session() as session:
                change(session, *arguments)

        await asyncio.to_thread(run)


def _new_import(principal: Principal, device: DeviceInfo, wanted: NewImport, now: int) -> Import:
    return Import(
        id=new_id(),
        organisation_id=principal.organisation_id,
        device_uuid=device.uuid,
        source=wanted.source,
        file_name=wanted.file_name,
        units=dict(wanted.units),
        keep=wanted.keep,
        status="open",
        parts=0,
        samples=0,
        first_at=None,
        last_at=None,
        upto={},
        created_by=principal.username,
        created_at=now,
        updated_at=now,
    )
