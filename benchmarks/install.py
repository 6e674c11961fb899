"""What an installation costs, and how soon Andon and its page are there."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks.figures import Figure
from support.running import RunningAndon

ROOT = Path(__file__).parent.parent


def _size_mb(folder: Path) -> float:
    return sum(path.lstat().st_size for path in folder.rglob("*") if path.is_file()) / 1e6


def _install() -> list[Figure]:
    uv = str(Path(sys.executable).with_name("uv"))
    with TemporaryDirectory(prefix="andon-install-") as folder:
        venv = Path(folder) / "venv"
        started = time.perf_counter()
        subprocess.run([uv, "venv", "-q", "--python", sys.executable, str(venv)], check=True)
        install = [uv, "pip", "install", "-q", "--no-cache", "--python", str(venv / "bin" / "python"), "-r"]
        subprocess.run([*install, str(ROOT / "requirements" / "default.txt"), "--require-hashes"], check=True)
        subprocess.run([*install[:4], "--python", str(venv / "bin" / "python"), "--no-deps", str(ROOT)], check=True)
        seconds = time.perf_counter() - started
        if not any(venv.glob("lib/python*/site-packages/andon/api/static/index.html")):
            raise RuntimeError("the wheel that was installed holds no web UI")
        return [
            Figure("install.seconds", seconds, "s", "<= 90", "nothing cached"),
            Figure("install.disk_mb", _size_mb(venv), "MB", "<= 400"),
        ]


def _start() -> list[Figure]:
    with TemporaryDirectory(prefix="andon-start-") as folder:
        seconds = []
        for _ in range(2):
            started = time.perf_counter()
            with RunningAndon(Path(folder) / "data", "--demo"):
                seconds.append(time.perf_counter() - started)
    return [
        Figure("start.ready_s", seconds[0], "s", "<= 5", "empty data folder"),
        Figure("start.again.ready_s", seconds[1], "s", "<= 3"),
    ]


def measure(quick: bool) -> list[Figure]:
    """Start-up always; the installation, which downloads, only in the long form."""
    return _start() if quick else [*_install(), *_start()]
