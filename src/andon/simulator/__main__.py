"""`python -m andon.simulator [--config plant.toml]`: the simulated plant as a process of its own."""

from __future__ import annotations

import argparse
import asyncio
import logging
import signal
import sys
from pathlib import Path

import uvloop

from andon.kit.errors import AndonError
from andon.observability.logs import setup_logging
from andon.simulator.config import SimulatorConfig
from andon.simulator.service import run_simulator

CANNOT_START = 2


def main() -> int:
    """0 after a graceful stop, 2 when the configuration or a port is at fault."""
    parser = argparse.ArgumentParser(prog="python -m andon.simulator", description=__doc__)
    parser.add_argument("--config", type=Path, help="TOML file; sample.toml beside this program shows every setting")
    try:
        config = SimulatorConfig.load(parser.parse_args().config)
        setup_logging(config.log_level)
        # The links report a lost broker once; gmqtt would at each attempt, with a traceback.
        logging.getLogger("gmqtt").setLevel(logging.CRITICAL)
        uvloop.run(_until_signal(config))
    except AndonError as error:
        sys.stderr.write(f"the simulator cannot start: {error.message}. Cure: {error.cure}.\n")
        return CANNOT_START
    return 0


async def _until_signal(config: SimulatorConfig) -> None:
    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    await run_simulator(config, stop)


if __name__ == "__main__":
    sys.exit(main())
