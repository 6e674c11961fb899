"""The simulator as a child process: started again when it dies, gone when the server goes."""

from __future__ import annotations

import asyncio
import logging
import os
import sys

from andon.app.settings import Settings
from andon.engines.broker.child import die_with_parent, end
from andon.engines.broker.credentials import SIMULATOR
from andon.engines.broker.embedded import EmbeddedBroker
from andon.engines.broker.outside import OutsideBroker
from andon.kit.tasks import end_tasks

logger = logging.getLogger(__name__)

STOP_PATIENCE_S = 2.0
CANNOT_START = 2  # its configuration is at fault: trying again cannot help
FIRST_BACKOFF_S, MAX_BACKOFF_S = 0.5, 10.0


class SimulatorChild:
    """Runs `python -m andon.simulator` against the broker until it is stopped."""

    def __init__(self, settings: Settings, broker: EmbeddedBroker | OutsideBroker) -> None:
        address = broker.address
        username, password = address.username, address.password
        if isinstance(broker, EmbeddedBroker):
            username, password = SIMULATOR, broker.credentials.password(SIMULATOR)
        self._environment = {
            **os.environ,
            "ANDON_SIM_BROKER_HOST": address.host,
            "ANDON_SIM_BROKER_PORT": str(address.port),
            "ANDON_SIM_BROKER_USERNAME": username,
            "ANDON_SIM_BROKER_PASSWORD": password,
            "ANDON_SIM_LOOMS": str(settings.demo_looms),
            "ANDON_SIM_HEALTH_HOST": settings.host,
            "ANDON_SIM_HEALTH_PORT": str(settings.simulator_health_port),
            "ANDON_SIM_LOG_LEVEL": settings.log_level,
        }
        self.state = "stopped"
        self.restarts = 0
        self._process: asyncio.subprocess.Process | None = None
        self._watcher: asyncio.Task[None] | None = None

    @property
    def pid(self) -> int | None:
        """Process id of the child while it lives."""
        alive = self._process is not None and self._process.returncode is None
        return self._process.pid if alive and self._process else None

    async def start(self) -> None:
        """Start the child; it connects by itself when the broker is there."""
        await self._launch()
        self._watcher = asyncio.create_task(self._watch(), name="simulator watcher")

    async def stop(self) -> None:
        """Ask the child to go, and make it go when it does not."""
        if self._watcher:
            await end_tasks(self._watcher)
        if self._process:
            await end(self._process, STOP_PATIENCE_S)
        self.state = "stopped"

    async def _launch(self) -> None:
        self._process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "andon.simulator",
            stdin=asyncio.subprocess.DEVNULL,
            env=self._environment,
            start_new_session=True,
            preexec_fn=die_with_parent(),
        )
        self.state = "running"

    async def _watch(self) -> None:
        backoff = FIRST_BACKOFF_S
        while self._process:
            code = await self._process.wait()
            if code == CANNOT_START:
                self.state = "failed"
                logger.error("the simulator cannot start; its own line above says why")
                return
            self.state = "restarting"
            self.restarts += 1
            logger.warning("the simulator ended, starting it again", extra={"code": code, "restarts": self.restarts})
            await asyncio.sleep(backoff)
            backoff = min(2 * backoff, MAX_BACKOFF_S)
            await self._launch()
