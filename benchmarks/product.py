"""Andon as users install it: with the default requirements and nothing else.

A development environment has more, and some of it is found and loaded: Arrow imports pandas where it is there.
"""

from __future__ import annotations

import hashlib
import subprocess
import sys
from functools import cache
from pathlib import Path

from benchmarks.figures import RESULTS

ROOT = Path(__file__).parent.parent
REQUIREMENTS = ROOT / "requirements" / "default.txt"


@cache
def program() -> Path:
    """The command `andon` of this checkout in an environment of its own, which is made anew when the lock changes."""
    lock = hashlib.sha256(REQUIREMENTS.read_bytes()).hexdigest()[:12]
    venv = RESULTS.parent / f"environment-{sys.version_info.major}.{sys.version_info.minor}-{lock}"
    found = venv / "bin" / "andon"
    if not found.exists():
        _make(venv)
    return found


def _make(venv: Path) -> None:
    uv = str(Path(sys.executable).with_name("uv"))
    subprocess.run([uv, "venv", "-q", "--clear", "--python", sys.executable, str(venv)], check=True)
    install = [uv, "pip", "install", "-q", "--python", str(venv / "bin" / "python")]
    subprocess.run([*install, "--require-hashes", "-r", str(REQUIREMENTS)], check=True)
    subprocess.run([*install, "--no-deps", "--editable", str(ROOT)], check=True)
