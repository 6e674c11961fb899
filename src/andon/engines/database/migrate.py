"""Runs the migrations in-process, without Alembic's command line or its configuration file."""

from __future__ import annotations

from pathlib import Path

from sqlalchemy import Connection, Engine, inspect, text

from andon.engines.database.postgresql import DROP_VIEWS
from andon.kit.errors import StartError

MIGRATIONS = Path(__file__).parent / "migrations"
HEAD = "0004"  # the newest revision; a test holds it to the files


def migrate(engine: Engine) -> None:
    """Upgrade to `HEAD` in one transaction where the engine can. StartError when the tables are newer than the code.

    Processes that start together take turns: the first upgrades, the others find it done.
    """
    with engine.execution_options(andon_read_only=True).connect() as connection:
        if current_revision(connection) == HEAD:  # the usual start: importing Alembic would cost more than all else
            return
    with engine.execution_options(andon_patient=True).begin() as connection:
        current = current_revision(connection)
        if current != HEAD:
            if engine.dialect.name == "postgresql":
                connection.execute(text(DROP_VIEWS))
            _upgrade(connection, current)


def current_revision(connection: Connection) -> str | None:
    """Revision that the tables are at; None for an empty database."""
    if not inspect(connection).has_table("alembic_version"):
        return None
    return connection.execute(text("SELECT version_num FROM alembic_version")).scalar()


def _upgrade(connection: Connection, current: str | None) -> None:
    from alembic.config import Config
    from alembic.runtime.environment import EnvironmentContext
    from alembic.script import ScriptDirectory

    scripts = ScriptDirectory(str(MIGRATIONS))
    if current is not None and current not in {script.revision for script in scripts.walk_revisions()}:
        raise StartError(
            f"the database is at revision {current}, which this version of Andon does not know",
            cure="start the newer version that wrote it, or restore a backup from before the upgrade",
        )

    def steps(revision: object, _context: object) -> object:
        return scripts._upgrade_revs(HEAD, revision)  # type: ignore[arg-type]  # as alembic.command.upgrade does

    with EnvironmentContext(Config(), scripts, fn=steps) as environment:
        environment.configure(connection=connection)
        environment.run_migrations()
