"""What other programs read with SQL: the tables that the seeds print, as views, and everything at full precision.

`s1` and `s2` hold each seed's tables under their names, with their columns and types; those whose names Andon does not
use itself stand in the default schema too. `readings`, `readings_1min` and `readings_1h` are all there is, by name.

A role sees what `history.sql_readers` gives it: the rows of its organisations, and nothing when it is not there. Views
are read with the rights of their owner, who sees everything; so the tables behind them need no rights of their own.
"""

from __future__ import annotations

import hashlib
from typing import Final

from andon.engines.database.postgresql import DROP_VIEWS
from andon.historian.stores.postgres.connections import Connection
from andon.historian.stores.postgres.tables import SCHEMA_LOCK

PUBLIC: Final = {
    "sensor_readings": "s1",
    "device_stats_hourly": "s1",
    "system_events": "s1",
    "bbw_measurements": "s2",
}
READINGS: Final = ("readings", "readings_1min", "readings_1h")
BARRIER: Final = "WITH (security_barrier)"
"""A reader's own functions must not see rows before they are known to be the reader's."""


def _decimal(expression: str) -> str:
    """A number as the seed's DECIMAL(10,2); NULL where that has no room for it."""
    return f"(CASE WHEN abs({expression}) < 99999999.99 THEN {expression} END)::numeric(10,2)"


def _time(us: str) -> str:
    """µs UTC as timestamptz, to the microsecond."""
    return f"(timestamptz 'epoch' + {us} * interval '1 microsecond')"


_READERS: Final = """
CREATE OR REPLACE FUNCTION history.let_read(reader name) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = reader) THEN
        RETURN;
    END IF;
    EXECUTE format('GRANT USAGE ON SCHEMA s1, s2 TO %I', reader);
    EXECUTE format('GRANT SELECT ON ALL TABLES IN SCHEMA s1, s2 TO %I', reader);
    EXECUTE format('GRANT SELECT ON <public> TO %I', reader);
END $$;
CREATE OR REPLACE FUNCTION history.reader_added() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM history.let_read(NEW.role);
    RETURN NULL;
END $$;
CREATE OR REPLACE TRIGGER reader_added AFTER INSERT ON history.sql_readers
    FOR EACH ROW EXECUTE FUNCTION history.reader_added();
""".replace("<public>", ", ".join((*PUBLIC, *READINGS)))

_SEEN: Final = """(organization_id IN (SELECT r.organization_id FROM history.sql_readers r WHERE r.role = current_user)
    OR pg_has_role(current_user, '{owner}', 'MEMBER'))"""

_TAGS: Final = f"""
CREATE VIEW history.visible_tags {BARRIER} AS
SELECT t.id, d.device_id, d.name AS device_name, d.type AS device_type, d.location, d.status, t.name AS tag, t.unit,
    t.is_primary, d.id AS device_uuid, t.organization_id
FROM (SELECT * FROM tags WHERE {_SEEN}) AS t JOIN devices d ON d.id = t.device_id
"""
_ALL: Final = f"""
CREATE VIEW readings {BARRIER} AS
SELECT s.timestamp, t.device_id, t.tag, s.value, s.text, s.quality, t.unit, s.received, t.organization_id
FROM samples s JOIN history.visible_tags t ON t.id = s.tag_id;
""" + "".join(
    f"""
CREATE VIEW readings_{suffix} {BARRIER} AS
SELECT s.start AS timestamp, t.device_id, t.tag, s.count, s.min, s.max, s.mean,
    CASE WHEN s.count > 1 THEN sqrt(s.m2 / (s.count - 1)) WHEN s.count = 1 THEN 0 END AS sd, s.first, s.last,
    s.good::double precision / s.total AS good_share, s.quality, t.unit, t.organization_id
FROM samples_{suffix} s JOIN history.visible_tags t ON t.id = s.tag_id;
"""
    for suffix in ("1min", "1h")
)
# A sample has no number of its own: this one is stable, but not unique.
_SAMPLE_ID: Final = "(hashint8extended((extract(epoch FROM s.{time}) * 1000)::bigint, t.id) & 2147483647)::integer"
_S1: Final = f"""
CREATE VIEW s1.sensor_readings {BARRIER} AS
SELECT {_SAMPLE_ID.format(time="timestamp")} AS id, t.device_id::varchar(50) AS device_id, s.timestamp,
    t.tag::varchar(50) AS sensor_type, {_decimal("s.value")} AS value, t.unit::varchar(20) AS unit,
    t.location::varchar(100) AS location, t.status::varchar(20) AS status, s.received AS created_at, t.organization_id
FROM samples s JOIN history.visible_tags t ON t.id = s.tag_id WHERE s.value IS NOT NULL;
CREATE VIEW s1.device_stats_hourly {BARRIER} AS
SELECT {_SAMPLE_ID.format(time="start")} AS id, t.device_id::varchar(50) AS device_id, s.start AS hour_timestamp,
    {_decimal("s.mean")} AS avg_value, {_decimal("s.min")} AS min_value, {_decimal("s.max")} AS max_value,
    s.count AS count_readings,
    {_decimal("CASE WHEN s.count > 1 THEN sqrt(s.m2 / (s.count - 1)) WHEN s.count = 1 THEN 0 END")} AS std_deviation,
    s.start + interval '1 hour' AS created_at, t.organization_id
FROM samples_1h s JOIN history.visible_tags t ON t.id = s.tag_id AND t.is_primary;
CREATE VIEW s1.devices {BARRIER} AS
SELECT d.device_id::varchar(50) AS device_id, d.type::varchar(50) AS device_type, d.location::varchar(100) AS location,
    {_decimal("t.normal_min")} AS normal_min, {_decimal("t.normal_max")} AS normal_max,
    {_decimal("t.alert_min")} AS alert_min, {_decimal("t.alert_max")} AS alert_max, t.unit::varchar(20) AS unit,
    d.status::varchar(20) AS status, {_time("d.created_at")} AS created_at, {_time("d.updated_at")} AS updated_at,
    d.organization_id
FROM (SELECT * FROM devices WHERE {_SEEN}) AS d LEFT JOIN tags t ON t.device_id = d.id AND t.is_primary
WHERE d.status <> 'deleted';
CREATE VIEW s1.alerts {BARRIER} AS
SELECT a.id, d.device_id::varchar(50) AS device_id, a.alert_type::varchar(50) AS alert_type, a.message,
    a.severity::varchar(20) AS severity, {_decimal("a.value")} AS value, {_decimal("a.threshold")} AS threshold,
    a.status::varchar(20) AS status, {_time("a.triggered_at")} AS triggered_at,
    {_time("a.acknowledged_at")} AS acknowledged_at, {_time("a.resolved_at")} AS resolved_at,
    {_time("a.triggered_at")} AS created_at, a.organization_id
FROM (SELECT * FROM alerts WHERE {_SEEN}) AS a JOIN devices d ON d.id = a.device_id;
CREATE VIEW s1.system_events {BARRIER} AS
SELECT (hashtextextended(e.id, 0) & 2147483647)::integer AS id, e.action::varchar(50) AS event_type,
    'andon'::varchar(50) AS service_name, e.actor || ': ' || e.action || ' ' || e.target AS message,
    replace(e.detail::text, '\\u0000', '')::jsonb AS metadata, 'info'::varchar(20) AS severity,
    {_time("e.at")} AS timestamp, e.organization_id
FROM (SELECT * FROM audit_log WHERE {_SEEN}) AS e;
"""


