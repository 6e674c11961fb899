"""How soon the page is interactive, and what Lighthouse says of it on a desktop."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks.figures import Figure
from benchmarks.plant import fresh_andon

LIGHTHOUSE = "lighthouse@13"
CHROME_FLAGS = "--headless --no-sandbox --disable-dev-shm-usage --disable-gpu --disable-background-networking"


def _lighthouse(url: str, folder: Path) -> dict[str, float]:
    """Performance score (0 to 100) and time to interactive (ms), with the desktop preset."""
    report = folder / "report.json"
    environment = {**os.environ, "CHROME_PATH": shutil.which("chromium") or ""}
    subprocess.run(["npm", "install", "--silent", "--no-save", "--prefix", str(folder), LIGHTHOUSE], check=True)
    command = [str(folder / "node_modules" / ".bin" / "lighthouse"), url, "--quiet", "--preset=desktop"]
    command += ["--only-categories=performance", "--output=json", f"--output-path={report}"]
    subprocess.run([*command, f"--chrome-flags={CHROME_FLAGS}"], check=True, env=environment)
    found = json.loads(report.read_text())
    score = found["categories"]["performance"]["score"]
    return {"score": 100 * score, "interactive_ms": found["audits"]["interactive"]["numericValue"]}


def measure(quick: bool) -> list[Figure]:
    """Lighthouse on the sign-in page; without Node or Chromium the figures stay empty."""
    ids = (("page.lighthouse", "of 100", ">= 90"), ("page.interactive_s", "s", "<= 2"))
    if not shutil.which("npm") or not shutil.which("chromium"):
        return [Figure(name, None, unit, goal, "needs npm and chromium") for name, unit, goal in ids]
    with fresh_andon("--demo") as andon, TemporaryDirectory() as folder:
        found = _lighthouse(f"{andon.url}/login", Path(folder))
    values = (found["score"], found["interactive_ms"] / 1000)
    return [Figure(name, value, unit, goal) for (name, unit, goal), value in zip(ids, values, strict=True)]
