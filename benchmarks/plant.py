"""A running Andon to measure: its processes' CPU and memory, its devices, its load generators."""

from __future__ import annotations

import asyncio
import json
import os
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import httpx
import psutil

from andon.registry.model import NewDevice
from benchmarks.product import program
from benchmarks.registering import register
from support.running import RunningAndon


@dataclass(frozen=True, slots=True)
class Usage:
    """What Andon's processes used: CPU as a share of one core over the time measured, memory at its end."""

    cpu_pct: float
    rss_mb: float
    server_rss_mb: float


def _processes(andon: RunningAndon) -> list[psutil.Process]:
    server = psutil.Process(andon.process.pid)
    return [server, *server.children(recursive=True)]


def cpu_seconds(andon: RunningAndon) -> float:
    """CPU seconds that all of Andon's processes have used so far."""
    return sum(sum(process.cpu_times()[:2]) for process in _processes(andon))


def usage(andon: RunningAndon, since_cpu_s: float, elapsed_s: float) -> Usage:
    """CPU since a first reading, and present memory."""
    memory = [process.memory_info().rss / 1e6 for process in _processes(andon)]
    return Usage(100 * (cpu_seconds(andon) - since_cpu_s) / elapsed_s, sum(memory), memory[0])


def running(data_dir: Path, *arguments: str, environment: dict[str, str] | None = None) -> RunningAndon:
    """Andon as users have it, on a data folder."""
    return RunningAndon(data_dir, *arguments, environment=environment, program=program())


@contextmanager
def fresh_andon(
    *arguments: str, devices: Sequence[NewDevice] = (), environment: dict[str, str] | None = None
) -> Iterator[RunningAndon]:
    """Andon on a data folder that holds these devices and nothing else, without a demo unless asked."""
    with TemporaryDirectory(prefix="andon-bench-") as folder:
        data_dir = Path(folder) / "data"
        if devices:
            register(data_dir, devices)
        with running(data_dir, *arguments, environment=environment) as andon:
            yield andon


async def module(name: str, options: dict[str, Any]) -> dict[str, Any]:
    """Run a module of this package as a process with JSON options; the JSON that it prints last."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        f"benchmarks.{name}",
        json.dumps(options),
        stdout=asyncio.subprocess.PIPE,
        env=dict(os.environ),
    )
    try:
        output, _ = await process.communicate()
    finally:
        if process.returncode is None:
            process.kill()
    if process.returncode:
        raise RuntimeError(f"benchmarks.{name} ended with {process.returncode}")
    result: dict[str, Any] = json.loads(output.decode().strip().splitlines()[-1])
    return result


def mqtt_options(andon: RunningAndon, **options: Any) -> dict[str, Any]:
    """Options of a load generator that signs in as the device user."""
    access = andon.device_credentials()
    login = {"port": andon.mqtt_port, "username": access["username"], "password": access["password"]}
    return {**login, "client_id": f"load-{time.time_ns()}", **options}


def stored_samples(client: httpx.Client) -> int:
    """Samples that the historian holds."""
    return int(client.get("/api/v1/metrics/system").json()["data"]["storage"]["samples"])


def until_stored(client: httpx.Client, expected: int, within_s: float = 60, pause_s: float = 0.05) -> tuple[int, float]:
    """(stored samples, seconds waited) once all expected are there, or none came for three seconds."""
    started = changed = time.monotonic()
    last = -1
    while (stored := stored_samples(client)) < expected and time.monotonic() < started + within_s:
        if stored != last:
            last, changed = stored, time.monotonic()
        elif time.monotonic() - changed > 3:
            break
        time.sleep(pause_s)
    return stored, time.monotonic() - started