def _tag_id(name: str) -> str:
    return f"max(t.id) FILTER (WHERE t.tag = '{name}') AS {name}"


def _signal(name: str, column: str = "value") -> str:
    """Another signal of the loom at the same moment: a look into the index for each row, if it is asked for at all."""
    return f"(SELECT x.{column} FROM samples x WHERE x.tag_id = loom.{name} AND x.timestamp = s.timestamp)"


_LOOM_TAGS: Final = ", ".join(map(_tag_id, ("bbw_value", "temperature", "vibration", "quality_flag", "sensor_id")))
_S2: Final = f"""
CREATE VIEW s2.bbw_measurements {BARRIER} AS
SELECT s.timestamp AS time, loom.device_id::varchar(50) AS loom_id,
    coalesce({_signal("sensor_id", "text")}, loom.device_id)::varchar(50) AS sensor_id, s.value AS bbw_value,
    {_signal("temperature")} AS temperature, {_signal("vibration")} AS vibration,
    (SELECT CASE WHEN abs(flag) < 2147483647 THEN flag END
        FROM (SELECT {_signal("quality_flag")}) AS flags (flag))::integer AS quality_flag,
    jsonb_build_object('quality', s.quality) AS metadata, loom.organization_id
FROM (SELECT t.device_id, t.organization_id, {_LOOM_TAGS} FROM history.visible_tags t GROUP BY 1, 2) AS loom
JOIN samples s ON s.tag_id = loom.bbw_value WHERE s.value IS NOT NULL;
"""
_NAMES: Final = "".join(
    f"CREATE VIEW {name} {BARRIER} AS SELECT * FROM {schema}.{name};\n" for name, schema in PUBLIC.items()
)
_SCHEMAS: Final = "CREATE SCHEMA IF NOT EXISTS s1; CREATE SCHEMA IF NOT EXISTS s2;"
_DEFINITIONS: Final = f"{_TAGS};{_ALL}{_SCHEMAS}{_S1}{_S2}{_NAMES}"


def ensure(connection: Connection) -> None:
    """Make the views, anew when their definitions have changed; without the registry's tables there are none."""
    with connection.transaction():
        connection.execute("SET LOCAL lock_timeout = '30s'")
        connection.execute("SELECT pg_advisory_xact_lock(%s)", (SCHEMA_LOCK,))
        row = connection.execute(
            "SELECT current_user, to_regclass('tags') IS NULL, obj_description(to_regclass('history.visible_tags'))"
        ).fetchone()
        assert row is not None
        owner, without_registry, present = row
        definitions = _DEFINITIONS.replace("{owner}", str(owner).replace("'", "''"))
        mark = f"definitions {hash_of(definitions + _READERS)}"
        if without_registry or present == mark:
            return
        connection.execute(DROP_VIEWS, prepare=False)
        connection.execute(definitions, prepare=False)
        connection.execute(_READERS, prepare=False)
        connection.execute("SELECT history.let_read(role) FROM (SELECT DISTINCT role FROM history.sql_readers) AS r")
        connection.execute(f"COMMENT ON VIEW history.visible_tags IS '{mark}'", prepare=False)


def hash_of(text: str) -> str:
    """Short, the same in every process."""
    return hashlib.sha256(text.encode()).hexdigest()[:16]
