"""Ingest on a real log and a real registry with the demo plant, without a broker: messages go in at the door."""

from __future__ import annotations

import base64
import json
import shutil
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from andon.engines.database import Database
from andon.engines.log.embedded import EmbeddedLog
from andon.engines.log.port import DEAD_LETTERS, SENSORS_DATA
from andon.identity.model import ROLES, Principal
from andon.ingest.service import IngestService
from andon.ingest.settings import IngestSettings
from andon.kit.clock import US_PER_S, now_us, to_iso
from andon.kit.samples import Row, concatenate, decode
from andon.registry.directory import DeviceInfo, Directory
from andon.registry.service import Registry


@pytest.fixture(scope="session")
def demo_database(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A seeded database to copy: migrating one per test would take most of the time."""
    folder = tmp_path_factory.mktemp("seed")
    database = Database.open(None, folder)
    database.migrate()
    Registry(database, Directory()).seed_demo(2)
    database.close()
    return folder / "andon.db"


@dataclass
class Plant:
    """Ingest and what surrounds it."""

    ingest: IngestService
    log: EmbeddedLog
    directory: Directory
    registry: Registry
    acknowledged: list[int] = field(default_factory=list)

    @property
    def organisation(self) -> str:
        return self.directory.default_organisation

    @property
    def admin(self) -> Principal:
        return Principal("1", "admin", "admin", ROLES["admin"], self.organisation)

    def device(self, device_id: str) -> DeviceInfo:
        found = self.directory.device(self.organisation, device_id)
        assert found is not None
        return found

    def send(self, topic: str, payload: bytes | dict[str, Any] | str, qos: int = 1) -> int:
        """Give a message to ingest as the broker would; returns its number, which `acknowledged` will hold."""
        if isinstance(payload, dict):
            payload = json.dumps(payload).encode()
        elif isinstance(payload, str):
            payload = payload.encode()
        number = next(_numbers)
        self.ingest.receive(topic, payload, qos, False, (lambda: self.acknowledged.append(number)) if qos else None)
        return number

    async def settle(self) -> None:
        """Until all that was sent is durable, registrations included."""
        await self.ingest._registrar.idle()
        await self.ingest.pipeline.settled()

    async def rows(self) -> list[Row]:
        """Every sample in the log."""
        await self.settle()
        records = await self.log.read(SENSORS_DATA, 0, max_records=100_000)
        return list(concatenate([decode(record.payload) for record in records]).rows())

    async def values(self, device_id: str, tag: str | None = None) -> list[float | str]:
        """Values of one tag in the log, in the order of arrival."""
        await self.settle()
        device = self.device(device_id)
        wanted = device.primary if tag is None else device.tag(tag)
        assert wanted is not None
        return [row[2] for row in await self.rows() if row[0] == wanted.id]

    async def letters(self) -> list[dict[str, Any]]:
        """Every dead letter in the log, payloads decoded."""
        await self.settle()
        records = await self.log.read(DEAD_LETTERS, 0, max_records=100_000)
        letters = [json.loads(record.payload) for record in records]
        for letter in letters:
            letter["payload"] = base64.b64decode(letter.get("payload", ""))
            letter.setdefault("size", 0)
        return letters

    async def reasons(self) -> list[str]:
        """Reasons of the dead letters."""
        return [letter["reason"] for letter in await self.letters()]


def _count() -> Any:
    number = 0
    while True:
        yield number
        number += 1


_numbers = _count()

MakePlant = Callable[..., Any]


@pytest.fixture
async def make_plant(tmp_path: Path, demo_database: Path) -> AsyncIterator[MakePlant]:
    made: list[tuple[Plant, Database]] = []

    async def make(log: Any = None, **settings: Any) -> Plant:
        if not made:
            shutil.copy(demo_database, tmp_path / "andon.db")
        database = Database.open(None, tmp_path)
        directory = Directory()
        registry = Registry(database, directory)
        registry.load()
        opened = log or EmbeddedLog.open(tmp_path / "log.db")
        ingest = IngestService(opened, directory, registry, IngestSettings(**settings))
        await ingest.start()
        plant = Plant(ingest, opened, directory, registry)
        made.append((plant, database))
        return plant

    yield make
    for plant, database in made:
        await plant.ingest.stop()
        await plant.log.close()
        database.close()


@pytest.fixture
async def plant(make_plant: MakePlant) -> Plant:
    made: Plant = await make_plant()
    return made


def iso(offset_s: float = 0) -> str:
    """Now, or so many seconds from now, as devices write it."""
    return to_iso(now_us() + round(offset_s * US_PER_S))


def s1(device_id: str = "device-001", value: Any = 75.2, **more: Any) -> dict[str, Any]:
    """S1's message."""
    message = {
        "deviceId": device_id,
        "timestamp": iso(),
        "sensorType": "temperature",
        "value": value,
        "unit": "celsius",
        "location": "assembly-line-1",
        "status": "active",
    }
    return {name: item for name, item in (message | more).items() if item is not ...}


DATA = "factory-plus/devices/device-001/data"
