"""The relational store on a real PostgreSQL: several processes, outages, limits, and a replica for reports."""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from sqlalchemy import make_url, text

from andon.engines.database import Database
from andon.engines.database.migrate import HEAD, current_revision
from andon.kit.errors import StartError, UnavailableError
from support.engines import start
from support.servers import Postgres, Replica

INSERT = text("INSERT INTO consumer_positions (consumer, stream, position) VALUES (:name, 's', 0)")
NAMES = text("SELECT consumer FROM consumer_positions")
MIGRATE = """
import sys
from pathlib import Path
from andon.engines.database import Database
database = Database.open(sys.argv[1], Path("."))
database.migrate()
database.close()
"""


@pytest.fixture
def own_server() -> Iterator[Postgres]:
    """A server that may be killed."""
    with start(Postgres) as server:
        yield server


def opened(url: str, folder: Path, **options: float) -> Database:
    database = Database.open(url, folder, **options)  # type: ignore[arg-type]
    database.migrate()
    return database


def names(database: Database, *, report: bool = False) -> set[str]:
    with database.reading(report=report) as session:
        return set(session.scalars(NAMES))


def within(seconds: float, condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it does not happen"
        time.sleep(0.05)


def test_processes_that_start_at_once_migrate_once(postgres_url: str, tmp_path: Path) -> None:
    command = [sys.executable, "-c", MIGRATE, postgres_url]
    processes = [subprocess.Popen(command, stderr=subprocess.PIPE) for _ in range(4)]
    errors = [process.communicate(timeout=60)[1].decode() for process in processes]
    assert [process.returncode for process in processes] == [0] * 4, errors
    database = Database.open(postgres_url, tmp_path)
    with database.engine.connect() as connection:
        assert current_revision(connection) == HEAD
    database.close()


def test_what_one_process_has_read_stays_true_until_it_commits(postgres_url: str, tmp_path: Path) -> None:
    """Two stores, as in two processes, that read, add one and write back: no update is lost."""
    stores = [opened(postgres_url, tmp_path) for _ in range(2)]
    with stores[0].session() as session:
        session.execute(INSERT, {"name": "a"})

    def add_one_many_times(database: Database) -> None:
        for _ in range(50):
            with database.session() as session:
                position = session.execute(text("SELECT position FROM consumer_positions")).scalar_one()
                session.execute(text("UPDATE consumer_positions SET position = :next"), {"next": position + 1})

    threads = [threading.Thread(target=add_one_many_times, args=(database,)) for database in stores * 2]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    with stores[1].reading() as session:
        assert session.execute(text("SELECT position FROM consumer_positions")).scalar_one() == 200
    for database in stores:
        database.close()


def test_a_reader_sees_one_state_and_changes_nothing(postgres_url: str, tmp_path: Path) -> None:
    database = opened(postgres_url, tmp_path)
    with database.reading() as session:
        assert session.scalars(NAMES).all() == []
        with database.session() as other:
            other.execute(INSERT, {"name": "a"})
        assert session.scalars(NAMES).all() == []
    with pytest.raises(UnavailableError, match="read-only"), database.reading() as session:
        session.execute(INSERT, {"name": "b"})
    assert names(database) == {"a"}
    database.close()


def test_waiting_for_a_writer_has_an_end(postgres_url: str, tmp_path: Path) -> None:
    slow, other = opened(postgres_url, tmp_path), opened(postgres_url, tmp_path, busy_timeout_s=0.2)
    with slow.session() as session:
        session.execute(INSERT, {"name": "a"})
        with pytest.raises(UnavailableError, match="busy"), other.session() as session:
            session.execute(INSERT, {"name": "b"})
    with other.session() as session:
        session.execute(INSERT, {"name": "b"})
    assert names(slow) == {"a", "b"}
    slow.close()
    other.close()


def test_there_are_never_more_connections_than_the_pool_has(postgres_url: str, tmp_path: Path) -> None:
    database = opened(postgres_url, tmp_path, pool_size=2, busy_timeout_s=0.2)
    with database.reading() as one, database.reading() as two:
        one.execute(NAMES)
        two.execute(NAMES)
        with pytest.raises(UnavailableError, match="all 2 connections"):
            names(database)
    assert names(database) == set()
    database.close()


def test_a_null_character_is_nobodys_name(postgres_url: str, tmp_path: Path) -> None:
    """SQLite keeps it; PostgreSQL cannot, and must not fail over it."""
    database = opened(postgres_url, tmp_path)
    with database.session() as session:
        session.execute(INSERT, {"name": "a\0b"})
    assert names(database) == {"a\ufffdb"}
    with database.reading() as session:
        query = text("SELECT count(*) FROM consumer_positions WHERE consumer = :name")
        assert session.execute(query, {"name": "a\0"}).scalar_one() == 0
    database.close()


@pytest.mark.failure
def test_killed_under_load_it_keeps_what_it_committed_and_comes_back(own_server: Postgres, tmp_path: Path) -> None:
    database = opened(own_server.url, tmp_path)
    committed: set[str] = set()
    refused: list[UnavailableError] = []
    stopping = threading.Event()

    def write(thread: int) -> None:
        number = 0
        while not stopping.is_set():
            name = f"{thread}-{number}"
            try:
                with database.session() as session:
                    session.execute(INSERT, {"name": name})
            except UnavailableError as error:
                refused.append(error)
                time.sleep(0.02)
            else:
                committed.add(name)
            number += 1

    threads = [threading.Thread(target=write, args=(i,)) for i in range(3)]
    for thread in threads:
        thread.start()
    for _ in range(2):
        before, failures = len(committed), len(refused)
        within(20, lambda before=before: len(committed) > before + 20)  # type: ignore[misc]
        own_server.kill()
        within(20, lambda failures=failures: len(refused) > failures)  # type: ignore[misc]
        own_server.start()
    after = len(committed)
    within(20, lambda: len(committed) > after + 20)
    stopping.set()
    for thread in threads:
        thread.join(20)
    stored = names(database)
    assert committed <= stored
    assert len(stored - committed) <= 6, "at most what was being committed as it died"
    database.close()


def test_a_server_that_is_not_there_is_one_clear_error(tmp_path: Path) -> None:
    with pytest.raises(UnavailableError, match="cannot be opened") as error:
        Database.open("postgresql://andon:secret@127.0.0.1:9/none", tmp_path)
    assert "the database postgresql://andon:***@127.0.0.1:9/none cannot" in str(error.value)


def test_a_user_who_may_not_make_tables_is_one_clear_error(postgres_url: str, tmp_path: Path) -> None:
    owner = opened(postgres_url, tmp_path)
    with owner.engine.begin() as connection:
        connection.execute(text("CREATE ROLE andon_stranger LOGIN"))
    stranger = Database.open(make_url(postgres_url).set(username="andon_stranger").render_as_string(), tmp_path)
    try:
        with pytest.raises(StartError, match="permission denied") as error:
            stranger.migrate()
        assert "ANDON_DATABASE_URL" in (error.value.cure or "")
    finally:
        stranger.close()
        with owner.engine.begin() as connection:
            connection.execute(text("DROP ROLE andon_stranger"))
        owner.close()


def test_all_addresses_of_a_host_that_were_tried_are_in_one_line(tmp_path: Path) -> None:
    with pytest.raises(UnavailableError) as error:
        Database.open("postgresql://andon@localhost:9/none?host=127.0.0.1,127.0.0.2&port=9,9", tmp_path)
    assert "127.0.0.2" in error.value.message and "\n" not in error.value.message


@pytest.mark.parametrize("url", ["my database", "postgresql://andon@host:port/andon", "mysql://andon@host/andon"])
def test_a_url_that_makes_no_sense_is_one_clear_error(url: str, tmp_path: Path) -> None:
    with pytest.raises(StartError, match="cannot be understood"):
        Database.open(url, tmp_path)


def test_reports_are_read_from_the_replica_while_it_answers(own_server: Postgres, tmp_path: Path) -> None:
    primary = opened(own_server.url, tmp_path)
    primary.close()
    with start(Replica, primary=own_server) as replica:
        database = Database.open(own_server.url, tmp_path, replica_url=replica.url)
        with database.engine.connect() as connection:
            connection.execution_options(andon_read_only=True)
        replica_only = Database.open(replica.url, tmp_path)
        with replica_only.reading() as session:
            session.execute(text("SELECT pg_wal_replay_pause()"))
        with database.session() as session:
            session.execute(INSERT, {"name": "a"})
        assert names(database) == {"a"}
        assert names(database, report=True) == set(), "the replica is held back: it is the one that answers"
        with pytest.raises(UnavailableError), replica_only.session() as session:
            session.execute(INSERT, {"name": "b"})
        replica_only.close()
        replica.kill()
        assert names(database, report=True) == {"a"}, "the primary answers for it"
        database.close()
