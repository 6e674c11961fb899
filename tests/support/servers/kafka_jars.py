"""Finds Kafka's jars, or fetches them with Maven: once a machine, then they lie in the cache."""

from __future__ import annotations

import fcntl
import os
import shutil
import subprocess
from pathlib import Path

from support.servers.base import MissingEngineError

POM = Path(__file__).parents[3] / "tools" / "kafka" / "pom.xml"


def cache() -> Path:
    """Where engines are kept that no package brings: ANDON_ENGINES_DIR, or `~/.cache/andon`."""
    chosen = os.environ.get("ANDON_ENGINES_DIR")
    return Path(chosen) if chosen else Path.home() / ".cache" / "andon"


def jars(*, fetch: bool) -> Path:
    """The folder of the jars. MissingEngineError when they are not there and cannot, or must not, be fetched."""
    if shutil.which("java") is None:
        raise MissingEngineError("java is not installed (Debian: default-jre-headless)")
    folder = cache() / "kafka"
    if _complete(folder):
        return folder
    if not fetch:
        raise MissingEngineError(f"Kafka's jars are not in {folder}: `make engines` fetches them")
    if shutil.which("mvn") is None:
        raise MissingEngineError("mvn is not installed (Debian: maven): it fetches Kafka's jars")
    folder.mkdir(parents=True, exist_ok=True)
    with (cache() / "kafka.lock").open("w") as lock:  # test workers start together
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not _complete(folder):
            _fetch(folder)
    return folder


def _complete(folder: Path) -> bool:
    return (folder / "complete").exists()


def _fetch(folder: Path) -> None:
    command = ["mvn", "-B", "-q", "-f", str(POM), "dependency:copy-dependencies", f"-DoutputDirectory={folder}"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=900)
    if done.returncode:
        raise MissingEngineError(f"Kafka's jars cannot be fetched:\n{(done.stdout + done.stderr)[-2000:]}")
    (folder / "complete").touch()
