"""An alarm service on a real database, fed by hand: its clock and its samples belong to the test."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec

from alarms.plant import NOW, batch, seconds
from andon.alarms.events import AlarmEvent
from andon.alarms.records import format_id
from andon.alarms.repository import AlarmFilter
from andon.alarms.service import AlarmService
from andon.alarms.settings import AlarmSettings
from andon.engines.livestate.memory import MemoryLiveState
from andon.engines.log.codec import COLUMNS
from andon.engines.log.membership import Everything
from andon.engines.log.port import SENSORS_DATA, LogStatus, Membership, Record
from andon.identity.model import PERMISSIONS, Principal
from andon.kit.errors import UnavailableError
from andon.kit.limits import Limits
from andon.kit.samples import Row, SampleBatch
from andon.registry.directory import Directory
from andon.registry.model import NewDevice, NewTag
from andon.registry.service import Registry
from support.databases import migrated


class MemoryLog:
    """A log that forgets at the end of the test."""

    def __init__(self) -> None:
        self.streams: dict[str, list[bytes]] = {}
        self.groups: dict[tuple[str, str], int] = {}
        self.away = False
        self.codec = COLUMNS

    async def partitions(self, stream: str) -> int:
        return 1

    async def append(self, stream: str, payloads: Sequence[bytes], keys: Sequence[str] | None = None) -> int:
        if self.away:
            raise UnavailableError("the log is away")
        self.streams.setdefault(stream, []).extend(payloads)
        return len(self.streams[stream])

    async def read(
        self,
        stream: str,
        after: int,
        max_records: int = 1000,
        max_bytes: int = 4 << 20,
        wait_s: float = 0,
        partition: int = 0,
    ) -> list[Record]:
        found = self.streams.get(stream, [])[after : after + max_records]
        return [Record(after + i + 1, payload) for i, payload in enumerate(found)]

    async def join(self, group: str, stream: str) -> Membership:
        return Everything(1)

    async def commit(self, group: str, stream: str, position: int, partition: int = 0) -> None:
        self.groups[group, stream] = position

    async def committed(self, group: str, stream: str, partition: int = 0) -> int:
        return self.groups.get((group, stream), 0)

    async def end(self, stream: str, partition: int = 0) -> int:
        return len(self.streams.get(stream, []))

    async def status(self) -> LogStatus:
        return LogStatus((), 0)

    async def close(self) -> None:
        return None


class Plant:
    """One database, log, registry and live state; `service` is the alarm service that runs on them now."""

    def __init__(self, folder: Path, settings: AlarmSettings | None = None, database_url: str | None = None) -> None:
        self.database = migrated(database_url, folder)
        self.directory = Directory()
        self.registry = Registry(self.database, self.directory)
        self.org = self.registry.ensure_default_organisation("UTC")
        self.registry.load()
        self.log = MemoryLog()
        self.livestate = MemoryLiveState()
        self.settings = settings or AlarmSettings()
        self.now = NOW
        self.sent: list[SampleBatch] = []
        self.events: list[AlarmEvent] = []
        self.operator = Principal("1", "jo", "operator", PERMISSIONS, self.org)
        self.service: AlarmService

    def add_device(self, device_id: str = "device-002", **tag: Any) -> int:
        """A pressure sensor with S1's limits; returns its tag id."""
        plain = {"name": "pressure", "unit": "psi", "limits": Limits(10, 50, 5, 55), "severity": "high"}
        new_tag = NewTag(**{**plain, **tag})
        device = NewDevice(device_id, "pressure", "line-1", f"The {device_id}", tags=(new_tag,))
        return self.registry.create_device(self.org, device, self.operator).tags[0].id

    async def start(self) -> Plant:
        """A service that starts, or starts again after a crash: what it held in memory is gone."""
        self.service = AlarmService(
            self.database, self.log, self.directory, self.livestate, self.settings, clock=lambda: self.now
        )
        self.service.subscribe(self.events.append)
        self.log.streams[SENSORS_DATA] = [b""] * len(self.sent)
        await self.service.restore()
        return self

    async def send(self, *rows: Row) -> None:
        """Samples arrive and are judged."""
        await self.deliver(self.append(*rows))

    def append(self, *rows: Row) -> int:
        """Samples arrive in the log; returns their position."""
        self.sent.append(batch(*rows))
        self.log.streams[SENSORS_DATA] = [b""] * len(self.sent)
        return len(self.sent)

    async def deliver(self, position: int) -> None:
        """The consumer hands one record over."""
        await self.service.handle(self.sent[position - 1], position)

    async def tick(self, at: float) -> None:
        """Time passes in steps that no machine would sleep through, up to `at` seconds after NOW."""
        while self.now < NOW + seconds(at):
            self.now = min(self.now + seconds(5), NOW + seconds(at))
            await self.service.tick()

    def open(self) -> list[dict[str, Any]]:
        """What an operator sees, in short."""
        return [
            {"id": format_id(a.id or 0), "type": a.type, "state": a.state.value, "status": a.status, "value": a.value}
            for a in self.service.open_alarms(self.org)
        ]

    async def journal(self) -> list[tuple[str, str, int, int | None]]:
        """All alarms ever: type, state, raised, resolved."""
        found, _ = await self.service.search(self.org, AlarmFilter(), 1000, 0)
        return [(a.type, a.state.value, a.triggered_at, a.resolved_at) for a in found]

    def lifecycles(self) -> list[str]:
        """The seeds' words for what happened, in order."""
        return [event.lifecycle for event in self.events]

    def published(self) -> list[dict[str, Any]]:
        """The records of the `alerts` stream."""
        return [msgspec.json.decode(payload) for payload in self.log.streams.get("alerts", [])]
