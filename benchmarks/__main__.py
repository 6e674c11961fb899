"""`make bench`: measures Andon on the embedded default and compares with its goals.

`python -m benchmarks [--quick] [PART …]` runs all parts or those named. A part whose engine is not installed is
left out.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
import traceback
from types import ModuleType

from benchmarks import (
    devices,
    figures,
    history,
    history_store,
    influx,
    ingest,
    install,
    live,
    looms,
    overload,
    page,
    postgres,
    queries,
    scale_out,
    years,
)
from benchmarks.meter import core_speed
from support.servers import MissingEngineError

PARTS: dict[str, ModuleType] = {
    "install": install,
    "page": page,
    "live": live,
    "ingest": ingest,
    "queries": queries,
    "store": history_store,
    "history": history,
    "years": years,
    "devices": devices,
    "looms": looms,
    "overload": overload,
    "postgres": postgres,
    "influx": influx,
    "scale_out": scale_out,
}

LONG_ONLY, ON_REQUEST = frozenset({"page", "years"}), frozenset({"influx"})
"""Left out of the short form, and always, unless they are named."""
WHOLE_S, QUICK_S = 1_800, 300
"""Most that all parts together may take, and their short forms."""


def main() -> None:
    """Measure, print the table, write the figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("parts", nargs="*", help=f"of {', '.join(PARTS)}; default: all but {', '.join(ON_REQUEST)}")
    parser.add_argument("--quick", action="store_true", help="shorter runs")
    arguments = parser.parse_args()
    unknown = set(arguments.parts) - set(PARTS)
    if unknown:
        parser.error(f"unknown part {', '.join(sorted(unknown))}; there are {', '.join(PARTS)}")
    began = time.monotonic()
    found, failed = [], []
    left_out = ON_REQUEST | (LONG_ONLY if arguments.quick else frozenset())
    for name in arguments.parts or [part for part in PARTS if part not in left_out]:
        try:
            found += _measured(name, arguments.quick)
        except Exception:  # noqa: BLE001 (what the other parts found is not to be lost)
            traceback.print_exc()
            failed.append(name)
    goal = "" if arguments.parts else f"<= {QUICK_S if arguments.quick else WHOLE_S}"
    found.append(figures.Figure("bench.took_s", time.monotonic() - began, "s", goal))
    figures.show(found)
    figures.write(found)
    if failed:
        sys.exit(f"could not be measured: {', '.join(failed)}")


def _measured(name: str, quick: bool) -> list[figures.Figure]:
    """A part's figures; none when its engine is missing."""
    print(f"* measuring {name}", file=sys.stderr, flush=True)
    load = figures.Figure(f"{name}.load_before", os.getloadavg()[0], "", reference=f"{os.cpu_count()} cores")
    core = figures.Figure(f"{name}.core_before", core_speed(), "M turns/s", reference="of a plain loop, on one core")
    began = time.monotonic()
    try:
        found = PARTS[name].measure(quick)
    except MissingEngineError as error:
        print(f"* {name} is left out: {error}", file=sys.stderr, flush=True)
        return []
    return [load, core, *found, figures.Figure(f"{name}.took_s", time.monotonic() - began, "s")]


if __name__ == "__main__":
    main()
