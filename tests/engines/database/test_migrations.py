"""The migrations build exactly the tables that the code maps."""

from __future__ import annotations

import importlib
import io
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.runtime.environment import EnvironmentContext
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import inspect, text

from andon.engines.database import Base, Database
from andon.engines.database.migrate import HEAD, MIGRATIONS, current_revision
from andon.kit.errors import StartError

SOURCE = Path(__file__).parents[3] / "src" / "andon"


def import_every_mapped_table() -> None:
    for path in sorted(SOURCE.rglob("*.py")):
        if re.search(r"^class \w+\(Base\)", path.read_text(), re.MULTILINE):
            importlib.import_module("andon." + ".".join(path.relative_to(SOURCE).with_suffix("").parts))


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    opened = Database.open(None, tmp_path)
    opened.migrate()
    yield opened
    opened.close()


def test_the_migrated_tables_are_the_mapped_ones(database: Database) -> None:
    import_every_mapped_table()
    with database.engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True, "compare_server_default": True})
        assert compare_metadata(context, Base.metadata) == []


def test_every_table_has_its_foreign_keys(database: Database) -> None:
    """Held apart: the comparison above does not look at what happens on deletion."""
    import_every_mapped_table()
    inspector = inspect(database.engine)
    for table in Base.metadata.tables.values():
        mapped = {(key.parent.name, key.target_fullname, key.ondelete) for key in table.foreign_keys}
        migrated = {
            (key["constrained_columns"][0], f"{key['referred_table']}.id", key["options"].get("ondelete"))
            for key in inspector.get_foreign_keys(table.name)
        }
        assert migrated == mapped, table.name


def test_the_start_knows_the_newest_revision() -> None:
    assert ScriptDirectory(str(MIGRATIONS)).get_current_head() == HEAD


def test_migrating_again_changes_nothing(database: Database) -> None:
    database.migrate()
    with database.engine.connect() as connection:
        assert current_revision(connection) == HEAD


def test_tables_of_a_newer_andon_are_left_alone(database: Database) -> None:
    with database.session() as session:
        session.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    with pytest.raises(StartError, match="9999"):
        database.migrate()


def test_a_migration_that_fails_leaves_nothing_half_done(tmp_path: Path) -> None:
    database = Database.open(None, tmp_path)
    with database.session() as session:
        session.execute(text("CREATE TABLE alert_comments (x INTEGER)"))  # in the way of one of the last tables
    with pytest.raises(Exception, match="alert_comments"):
        database.migrate()
    assert inspect(database.engine).get_table_names() == ["alert_comments"]
    database.close()


def test_a_tag_id_is_never_given_twice(database: Database) -> None:
    with database.session() as session:
        for table in ("tags", "alerts"):
            ddl = session.execute(text("SELECT sql FROM sqlite_master WHERE name = :name"), {"name": table})
            assert "AUTOINCREMENT" in ddl.scalar_one()


def ddl_of(dialect: str) -> str:
    scripts = ScriptDirectory(str(MIGRATIONS))
    output = io.StringIO()

    def steps(current: Any, _context: Any) -> Any:
        return scripts._upgrade_revs(HEAD, current)

    with EnvironmentContext(Config(), scripts, fn=steps, as_sql=True) as environment:
        environment.configure(dialect_name=dialect, output_buffer=output)
        environment.run_migrations()
    return output.getvalue()


@pytest.mark.parametrize("dialect", ["postgresql", "mysql", "mariadb", "sqlite"])
def test_every_engine_has_words_for_every_column(dialect: str) -> None:
    import_every_mapped_table()
    ddl = ddl_of(dialect)
    for table in Base.metadata.tables:
        assert f"CREATE TABLE {table}" in ddl


def test_every_table_can_be_taken_back(database: Database) -> None:
    scripts = ScriptDirectory(str(MIGRATIONS))

    def steps(current: Any, _context: Any) -> Any:
        return scripts._downgrade_revs("base", current)

    with database.engine.begin() as connection, EnvironmentContext(Config(), scripts, fn=steps) as environment:
        environment.configure(connection=connection)
        environment.run_migrations()
    assert inspect(database.engine).get_table_names() == ["alembic_version"]
