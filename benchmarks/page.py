"""How soon the page is interactive, and what Lighthouse says of it on a desktop."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

import httpx

from benchmarks.figures import Figure
from benchmarks.plant import fresh_andon
from support.running import PASSWORD, RunningAndon

LIGHTHOUSE = "lighthouse@13"
CHROME_FLAGS = "--headless --no-sandbox --disable-dev-shm-usage --disable-gpu --disable-background-networking"
RUNS = 2
RUN_TIMEOUT_S = 120
GOALS = {"lighthouse": ("of 100", ">= 90"), "interactive_s": ("s", "<= 2")}
PAGES = {"page": ("/", "the overview, signed in, with the demo plant"), "page.login": ("/login", "")}


def _install(folder: Path) -> Path:
    command = ["npm", "install", "--silent", "--no-save", "--prefix", str(folder), LIGHTHOUSE]
    subprocess.run(command, check=True)
    return folder / "node_modules" / ".bin" / "lighthouse"


def _session(andon: RunningAndon) -> str:
    """The cookie of a new session: each page load uses it up."""
    login = {"username": "admin", "password": PASSWORD}
    answer = httpx.post(f"{andon.url}/api/v1/auth/login", json=login, timeout=20).raise_for_status()
    return answer.headers["set-cookie"].split(";")[0]


def _run(lighthouse: Path, andon: RunningAndon, path: str, report: Path) -> tuple[float, float] | None:
    """(performance score 0 to 100, seconds to interactive) with the desktop preset; None when Chromium failed."""
    command = [str(lighthouse), andon.url + path, "--quiet", "--preset=desktop", "--only-categories=performance"]
    command += ["--output=json", f"--output-path={report}", f"--chrome-flags={CHROME_FLAGS}"]
    if path == "/":
        command.append("--extra-headers=" + json.dumps({"Cookie": _session(andon)}))
    # Chromium's own temporary folders go with the report's.
    environment = {**os.environ, "CHROME_PATH": shutil.which("chromium") or "", "TMPDIR": str(report.parent)}
    ended = subprocess.run(command, env=environment, timeout=RUN_TIMEOUT_S, capture_output=True, text=True)
    if ended.returncode:
        print(f"Lighthouse failed: {ended.stderr[-300:]}")
        return None
    found = json.loads(report.read_text())
    if not found["finalDisplayedUrl"].endswith(path):
        raise RuntimeError(f"{path} led to {found['finalDisplayedUrl']}")
    return 100 * found["categories"]["performance"]["score"], found["audits"]["interactive"]["numericValue"] / 1000


def _figures(lighthouse: Path, andon: RunningAndon, name: str, runs: int, report: Path) -> list[Figure]:
    """Medians of some runs; Chromium on a busy machine may fail now and then, so as many may fail as succeed."""
    path, reference = PAGES[name]
    found: list[tuple[float, float]] = []
    for _ in range(2 * runs):
        one = _run(lighthouse, andon, path, report)
        if one is not None:
            found.append(one)
        if len(found) == runs:
            break
    values = [median(column) for column in zip(*found, strict=True)] or [None, None]
    return [
        Figure(f"{name}.{figure}", value, unit, goal, reference)
        for value, (figure, (unit, goal)) in zip(values, GOALS.items(), strict=True)
    ]


def measure(quick: bool) -> list[Figure]:
    """Lighthouse on the overview and the sign-in page; without npm or Chromium the figures stay empty."""
    if not shutil.which("npm") or not shutil.which("chromium"):
        return [
            Figure(f"{name}.{figure}", None, unit, goal, "needs npm and chromium")
            for name in PAGES
            for figure, (unit, goal) in GOALS.items()
        ]
    with TemporaryDirectory() as folder, fresh_andon("--demo") as andon:
        lighthouse = _install(Path(folder))
        report = Path(folder) / "report.json"
        runs = 1 if quick else RUNS
        return [figure for name in PAGES for figure in _figures(lighthouse, andon, name, runs, report)]
