"""What history takes, how long it is kept, and who may decide that."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import httpx
import pytest
from fastapi import FastAPI
from sqlalchemy.exc import OperationalError

from andon.api.errors import install_error_handlers
from andon.engines.database import Database
from andon.engines.log.embedded import EmbeddedLog
from andon.engines.log.limits import LogLimits
from andon.engines.log.port import SENSORS_DATA
from andon.historian.endpoints import ROUTERS
from andon.historian.housekeeping import Housekeeper
from andon.historian.model import StorageReport, TierReport
from andon.historian.policies import OrganisationPolicy, replace_policy, resolved
from andon.historian.retention import PRESETS, Dropped, Retention, RetentionPolicies
from andon.historian.service import Historian
from andon.identity.model import ROLES, Principal, system_principal
from andon.kit.clock import US_PER_HOUR, US_PER_S, parse_timestamp
from andon.kit.errors import UnauthenticatedError, UnavailableError
from andon.kit.samples import encode
from andon.registry.directory import Directory
from andon.registry.model import NewDevice, NewTag
from andon.registry.service import Registry
from historian.support import T0, batch
from support.databases import migrated

Json = dict[str, Any]
S2 = {"rawDays": 7, "minuteDays": 90, "hourDays": 730}
KEEP = {"rawDays": None, "minuteDays": None, "hourDays": None}


@dataclass
class FakeStore:
    """A store that remembers what it was told to retain."""

    retained: list[RetentionPolicies] = field(default_factory=list)
    told: list[int] = field(default_factory=list)
    away: bool = False
    dropped: list[Dropped] = field(default_factory=list)

    async def retain(self, policies: RetentionPolicies, now: int) -> list[Dropped]:
        if self.away:
            raise UnavailableError("the store is away")
        self.retained.append(policies)
        self.told.append(now)
        return self.dropped

    async def storage(self) -> StorageReport:
        raw = TierReport("raw", 2, 1000, 5300, T0, T0 + 1, parse_timestamp("2025-01-18T00:00:00Z"), 100)
        minute = TierReport("minute", 0, 0, 0, None, None, None, 0)
        report = StorageReport((raw, minute), 1010, 10, 290, 7, 3, 4096, {0: 5}, full="the disk is full")
        return replace(report, archive_problem="it is away")


@dataclass
class Works:
    database: Database
    directory: Directory
    registry: Registry
    log: EmbeddedLog
    store: FakeStore
    keeper: Housekeeper

    @property
    def organisation(self) -> str:
        return self.directory.default_organisation

    def tag(self, device: str, name: str) -> int:
        found = self.directory.tag_of(self.organisation, device, name)
        assert found is not None
        return found.id

    def resolved(self) -> RetentionPolicies:
        with self.database.reading() as session:
            return resolved(session, self.organisation, PRESETS["s2"])


@pytest.fixture
async def works(tmp_path: Path) -> AsyncIterator[Works]:
    database = migrated(None, tmp_path)
    directory = Directory()
    registry = Registry(database, directory)
    organisation = registry.ensure_default_organisation()
    registry.load()
    for device_id in ("press-1", "press-2"):
        new = NewDevice(device_id, "press", tags=(NewTag("force"), NewTag("speed")))
        registry.create_device(organisation, new, system_principal(organisation))
    log = EmbeddedLog.open(tmp_path / "log.db", LogLimits(min_free_bytes=0))
    store = FakeStore()
    keeper = Housekeeper(database, store, lambda: organisation, PRESETS["s2"])  # type: ignore[arg-type]
    yield Works(database, directory, registry, log, store, keeper)
    await log.close()
    database.close()


@pytest.fixture
async def client(works: Works, tmp_path: Path) -> AsyncIterator[httpx.AsyncClient]:
    def verify(token: str) -> Principal:
        if token not in ROLES:
            raise UnauthenticatedError("no such token")
        return Principal(token, token, token, ROLES[token], works.organisation)

    app = FastAPI()
    for router in ROUTERS:
        app.include_router(router)
    install_error_handlers(app)
    app.state.identity = type("Tokens", (), {"verify": staticmethod(verify)})
    app.state.historian = Historian(works.store, works.directory)  # type: ignore[arg-type]
    app.state.database, app.state.directory, app.state.log = works.database, works.directory, works.log
    app.state.housekeeper = works.keeper

    async def lags() -> dict[str, int]:
        return {"realtime": 3}

    app.state.consumer_lags = lags
    app.state.settings = SimpleNamespace(
        data_dir=tmp_path,
        archive_url="s3://key:secret@bucket/plant?region=x",
        archive_after_days=3,
        archive_keep_days=365,
    )
    headers = {"authorization": "Bearer admin"}
    async with httpx.AsyncClient(
        transport=httpx.ASGITransport(app), base_url="http://andon", headers=headers
    ) as opened:
        yield opened


async def put(client: httpx.AsyncClient, body: Json, status: int = 200) -> Json:
    answer = await client.put("/storage/retention", json=body)
    assert answer.status_code == status, answer.text
    found: Json = answer.json()["data"] if status == 200 else answer.json()["details"][0]
    return found


async def test_the_report_says_what_each_tier_takes_and_when_it_goes(client: httpx.AsyncClient, works: Works) -> None:
    await works.log.append(SENSORS_DATA, [encode(batch((1, T0, 1.0)))] * 3)
    await works.log.commit("alarms", SENSORS_DATA, 1)
    data = (await client.get("/storage")).json()["data"]
    assert data["tiers"][0] == {
        "tier": "raw",
        "files": 2,
        "rows": 1000,
        "bytes": 5300,
        "bytesPerRow": 5.3,
        "oldest": "2025-01-11T10:00:00.000Z",
        "newest": "2025-01-11T10:00:00.000001Z",
        "keptDays": 365,
        "nextDropAt": "2025-01-18T00:00:00.000Z",
        "nextDropBytes": 100,
    }
    assert data["tiers"][1]["bytesPerRow"] is None
    assert (data["samples"], data["bytes"], data["bytesPerSample"], data["pinnedSamples"]) == (1010, 5300, 5.3, 7)
    assert data["unsealed"] == {"samples": 10, "bytes": 290}
    assert data["archived"] == {
        "files": 3,
        "bytes": 4096,
        "url": "s3://bucket/plant",
        "afterDays": 3,
        "keptDays": 365,
        "problem": "it is away",
    }
    assert data["freeBytes"] > 0
    assert data["full"] == "the disk is full"
    assert data["consumers"] == [
        {"group": "alerts", "stream": "sensors-data", "partitions": 1, "lag": 2, "uncommitted": 2},
        {"group": "realtime", "stream": "sensors-data", "partitions": 1, "lag": 3, "uncommitted": 0},
    ]


async def test_nothing_decided_is_the_default(client: httpx.AsyncClient) -> None:
    data = (await client.get("/storage/retention")).json()["data"]
    assert (data["preset"], data["policy"], data["overrides"]) == ("s2", S2, [])
    assert data["presets"]["s1"] == {"rawDays": 90, "minuteDays": 90, "hourDays": 365}


async def test_what_was_decided_is_kept_and_replaces_what_was_before(client: httpx.AsyncClient) -> None:
    days = {"rawDays": 1.5, "minuteDays": 30, "hourDays": None}
    overrides = [
        {"deviceId": "press-2", "preset": "keep"},
        {"deviceId": "press-1", "tag": "force", "policy": days},
    ]
    await put(client, {"preset": "s1", "overrides": overrides})
    data = (await client.get("/storage/retention")).json()["data"]
    assert data["preset"] == "s1"
    assert data["overrides"] == [
        {"deviceId": "press-1", "tag": "force", "policy": days},
        {"deviceId": "press-2", "tag": None, "policy": KEEP},
    ]
    data = await put(client, {"policy": days})
    assert (data["preset"], data["policy"], data["overrides"]) == (None, days, [])
    assert (await client.get("/storage")).json()["data"]["tiers"][0]["keptDays"] == 1.5


async def test_a_tags_own_days_beat_its_devices(client: httpx.AsyncClient, works: Works) -> None:
    overrides = [
        {"deviceId": "press-1", "preset": "s1"},
        {"deviceId": "press-1", "tag": "force", "preset": "keep"},
        {"deviceId": "press-2", "tag": "speed", "preset": "s2"},
    ]
    await put(client, {"preset": "s2", "overrides": overrides})
    found = works.resolved()
    assert found.default == PRESETS["s2"]
    assert found.tags == {works.tag("press-1", "force"): PRESETS["keep"], works.tag("press-1", "speed"): PRESETS["s1"]}


async def test_each_organisation_decides_for_its_own_tags(works: Works) -> None:
    with works.database.session() as session:
        from andon.identity.tables import OrganisationRow

        session.add(OrganisationRow(id="other", name="Other", timezone="UTC", created_at=0, updated_at=0))
    works.registry.create_device("other", NewDevice("far-1", "press", tags=(NewTag("force"),)), _other())
    far = works.directory.tag_of("other", "far-1", "force")
    assert far is not None
    assert works.resolved().tags == {}
    with works.database.session() as session:
        replace_policy(session, works.organisation, OrganisationPolicy(Retention(1, 2, 3)))
    assert works.resolved() == RetentionPolicies(Retention(1, 2, 3), {far.id: PRESETS["s2"]})
    with works.database.session() as session:
        replace_policy(session, "other", OrganisationPolicy(PRESETS["keep"]))
    assert works.resolved().tags == {far.id: PRESETS["keep"]}


def _other() -> Principal:
    return system_principal("other")


@pytest.mark.parametrize(
    ("body", "status", "where"),
    [
        ({}, 422, "policy"),
        ({"preset": "s2", "policy": S2}, 422, "policy"),
        ({"preset": "s9"}, 422, "preset"),
        ({"policy": {**S2, "rawDays": 0}}, 422, "rawDays"),
        ({"policy": {**S2, "rawDays": -7}}, 422, "rawDays"),
        ({"policy": {**S2, "hourDays": 1e9}}, 422, "hourDays"),
        ({"policy": {"rawDays": 7}}, 422, "minuteDays"),
        ({"preset": "s2", "overrides": [{"deviceId": "nobody", "preset": "keep"}]}, 404, "deviceId"),
        ({"preset": "s2", "overrides": [{"deviceId": "press-1", "tag": "x", "preset": "keep"}]}, 404, "tag"),
        ({"preset": "s2", "overrides": [{"deviceId": "press-1"}]}, 422, "overrides.0.policy"),
        ({"preset": "s2", "overrides": [{"deviceId": "press-1", "preset": "keep"}] * 2}, 422, "overrides.1"),
        ({"preset": "s2", "colour": "red"}, 422, "colour"),
    ],
)
async def test_a_decision_that_makes_no_sense_names_the_field(
    client: httpx.AsyncClient, body: Json, status: int, where: str
) -> None:
    detail = await put(client, body, status)
    assert where in detail["field"]
    assert (await client.get("/storage/retention")).json()["data"]["preset"] == "s2"


@pytest.mark.parametrize(
    ("token", "reads", "writes"), [("admin", 200, 200), ("operator", 200, 403), ("viewer", 403, 403)]
)
async def test_only_administrators_decide(client: httpx.AsyncClient, token: str, reads: int, writes: int) -> None:
    headers = {"authorization": f"Bearer {token}"}
    assert (await client.get("/storage", headers=headers)).status_code == reads
    assert (await client.get("/storage/retention", headers=headers)).status_code == reads
    put = await client.put("/storage/retention", json={"preset": "s1"}, headers=headers)
    assert put.status_code == writes


async def test_decisions_are_audited(client: httpx.AsyncClient, works: Works) -> None:
    from sqlalchemy import select

    from andon.identity.tables import AuditRow

    await put(client, {"preset": "keep"})
    with works.database.reading() as session:
        row = session.scalars(select(AuditRow).where(AuditRow.action == "retention.update")).one()
    assert (row.actor, row.detail["policy"]) == ("admin", KEEP)


async def test_the_store_is_told_at_once_and_again_when_something_changed(
    client: httpx.AsyncClient, works: Works
) -> None:
    await works.keeper.look()
    await works.keeper.look()
    assert works.store.retained == [RetentionPolicies(PRESETS["s2"])]
    await put(client, {"preset": "s1"})
    await works.keeper.look()
    assert works.store.retained[1:] == [RetentionPolicies(PRESETS["s1"])]


async def test_retention_is_applied_again_as_time_goes_on(works: Works) -> None:
    keeper = Housekeeper(
        works.database,
        works.store,  # type: ignore[arg-type]
        lambda: works.organisation,
        PRESETS["s2"],
        interval_s=0,
    )
    works.store.dropped = [Dropped("raw", 0, 1, 10, 100)]
    assert await keeper.look() == works.store.dropped
    assert await keeper.look() == works.store.dropped


@pytest.mark.parametrize(("trust_after_s", "followed"), [(3600.0, 0), (0.0, 3 * US_PER_HOUR)])
async def test_a_clock_that_jumps_ahead_drops_nothing_until_it_is_trusted(
    works: Works, trust_after_s: float, followed: int
) -> None:
    times = [T0, T0 + US_PER_HOUR // 2, T0 + 3 * US_PER_HOUR, T0 - US_PER_HOUR, T0]
    clock = iter(times)
    keeper = Housekeeper(
        works.database,
        works.store,  # type: ignore[arg-type]
        lambda: works.organisation,
        PRESETS["s2"],
        interval_s=0,
        clock=lambda: next(clock),
        trust_after_s=trust_after_s,
    )
    for _ in times:
        await keeper.look()
    told = works.store.told
    assert told[:2] == times[:2], "less than an hour is as when a clock is set"
    assert (followed or US_PER_HOUR // 2) <= told[2] - T0 < (followed or US_PER_HOUR // 2) + 60 * US_PER_S
    assert told[3] == times[3], "back is safe at once"
    assert told[4] == times[4]


async def test_a_store_or_database_that_is_away_is_asked_again(works: Works, monkeypatch: pytest.MonkeyPatch) -> None:
    works.store.away = True
    assert await works.keeper.look() == []

    def broken(*_: object) -> None:
        raise OperationalError("SELECT 1", {}, Exception("gone"))

    with monkeypatch.context() as patched:
        patched.setattr(works.keeper, "_read", broken)
        assert await works.keeper.look() == []
    works.store.away = False
    await works.keeper.look()
    assert len(works.store.retained) == 1


async def test_keeping_house_goes_on_until_it_is_ended(works: Works) -> None:
    task = asyncio.create_task(works.keeper.run())
    async with asyncio.timeout(20):
        while not works.store.retained:  # noqa: ASYNC110 (another task does it)
            await asyncio.sleep(0.01)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
