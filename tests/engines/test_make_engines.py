"""`make engines`: real engines for a developer, and what it prints about them is true."""

from __future__ import annotations

import os
import shlex
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import psutil
import psycopg
import pytest

from andon.app.topology import ALL_ROLES
from support.apart import RoleProcess
from support.running import PASSWORD, eventually
from support.servers import MissingEngineError
from support.servers.kafka_jars import jars

ROOT = Path(__file__).parents[2]
START_S = 100


class Tool:
    """`tools/engines.py` in a terminal."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self.process = process
        self.output: list[str] = []
        self.ready = threading.Event()
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self) -> None:
        assert self.process.stdout
        for line in self.process.stdout:
            self.output.append(line)
            if "Ctrl-C" in line:
                self.ready.set()
        self.ready.set()

    @property
    def text(self) -> str:
        """What it printed."""
        return "".join(self.output)

    def under(self, heading: str) -> list[str]:
        """The indented lines under a heading."""
        lines = iter(self.text.splitlines())
        assert any(line.startswith(heading) for line in lines), self.text
        found = []
        for line in lines:
            if not line.startswith("  "):
                break
            found.append(line.strip())
        return found

    def settings(self) -> dict[str, str]:
        """What it says to export."""
        return dict(shlex.split(line)[1].split("=", 1) for line in self.under("Tell Andon"))


@contextmanager
def engines(folder: Path, *arguments: str, **environment: str) -> Iterator[Tool]:
    """The tool, stopped as Ctrl-C does it; no process of it is left."""
    process = subprocess.Popen(
        [sys.executable, "tools/engines.py", *arguments, "--free-ports", "--folder", str(folder)],
        cwd=ROOT,
        env={**os.environ, **environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    children: list[psutil.Process] = []
    try:
        tool = Tool(process)
        assert tool.ready.wait(START_S), tool.text
        if process.poll() is None:
            children = psutil.Process(process.pid).children(recursive=True)
        yield tool
    finally:
        if process.poll() is None:
            process.send_signal(signal.SIGINT)
        try:
            process.wait(60)
        finally:
            process.kill()
    _, alive = psutil.wait_procs(children, timeout=5)
    assert not alive


@pytest.fixture
def folder() -> Iterator[Path]:
    """Not pytest's: root keeps that to itself, and PostgreSQL runs as another user."""
    made = Path(tempfile.mkdtemp(prefix="andon-engines-"))
    yield made
    shutil.rmtree(made)


@pytest.fixture
def all_there(engines_required: bool) -> None:
    """Without Kafka's jars the tool would fetch them: only CI does that in a test."""
    try:
        jars(fetch=engines_required)
    except MissingEngineError as error:
        assert not engines_required, str(error)
        pytest.skip(str(error))


def health(url: str) -> dict[str, str]:
    """By dependency, how it is."""
    found = httpx.get(f"{url}/health", timeout=20).json()["dependencies"]
    return {name: each["status"] for name, each in found.items()}


@pytest.mark.kafka
@pytest.mark.topology
@pytest.mark.usefixtures("all_there")
def test_what_it_prints_starts_andon_on_all_engines_and_what_they_hold_stays(folder: Path, tmp_path: Path) -> None:
    with engines(folder) as tool:
        assert "is missing" not in tool.text
        assert (folder / "env.sh").read_text().splitlines() == tool.under("Tell Andon")
        commands = [line.split() for line in tool.under("Then")]
        here = Path(sys.executable).with_name("andon")
        assert {((ROOT / program).absolute(), run) for program, run, _ in commands} == {(here, "run")}
        roles = [role for _, _, role in commands]
        assert set(roles) == set(ALL_ROLES) - {"broker"}
        andon = RoleProcess(roles, tmp_path, tool.settings()).launch()
        try:
            andon.wait_ready()
            url = andon.urls["api"]
            asked = {"database", "log", "historian", "broker", "redis"}
            eventually(lambda: health(url).items() >= dict.fromkeys(asked, "healthy").items(), what="health")
            login = {"username": "admin", "password": PASSWORD}
            token = httpx.post(f"{url}/api/v1/auth/login", json=login, timeout=20).json()["data"]["accessToken"]
            client = httpx.Client(base_url=f"{url}/api/v1", headers={"authorization": f"Bearer {token}"}, timeout=20)
            eventually(
                lambda: client.get("/devices/device-001/history").json()["data"]["readings"],
                within_s=40,
                what="a sample of the demo plant in the history",
            )
            assert andon.stop() == 0
        finally:
            if andon.process.poll() is None:
                andon.kill()

    with engines(folder, "postgres") as tool:
        with psycopg.connect(tool.settings()["ANDON_DATABASE_URL"]) as connection:
            (stored,) = connection.execute("SELECT count(*) FROM sensor_readings").fetchone() or (0,)
        assert stored > 0
        assert "Roles cannot run apart without kafka, redis, mosquitto" in tool.text


def test_an_engine_that_is_missing_is_named_with_its_package(folder: Path) -> None:
    with engines(folder, "redis", "influx", PATH="/nowhere") as tool:
        assert tool.process.wait(30) == 1
    assert "redis-server is not installed (Debian: redis-server)" in tool.text
    assert "influxd is not installed (Debian: influxdb)" in tool.text


def test_an_unknown_engine_is_said(folder: Path) -> None:
    with engines(folder, "rabbit") as tool:
        assert tool.process.wait(30) == 2
    assert "there is no engine 'rabbit', only kafka, postgres" in tool.text
