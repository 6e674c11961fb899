"""PostgreSQL: a cluster of its own, with a superuser `andon` who needs no password on the loopback."""

from __future__ import annotations

import os
import pwd
import signal
import subprocess
import time
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Self

from support.servers.base import LOOPBACK, STOP_S, MissingEngineError, Server

USER = "andon"


class Postgres(Server):
    """`postgres`. `durable=False` spares the disk: a crash of the machine, not of the process, may lose data.

    `settings`: more of its configuration; `programs`: the folder of an installation other than the machine's.
    """

    name = "postgres"
    stop_signal = signal.SIGINT  # fast shutdown: does not wait for clients

    def __init__(
        self,
        folder: Path,
        port: int | None = None,
        *,
        durable: bool = False,
        settings: Mapping[str, str] | None = None,
        programs: Path | None = None,
    ) -> None:
        super().__init__(folder, port)
        self.durable = durable
        self.settings = settings or {}
        self._programs = programs

    @property
    def url(self) -> str:
        return self.url_of("postgres")

    def url_of(self, database: str) -> str:
        """URL of one of its databases."""
        return f"postgresql://{USER}@{LOOPBACK}:{self.port}/{database}"

    @contextmanager
    def database(self, name: str | None = None) -> Iterator[str]:
        """The URL of an empty database, which is dropped afterwards."""
        name = name or f"test_{uuid.uuid4().hex[:12]}"
        self.run_sql(f'CREATE DATABASE "{name}"')
        try:
            yield self.url_of(name)
        finally:
            if self.process is not None and self.process.poll() is None:
                self.run_sql(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')

    def ensure_database(self, name: str) -> str:
        """The URL of a database, which is made when it is not there."""
        if not self.run_sql(f"SELECT 1 FROM pg_database WHERE datname = '{name}'"):
            self.run_sql(f'CREATE DATABASE "{name}"')
        return self.url_of(name)

    def run_sql(self, statement: str, database: str = "postgres") -> str:
        """Run a statement as superuser, outside a transaction; the rows of its answer, a line each."""
        command = [self.program("psql"), "-X", "-q", "-A", "-t", "-d", self.url_of(database), "-c", statement]
        return subprocess.run(command, check=True, capture_output=True, timeout=60, text=True).stdout.strip()

    def program(self, name: str) -> str:
        """Path of one of its programs."""
        return str((self._programs or _bin()) / name)

    @property
    def data(self) -> Path:
        """Its data directory."""
        return self.folder / "pgdata"

    def prepare(self) -> None:
        if (self.data / "PG_VERSION").exists():
            return
        self.data.mkdir(mode=0o700)
        if os.geteuid() == 0:
            self._give_away()
        command = [self.program("initdb"), "-D", str(self.data), "-U", USER, "-A", "trust", "-E", "UTF8", "--no-sync"]
        with self.log_path.open("ab") as log:
            made = subprocess.run([*command, "--locale=C.UTF-8"], stdout=log, stderr=log, check=False, **self.options())
        if made.returncode:
            raise RuntimeError(f"initdb failed:\n{self.log_path.read_text(errors='replace')[-3000:]}")

    def _give_away(self) -> None:
        """PostgreSQL refuses to run as root: the data belong to another user, who must be able to reach them."""
        user = _unprivileged()
        os.chown(self.data, user.pw_uid, user.pw_gid)
        for folder in self.folder.parents[:-2]:
            mode = folder.stat().st_mode
            if mode & 0o001 == 0:
                folder.chmod(mode | 0o001)
        self.folder.chmod(self.folder.stat().st_mode | 0o001)

    def command(self) -> list[str]:
        given = {
            "listen_addresses": LOOPBACK,
            "port": self.port,
            "unix_socket_directories": "",
            "max_connections": 60,
            "shared_buffers": "128MB",
            "max_wal_size": "1GB",
            "log_min_messages": "warning",
            "timezone": "UTC",
            **({} if self.durable else {"fsync": "off", "full_page_writes": "off", "synchronous_commit": "on"}),
            **self.settings,
        }
        pairs = [part for name, value in given.items() for part in ("-c", f"{name}={value}")]
        return [self.program("postgres"), "-D", str(self.data), *pairs]

    def options(self) -> Mapping[str, Any]:
        if os.geteuid() != 0:
            return {"cwd": "/"}
        user = _unprivileged()
        return {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": [], "cwd": "/"}

    def kill(self) -> None:
        """End the server and its backends at once: nobody is left who could still write."""
        children = _children(self.process.pid) if self.process is not None else []
        super().kill()
        for child in children:
            try:
                os.kill(child, signal.SIGKILL)
            except ProcessLookupError:
                continue
        deadline = time.monotonic() + STOP_S  # on a loaded machine they end later; until then they hold shared memory
        while any(_lives(child) for child in children) and time.monotonic() < deadline:
            time.sleep(0.01)

    def answers(self) -> bool:
        command = [self.program("pg_isready"), "-q", "-h", LOOPBACK, "-p", str(self.port), "-U", USER, "-d", "postgres"]
        return subprocess.run(command, check=False, capture_output=True).returncode == 0


class Replica(Postgres):
    """A hot standby that follows `primary`, which must run when it starts for the first time."""

    name = "replica"

    def __init__(self, folder: Path, port: int | None = None, *, primary: Postgres) -> None:
        super().__init__(folder, port)
        self.primary = primary

    def prepare(self) -> None:
        if (self.data / "PG_VERSION").exists():
            return
        self.data.mkdir(mode=0o700)
        if os.geteuid() == 0:
            self._give_away()
        command = [self.program("pg_basebackup"), "-d", self.primary.url, "-D", str(self.data), "-R", "-c", "fast"]
        subprocess.run([*command, "--no-sync"], check=True, capture_output=True, timeout=120, **self.options())


class Timescale(Postgres):
    """PostgreSQL with TimescaleDB in all its databases. No package of Debian brings it."""

    name = "timescale"
    everywhere = False

    def prepare(self) -> None:
        if not self._installed():
            raise MissingEngineError(
                "TimescaleDB is not installed for this PostgreSQL (Debian has no package; install the extension)"
            )
        own = {"shared_preload_libraries": "timescaledb", "timescaledb.telemetry_level": "off"}
        self.settings = {**own, **self.settings}
        super().prepare()

    def _installed(self) -> bool:
        asked = subprocess.run([self.program("pg_config"), "--sharedir"], check=True, capture_output=True, text=True)
        return (Path(asked.stdout.strip()) / "extension" / "timescaledb.control").exists()

    def start(self) -> Self:
        super().start()
        for database in ("template1", "postgres"):
            self.run_sql("CREATE EXTENSION IF NOT EXISTS timescaledb", database)
        return self


def _children(pid: int) -> list[int]:
    listed = Path(f"/proc/{pid}/task/{pid}/children")
    return [int(child) for child in listed.read_text().split()] if listed.exists() else []


def _lives(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def _bin() -> Path:
    """The folder of PostgreSQL's programs, the newest release that is installed."""
    candidates = [*Path("/usr/lib/postgresql").glob("*/bin"), *Path("/usr/local/pgsql").glob("bin")]
    candidates += [Path(part) for part in os.environ.get("PATH", "").split(os.pathsep)]
    found = [folder for folder in candidates if (folder / "initdb").exists() and (folder / "pg_isready").exists()]
    if not found:
        raise MissingEngineError("initdb is not installed (Debian: postgresql)")
    return max(found, key=lambda folder: [int(part) for part in folder.parts if part.isdigit()])


def _unprivileged() -> pwd.struct_passwd:
    for name in ("postgres", "nobody"):
        try:
            return pwd.getpwnam(name)
        except KeyError:
            continue
    raise MissingEngineError("PostgreSQL needs a user other than root: neither postgres nor nobody exists")
