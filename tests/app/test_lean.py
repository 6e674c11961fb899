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


ROLE = """
import sys

def present(*names):
    return [name for name in names if sys.modules.get(name)]

import andon.app.run_roles
assert not present("sqlalchemy", "fastapi", "numpy"), "checks of what refuses a start wait for them"
from andon.app.lean import lean
with lean(live=False):
    import andon.app.serve_roles
foreign = present(
    *("socketio", "pyarrow", "andon.realtime.service", "andon.ingest.service", "andon.historian.service"),
    *("andon.api.routers", "andon.historian.endpoints", "andon.alarms.endpoints", "andon.alarms.service"),
    *("andon.historian.stores.columnar.store", "andon.historian.stores.influx.store"),
)
assert not foreign, foreign
"""


def test_a_process_of_one_role_loads_nothing_of_the_others() -> None:
    """What its own role has comes when its services are made."""
    done = subprocess.run([sys.executable, "-c", ROLE], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_arrow_makes_tables_without_pandas() -> None:
    code = "\n".join(
        (
            "from andon.app.lean import lean",
            "with lean(live=False): import pyarrow",
            "print(pyarrow.Table.from_pylist([{'tag': 1}]).num_rows)",
        )
    )
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert told.stdout.strip() == "1"
