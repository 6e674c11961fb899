"""Other programs read history, devices and alarms with SQL: under the seeds' names, with their columns and types, and
each role only what belongs to its organisations."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

import psycopg
import pytest
from alembic.config import Config
from alembic.runtime.environment import EnvironmentContext
from alembic.script import ScriptDirectory

from andon.engines.database import Database
from andon.engines.database.migrate import MIGRATIONS
from andon.engines.database.postgresql import DROP_VIEWS
from andon.identity.model import system_principal
from andon.kit.clock import US_PER_DAY, US_PER_HOUR, now_us
from andon.registry.directory import Directory
from andon.registry.model import NewDevice, NewTag
from andon.registry.service import Registry
from historian.postgres.conftest import Opener
from historian.support import T0, S, batch

HOW_TO = Path(__file__).parents[3] / "docs/how-to/run-on-postgresql.md"
# As the seeds print them, less defaults, keys and indexes.
SEEDS = """
CREATE SCHEMA seed_s1; CREATE SCHEMA seed_s2;
CREATE TABLE seed_s1.sensor_readings (
  id SERIAL, device_id VARCHAR(50), timestamp TIMESTAMPTZ, sensor_type VARCHAR(50), value DECIMAL(10,2),
  unit VARCHAR(20), location VARCHAR(100), status VARCHAR(20), created_at TIMESTAMPTZ);
CREATE TABLE seed_s1.devices (
  device_id VARCHAR(50), device_type VARCHAR(50), location VARCHAR(100), normal_min DECIMAL(10,2),
  normal_max DECIMAL(10,2), alert_min DECIMAL(10,2), alert_max DECIMAL(10,2), unit VARCHAR(20), status VARCHAR(20),
  created_at TIMESTAMPTZ, updated_at TIMESTAMPTZ);
CREATE TABLE seed_s1.alerts (
  id SERIAL, device_id VARCHAR(50), alert_type VARCHAR(50), message TEXT, severity VARCHAR(20), value DECIMAL(10,2),
  threshold DECIMAL(10,2), status VARCHAR(20), triggered_at TIMESTAMPTZ, acknowledged_at TIMESTAMPTZ,
  resolved_at TIMESTAMPTZ, created_at TIMESTAMPTZ);
CREATE TABLE seed_s1.device_stats_hourly (
  id SERIAL, device_id VARCHAR(50), hour_timestamp TIMESTAMPTZ, avg_value DECIMAL(10,2), min_value DECIMAL(10,2),
  max_value DECIMAL(10,2), count_readings INTEGER, std_deviation DECIMAL(10,2), created_at TIMESTAMPTZ);
CREATE TABLE seed_s1.system_events (
  id SERIAL, event_type VARCHAR(50), service_name VARCHAR(50), message TEXT, metadata JSONB, severity VARCHAR(20),
  timestamp TIMESTAMPTZ);
CREATE TABLE seed_s2.bbw_measurements (
  time TIMESTAMPTZ, loom_id VARCHAR(50), sensor_id VARCHAR(50), bbw_value FLOAT, temperature FLOAT, vibration FLOAT,
  quality_flag INT, metadata JSONB);
