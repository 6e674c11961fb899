"""What an installation costs, and how soon Andon is there."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks.figures import Figure
from benchmarks.product import program
from support.running import RunningAndon

ROOT = Path(__file__).parent.parent


def _size_mb(folder: Path) -> float:
    return sum(path.lstat().st_size for path in folder.rglob("*") if path.is_file()) / 1e6


def _install(venv: Path) -> list[Figure]:
    """Into a new environment, with bytecode as pip makes it and the web UI in the wheel."""
    uv = str(Path(sys.executable).with_name("uv"))
    started = time.perf_counter()
    subprocess.run([uv, "venv", "-q", "--python", sys.executable, str(venv)], check=True)
    install = [uv, "pip", "install", "-q", "--compile-bytecode", "--python", str(venv / "bin" / "python")]
    requirements = str(ROOT / "requirements" / "default.txt")
    subprocess.run([*install, "--no-cache", "--require-hashes", "-r", requirements], check=True)
    subprocess.run([*install, "--no-deps", str(ROOT)], check=True)
    seconds = time.perf_counter() - started
    if not any(venv.glob("lib/python*/site-packages/andon/api/static/index.html")):
        raise RuntimeError("the wheel that was installed holds no web UI")
    return [
        Figure("install.seconds", seconds, "s", "<= 90", "nothing cached"),
        Figure("install.disk_mb", _size_mb(venv), "MB", "<= 400"),
    ]


def _start(andon: Path, reference: str) -> list[Figure]:
    with TemporaryDirectory(prefix="andon-start-") as folder:
        seconds = []
        for _ in range(2):
            started = time.perf_counter()
            with RunningAndon(Path(folder) / "data", "--demo", program=andon):
                seconds.append(time.perf_counter() - started)
    return [
        Figure("start.ready_s", seconds[0], "s", "<= 5", f"empty data folder, {reference}"),
        Figure("start.again.ready_s", seconds[1], "s", "<= 3", reference),
    ]


def measure(quick: bool) -> list[Figure]:
    """The long form installs, which downloads, and starts what it installed; the short one starts this checkout."""
    if quick:
        return _start(program(), "this checkout")
    with TemporaryDirectory(prefix="andon-install-") as folder:
        venv = Path(folder) / "venv"
        return [*_install(venv), *_start(venv / "bin" / "andon", "as installed")]
