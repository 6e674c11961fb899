"""Units of work on the relational store."""

from __future__ import annotations

import stat
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError

from andon.engines.database import Database
from andon.engines.database.session import RequestSession
from andon.kit.errors import StartError
from support.databases import on_both as database_url  # noqa: F401 (the same tests on SQLite and PostgreSQL)

INSERT = text("INSERT INTO consumer_positions (consumer, stream, position) VALUES (:name, 's', 0)")
COUNT = text("SELECT count(*) FROM consumer_positions")


@pytest.fixture
def database(tmp_path: Path, database_url: str | None) -> Iterator[Database]:  # noqa: F811
    opened = Database.open(database_url, tmp_path)
    opened.migrate()
    yield opened
    opened.close()


def count(database: Database) -> int:
    with database.reading() as session:
        return int(session.execute(COUNT).scalar_one())


def test_a_unit_of_work_is_stored_when_it_ends_well(database: Database) -> None:
    with database.session() as session:
        session.execute(INSERT, {"name": "a"})
    assert count(database) == 1


def test_nothing_of_a_unit_of_work_is_stored_when_it_fails(database: Database) -> None:
    with pytest.raises(RuntimeError), database.session() as session:
        session.execute(INSERT, {"name": "a"})
        raise RuntimeError("half way")
    assert count(database) == 0


def test_what_is_stored_is_there_after_a_restart(tmp_path: Path, database_url: str | None) -> None:  # noqa: F811
    first = Database.open(database_url, tmp_path)
    first.migrate()
    with first.session() as session:
        session.execute(INSERT, {"name": "a"})
    first.close()
    second = Database.open(database_url, tmp_path)
    second.migrate()
    assert count(second) == 1
    second.close()


def test_a_reader_does_not_wait_for_a_writer_and_sees_only_what_is_stored(database: Database) -> None:
    with database.session() as session:
        session.execute(INSERT, {"name": "a"})
        assert count(database) == 0


def test_what_a_unit_of_work_has_read_stays_true_until_it_commits(database: Database) -> None:
    """Threads that read, add one and write back: without the lock from the start they would lose updates, or fail."""
    with database.session() as session:
        session.execute(INSERT, {"name": "a"})

    def add_one_many_times() -> None:
        for _ in range(20):
            with database.session() as session:
                position = session.execute(text("SELECT position FROM consumer_positions")).scalar_one()
                session.execute(text("UPDATE consumer_positions SET position = :next"), {"next": position + 1})

    threads = [threading.Thread(target=add_one_many_times) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    with database.reading() as session:
        assert session.execute(text("SELECT position FROM consumer_positions")).scalar_one() == 60


def test_a_row_cannot_refer_to_what_is_not_there(database: Database) -> None:
    orphan = text(
        "INSERT INTO equipment (id, organization_id, kind, name) VALUES ('e', 'no-such-organisation', 'site', 'x')"
    )
    with pytest.raises(IntegrityError), database.session() as session:
        session.execute(orphan)


def test_the_file_is_readable_by_its_owner_only(tmp_path: Path) -> None:
    database = Database.open(None, tmp_path / "data")
    database.migrate()
    database.close()
    assert stat.S_IMODE((tmp_path / "data" / "andon.db").stat().st_mode) == 0o600


def test_a_data_folder_that_cannot_be_used_is_one_clear_error(tmp_path: Path) -> None:
    (tmp_path / "data").write_text("a file where a folder belongs")
    with pytest.raises(StartError, match="cannot be opened"):
        Database.open(None, tmp_path / "data")


def test_a_file_that_is_no_database_is_one_clear_error(tmp_path: Path) -> None:
    (tmp_path / "andon.db").write_bytes(b"this is not a database at all" * 100)
    with pytest.raises(StartError, match="cannot be opened"):
        Database.open(None, tmp_path)


def request_app(database: Database) -> FastAPI:
    app = FastAPI()
    app.state.database = database

    @app.get("/rows")
    def read(session: RequestSession) -> int:
        return int(session.execute(COUNT).scalar_one())

    @app.post("/rows/{name}")
    def add(name: str, session: RequestSession) -> str:
        session.execute(INSERT, {"name": name})
        return name

    @app.post("/fail")
    def fail(session: RequestSession) -> None:
        session.execute(INSERT, {"name": "half"})
        raise RuntimeError("half way")

    return app


def test_an_answer_means_that_the_change_is_stored(database: Database) -> None:
    stored: list[int] = []
    app = request_app(database)

    @app.middleware("http")
    async def look_when_the_answer_begins(request, call_next):  # type: ignore[no-untyped-def]
        response = await call_next(request)
        stored.append(count(database))
        return response

    with TestClient(app) as client:
        assert client.post("/rows/a").status_code == 200
    assert stored == [1]


def test_a_request_that_fails_stores_nothing(database: Database) -> None:
    with TestClient(request_app(database), raise_server_exceptions=False) as client:
        assert client.post("/fail").status_code == 500
        assert client.get("/rows").json() == 0


def test_a_commit_that_fails_is_not_answered_as_success(database: Database) -> None:
    if database.dialect != "sqlite":
        pytest.skip("PostgreSQL checks foreign keys before the commit")
    app = request_app(database)

    @app.post("/deferred")
    def deferred(session: RequestSession) -> str:
        session.execute(text("PRAGMA defer_foreign_keys = ON"))
        session.execute(text("INSERT INTO equipment (id, organization_id, kind, name) VALUES ('e', 'x', 'site', 'x')"))
        return "stored?"

    with TestClient(app, raise_server_exceptions=False) as client:
        assert client.post("/deferred").status_code == 500
