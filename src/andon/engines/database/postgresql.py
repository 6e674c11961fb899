"""What PostgreSQL needs to behave as the code expects: bounded waits, and one unit of work that writes at a time."""

from __future__ import annotations

from typing import Any, Final

from sqlalchemy import URL, Connection, Engine, event, make_url

from andon.kit.errors import StartError

WRITING: Final = 0x616E646F6E01
"""Key of the advisory lock that a unit of work holds while it writes."""

NOT_ALLOWED: Final = "42501"
"""SQLSTATE of what the user has no right to."""

_WAITS: Final = {
    "connect_timeout": "5",
    # A server that vanished without a word is noticed within half a minute, whichever side was talking.
    "keepalives_idle": "10",
    "keepalives_interval": "5",
    "keepalives_count": "3",
    "tcp_user_timeout": "20000",
    "application_name": "andon",
}
IDLE_IN_TRANSACTION_S: Final = 60
"""The server ends a unit of work that is silent for so long: its locks would hold everybody up."""


def is_postgresql(url: str) -> bool:
    """Whether the URL names a PostgreSQL server."""
    return make_url(url).get_backend_name() in ("postgresql", "postgres")


def driver_url(url: str) -> URL:
    """The URL with Andon's driver and bounded waits, where it does not name its own. StartError without the driver."""
    try:
        import psycopg  # noqa: F401
    except ImportError as error:
        raise StartError(
            "PostgreSQL needs the driver psycopg, which is not installed",
            field="database_url",
            cure="pip install 'andon[postgres]'",
        ) from error
    found = make_url(url).set(drivername="postgresql+psycopg")
    return found.update_query_dict({key: value for key, value in _WAITS.items() if key not in found.query})


def conninfo(url: str) -> str:
    """The same as a libpq connection URI, for code that uses the driver itself."""
    return driver_url(url).set(drivername="postgresql").render_as_string(hide_password=False)


def prepare(engine: Engine, busy_timeout_s: float) -> None:
    """Have every unit of work that may write wait for its turn, as on SQLite: what it has read stays true."""

    text_without_nul = _text_dumper()

    @event.listens_for(engine, "connect")
    def configure(connection: Any, _record: object) -> None:
        connection.adapters.register_dumper(str, text_without_nul)
        connection.autocommit = True
        connection.execute(f"SET lock_timeout = {int(busy_timeout_s * 1000)}")
        connection.execute(f"SET idle_in_transaction_session_timeout = {IDLE_IN_TRANSACTION_S * 1000}")
        connection.execute("SET timezone = 'UTC'")
        connection.autocommit = False

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        options = connection.get_execution_options()
        if options.get("andon_read_only", False):
            return
        if options.get("andon_patient", False):  # another process may be migrating a large database
            connection.exec_driver_sql("SET LOCAL lock_timeout = 0")
        connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({WRITING})")


def _text_dumper() -> type[Any]:
    from psycopg.types.string import StrDumperUnknown

    class TextWithoutNul(StrDumperUnknown):
        """PostgreSQL's text cannot hold a NUL: it becomes U+FFFD, and so names nothing that there is."""

        def dump(self, obj: str) -> Any:
            return super().dump(obj.replace("\0", "\ufffd") if "\0" in obj else obj)

    return TextWithoutNul


DROP_VIEWS: Final = """
DROP VIEW IF EXISTS history.visible_tags, s1.devices, s1.alerts, s1.system_events CASCADE
"""
"""The views that history makes of these tables, and what stands on them. A table under a view cannot be changed: a
migration drops them, and history makes them again when it is opened.
"""

READING: Final = {"isolation_level": "REPEATABLE READ", "postgresql_readonly": True}
"""Execution options of a consistent view that cannot change anything."""