"""
COLUMNS = """
SELECT attname, format_type(atttypid, atttypmod) FROM pg_attribute
WHERE attrelid = %s::regclass AND attnum > 0 ORDER BY attnum
"""
PLACES = [
    ("seed_s1.sensor_readings", "s1.sensor_readings"),
    ("seed_s1.devices", "s1.devices"),
    ("seed_s1.alerts", "s1.alerts"),
    ("seed_s1.device_stats_hourly", "s1.device_stats_hourly"),
    ("seed_s1.system_events", "s1.system_events"),
    ("seed_s2.bbw_measurements", "s2.bbw_measurements"),
    ("seed_s1.sensor_readings", "public.sensor_readings"),
    ("seed_s1.device_stats_hourly", "public.device_stats_hourly"),
    ("seed_s1.system_events", "public.system_events"),
    ("seed_s2.bbw_measurements", "public.bbw_measurements"),
]


@dataclass
class Plant:
    """A registry on PostgreSQL with devices of one organisation, and a connection of its owner."""

    url: str
    organisation: str
    registry: Registry
    directory: Directory
    database: Database
    sql: psycopg.Connection[tuple[Any, ...]]

    def rows(self, query: str) -> list[tuple[Any, ...]]:
        """What a query gives."""
        return self.sql.execute(query).fetchall()

    def tag(self, device_id: str, name: str) -> int:
        """Id of a tag."""
        device = self.directory.device(self.organisation, device_id)
        assert device is not None
        return next(tag.id for tag in device.tags if tag.name == name)


@pytest.fixture
def plant(url: str, tmp_path: Path) -> Iterator[Plant]:
    database = Database.open(url, tmp_path)
    database.migrate()
    directory = Directory()
    registry = Registry(database, directory)
    organisation = registry.ensure_default_organisation("UTC")
    registry.seed_demo(2)
    registry.load()
    with psycopg.connect(url, autocommit=True) as sql:
        yield Plant(url, organisation, registry, directory, database, sql)
    database.close()


@pytest.mark.parametrize(("seed", "view"), PLACES, ids=[view for _, view in PLACES])
async def test_columns_and_types_are_the_seeds(plant: Plant, opened: Opener, seed: str, view: str) -> None:
    opened()
    plant.sql.execute(SEEDS, prepare=False)
    expected = plant.sql.execute(COLUMNS, (seed,)).fetchall()
    found = plant.sql.execute(COLUMNS, (view,)).fetchall()
    assert found[: len(expected)] == expected
    assert found[len(expected) :] == [("organization_id", "character varying(36)")]


async def test_a_sensor_is_read_as_s1_prints_it(plant: Plant, opened: Opener) -> None:
    store = opened(clock=lambda: T0 + 3 * US_PER_HOUR)
    tag = plant.tag("device-001", "temperature")
    await store.write(batch((tag, T0, 75.254), (tag, T0 + S, 1e12), (tag, T0 + 2 * S, "no number")), 1)
    await store.maintain()
    columns = "device_id, timestamp, sensor_type, value, unit, location, status"
    rows = plant.rows(f"SELECT {columns} FROM sensor_readings ORDER BY timestamp")
    moment = rows[0][1]
    assert rows[0] == (
        "device-001",
        moment,
        "temperature",
        Decimal("75.25"),
        "celsius",
        "assembly-line-1",
        "active",
    )
    assert int(moment.timestamp() * 1e6) == T0
    assert [row[3] for row in rows] == [Decimal("75.25"), None], "too large for DECIMAL(10,2); a text is no reading"
    assert plant.rows("SELECT value FROM readings ORDER BY timestamp") == [(75.254,), (1e12,), (None,)]
    (hour,) = plant.rows("SELECT device_id, count_readings, max_value FROM device_stats_hourly")
    assert hour == ("device-001", 2, None)
    (device,) = plant.rows("SELECT device_type, normal_max, alert_max FROM s1.devices WHERE device_id = 'device-001'")
    assert device == ("temperature", Decimal(80), Decimal(85))


async def test_a_loom_is_read_as_s2_prints_it(plant: Plant, opened: Opener) -> None:
    store = opened()
    width, temperature = plant.tag("loom-001", "bbw_value"), plant.tag("loom-001", "temperature")
    flag = plant.tag("loom-001", "quality_flag")
    await store.write(batch((width, T0, 1600.42), (temperature, T0, 38.1), (flag, T0, 2.0), (width, T0 + S, 1601.0)), 1)
    rows = plant.rows(
        "SELECT loom_id, sensor_id, bbw_value, temperature, vibration, quality_flag FROM bbw_measurements ORDER BY time"
    )
    assert rows == [
        ("loom-001", "loom-001", 1600.42, 38.1, None, 2),
        ("loom-001", "loom-001", 1601.0, None, None, None),
    ]


async def test_what_people_did_is_in_system_events(plant: Plant, opened: Opener) -> None:
    opened()
    plant.registry.delete_device(plant.organisation, "device-005", system_principal(plant.organisation, "jo"))
    rows = plant.rows("SELECT event_type, message, severity FROM system_events WHERE event_type = 'device.delete'")
    assert rows == [("device.delete", "jo: device.delete device-005", "info")]
    assert plant.rows("SELECT count(*) FROM s1.devices WHERE device_id = 'device-005'") == [(0,)]


async def test_sums_of_minutes_and_hours_have_names_too(plant: Plant, opened: Opener) -> None:
    store = opened(clock=lambda: T0 + 3 * US_PER_HOUR)
    tag = plant.tag("device-001", "temperature")
    await store.write(batch(*((tag, T0 + i * 20 * S, float(i)) for i in range(6)), (tag, T0 + 5 * S, 9.0, 0)), 1)
    await store.maintain()
    rows = plant.rows("SELECT device_id, tag, count, mean, sd, first, last, good_share FROM readings_1min")
    assert rows[0] == ("device-001", "temperature", 3, 1.0, 1.0, 0.0, 2.0, 0.75)
    assert plant.rows("SELECT count, min, max, unit FROM readings_1h") == [(6, 0.0, 5.0, "celsius")]


async def test_the_queries_of_the_how_to_work_as_printed(plant: Plant, opened: Opener) -> None:
    blocks = re.findall(r"```sql\n(.*?)```", HOW_TO.read_text(), re.DOTALL)
    means, hours = (block for block in blocks if block.startswith("SELECT"))
    now = now_us()
    store = opened(clock=lambda: now + 2 * US_PER_HOUR)
    tag = plant.tag("device-001", "temperature")
    await store.write(batch((tag, now - S, 20.0), (tag, now, 22.0), (tag, now - 2 * S, 99.0, 0)), 1)
    await store.maintain()
    assert sum(mean for _, device, mean in plant.rows(means) if device == "device-001") in (21.0, 42.0)
    assert {row[1:3] for row in plant.rows(hours)} == {("device-001", "temperature")}
    name = "reader_" + plant.url.rsplit("_", 1)[1]
    (granted,) = (block for block in blocks if "sql_readers" in block)
    try:
        plant.sql.execute(granted.replace("reports", name).replace("…", "secret"), prepare=False)
        with psycopg.connect(plant.url.replace("andon@", f"{name}@")) as reader:
            assert reader.execute("SELECT count(*) FROM readings").fetchone() == (3,)
    finally:
        plant.sql.execute(f"DROP OWNED BY {name}")
        plant.sql.execute(f"DROP ROLE {name}")


async def test_a_role_sees_its_organisations_and_nothing_else(plant: Plant, opened: Opener) -> None:
    store = opened()
    own = plant.tag("device-001", "temperature")
    plant.sql.execute("INSERT INTO organizations VALUES ('org-2', 'Other', 'other.example', 'UTC', 0, 0)")
    actor = system_principal("org-2")
    device = NewDevice("secret-1", "press", "hall", tags=(NewTag("force", "kN"),))
    foreign = plant.registry.create_device("org-2", device, actor).tags[0].id
    await store.write(batch((own, T0, 1.0), (foreign, T0, 2.0)), 1)
    name = "reader_" + plant.url.rsplit("_", 1)[1]
    plant.sql.execute(f"CREATE ROLE {name} LOGIN")
    try:
        with psycopg.connect(plant.url.replace("andon@", f"{name}@"), autocommit=True) as reader:
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                reader.execute("SELECT * FROM sensor_readings")
            plant.sql.execute("INSERT INTO history.sql_readers VALUES (%s, %s)", (name, plant.organisation))
            for view in ("sensor_readings", "s1.sensor_readings", "readings"):
                assert reader.execute(f"SELECT device_id FROM {view}").fetchall() == [("device-001",)]
            assert reader.execute("SELECT count(*) FROM s1.devices WHERE device_id = 'secret-1'").fetchone() == (0,)
            assert reader.execute("SELECT count(*) FROM system_events").fetchone() == (1,), "not what others did"
            for hidden in ("samples", "samples_1h", "devices", "users", "history.sql_readers", "history.visible_tags"):
                with pytest.raises(psycopg.errors.InsufficientPrivilege):
                    reader.execute(f"SELECT * FROM {hidden}")
            # A function of the reader's own must not be shown rows that the view then hides.
            reader.execute(
                """
                CREATE FUNCTION pg_temp.peek(value double precision) RETURNS boolean LANGUAGE plpgsql COST 0.0001
                AS $$ BEGIN RAISE NOTICE 'saw %', value; RETURN true; END $$
                """
            )
            seen: list[str] = []
            reader.add_notice_handler(lambda notice: seen.append(notice.message_primary or ""))
            reader.execute("SELECT * FROM readings WHERE pg_temp.peek(value)")
            assert seen == ["saw 1"]
            plant.sql.execute("DELETE FROM history.sql_readers")
            assert reader.execute("SELECT * FROM readings").fetchall() == []
        assert plant.rows("SELECT count(*) FROM readings") == [(2,)], "the owner sees everything"
    finally:
        plant.sql.execute(f"DROP OWNED BY {name}")
        plant.sql.execute(f"DROP ROLE {name}")


async def test_a_migration_may_change_tables_under_the_views(plant: Plant, opened: Opener) -> None:
    """The views are dropped before it and made again when history is opened; who could read them still can."""
    await opened().close()
    name = "reader_" + plant.url.rsplit("_", 1)[1]
    plant.sql.execute(f"CREATE ROLE {name} LOGIN")
    try:
        plant.sql.execute("INSERT INTO history.sql_readers VALUES (%s, %s)", (name, plant.organisation))
        plant.sql.execute(DROP_VIEWS)
        take_back(plant.database, "0001")
        await opened().close()
        assert plant.rows("SELECT to_regclass('s1.devices') IS NULL") == [(False,)]
        plant.database.migrate()
        assert plant.rows("SELECT to_regclass('s1.devices'), to_regclass('sensor_readings')") == [(None, None)]
        opened()
        with psycopg.connect(plant.url.replace("andon@", f"{name}@"), autocommit=True) as reader:
            assert reader.execute("SELECT count(*) FROM s1.devices").fetchone() == (8,)
    finally:
        plant.sql.execute(f"DROP OWNED BY {name}")
        plant.sql.execute(f"DROP ROLE {name}")


def take_back(database: Database, revision: str) -> None:
    """Undo migrations, down to a revision."""
    scripts = ScriptDirectory(str(MIGRATIONS))

    def steps(current: Any, _context: Any) -> Any:
        return scripts._downgrade_revs(revision, current)

    with database.engine.begin() as connection, EnvironmentContext(Config(), scripts, fn=steps) as environment:
        environment.configure(connection=connection)
        environment.run_migrations()


async def test_without_the_registry_there_are_no_views(opened: Opener, url: str) -> None:
    store = opened()
    await store.write(batch((1, T0 - US_PER_DAY, 1.0)), 1)
    with psycopg.connect(url) as sql:
        assert sql.execute("SELECT to_regclass('sensor_readings')").fetchone() == (None,)
