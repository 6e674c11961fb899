"""What a server's process leaves out when it starts."""

from __future__ import annotations

import subprocess
import sys

START = """
import gc, sys
from andon.app.lean import lean
with lean():
    import andon.realtime.socketio_server
assert gc.isenabled()
present = {"aiohttp", "requests", "redis", "pandas", "pydantic.v1"} & {n for n, m in sys.modules.items() if m}
assert not present, present
import aiohttp, redis, requests
"""


def test_socketio_loads_without_its_clients_and_others_still_find_theirs() -> None:
    done = subprocess.run([sys.executable, "-c", START], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
