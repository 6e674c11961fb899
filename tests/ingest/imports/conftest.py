"""Imports on a real database, log and history, and clients of two organisations."""

from __future__ import annotations

import asyncio
import io
import shutil
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pyarrow as pa
import pytest
from fastapi import FastAPI

from andon.api.errors import install_error_handlers
from andon.engines.database import Database
from andon.engines.log.embedded import EmbeddedLog
from andon.engines.log.port import SENSORS_DATA
from andon.historian.service import Historian, HistorianLimits
from andon.historian.stores.columnar.store import LocalStore
from andon.identity.model import ROLES, Principal
from andon.ingest.imports.endpoints import router
from andon.ingest.imports.service import ImportService
from andon.ingest.imports.settings import ImportSettings
from andon.ingest.pipeline import Pipeline
from andon.ingest.settings import IngestSettings
from andon.kit.errors import UnauthenticatedError
from andon.kit.samples import SampleBatch, concatenate, decode
from andon.registry.directory import DeviceInfo, Directory
from andon.registry.service import Registry

ARROW = {"content-type": "application/vnd.apache.arrow.stream"}
T0 = 1_386_018_900_000_000  # 2013-12-02T21:15:00Z


def arrow(columns: Mapping[str, Any], **options: Any) -> bytes:
    """An Arrow IPC stream of a table."""
    table = pa.table(dict(columns))
    sink = io.BytesIO()
    with pa.ipc.new_stream(sink, table.schema, options=pa.ipc.IpcWriteOptions(**options)) as writer:
        writer.write_table(table)
    return sink.getvalue()


def wide(count: int, first: int = T0, **columns: Any) -> bytes:
    """A second's step from `first` on; without columns `temperature` counts from 0."""
    times = pa.array([first + i * 1_000_000 for i in range(count)], pa.timestamp("us", "UTC"))
    return arrow({"timestamp": times, **(columns or {"temperature": [float(i) for i in range(count)]})})


@dataclass
class Works:
    """Everything that imports stand on."""

    imports: ImportService
    log: EmbeddedLog
    historian: Historian
    directory: Directory
    registry: Registry

    @property
    def organisation(self) -> str:
        return self.directory.default_organisation

    def device(self, device_id: str) -> DeviceInfo:
        found = self.directory.device(self.organisation, device_id)
        assert found is not None
        return found

    async def logged(self) -> SampleBatch:
        """Every sample in the log."""
        records = await self.log.read(SENSORS_DATA, 0, max_records=100_000, max_bytes=1 << 30)
        return concatenate([decode(record.payload) for record in records])

    async def values(self, device_id: str, tag: str) -> list[float | str]:
        """What the log has of a tag."""
        found = self.device(device_id).tag(tag)
        assert found is not None
        return [row[2] for row in (await self.logged()).rows() if row[0] == found.id]


@pytest.fixture
def limits() -> ImportSettings:
    """Small limits, which tests reach."""
    return ImportSettings(part_samples=5_000, part_bytes=200_000, max_open=3, patience_s=10, record_samples=1_000)


@pytest.fixture
async def works(tmp_path: Path, demo_database: Path, limits: ImportSettings) -> AsyncIterator[Works]:
    shutil.copy(demo_database, tmp_path / "andon.db")
    database = Database.open(None, tmp_path)
    directory = Directory()
    registry = Registry(database, directory)
    registry.load()
    log = EmbeddedLog.open(tmp_path / "log.db")
    historian = Historian(LocalStore.open(tmp_path / "history"), directory, HistorianLimits(flush_interval_s=0.01))
    consumer = await historian.follow(log)
    following = asyncio.create_task(consumer.run())
    pipeline = Pipeline(log, IngestSettings())
    imports = ImportService(database, log, directory, registry, pipeline, historian, limits)
    yield Works(imports, log, historian, directory, registry)
    await consumer.stop()
    await following
    await historian.close()
    await log.close()
    database.close()


@pytest.fixture
async def client(works: Works) -> AsyncIterator[httpx.AsyncClient]:
    """Signed in as an operator; `stranger` is an administrator of another organisation."""

    def verify(token: str) -> Principal:
        if token == "stranger":
            return Principal("s", token, "admin", ROLES["admin"], "00000000-0000-0000-0000-000000000000")
        if token not in ROLES:
            raise UnauthenticatedError("no such token")
        return Principal(token, token, token, ROLES[token], works.organisation)

    app = FastAPI()
    app.state.imports = works.imports
    app.state.identity = type("Tokens", (), {"verify": staticmethod(verify)})
    app.include_router(router)
    install_error_handlers(app)
    headers = {"authorization": "Bearer operator"}
    async with httpx.AsyncClient(
        transport=httpx.ASGITransport(app), base_url="http://andon", headers=headers
    ) as opened:
        yield opened
