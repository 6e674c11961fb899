"""The simulated plant as one program: machines, their connections, and the health endpoint."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable
from contextlib import AsyncExitStack
from typing import Any

from andon import __version__
from andon.kit.clock import to_iso
from andon.kit.tasks import end_tasks
from andon.simulator.clock import machine_us
from andon.simulator.config import SimulatorConfig
from andon.simulator.health import health_endpoint
from andon.simulator.link import Link
from andon.simulator.publishers.looms import LoomPublisher
from andon.simulator.publishers.port import Publisher
from andon.simulator.publishers.press import PressPublisher
from andon.simulator.publishers.sensors import SensorPublisher

logger = logging.getLogger(__name__)

FLUSH_S = 1.0
"""How long a graceful stop waits for the broker to take the last messages."""


class Simulation:
    """The machines of one configuration, and what can be said about them."""

    def __init__(self, config: SimulatorConfig) -> None:
        publishers: list[Publisher] = []
        if config.devices:
            publishers.append(SensorPublisher(config))
        if config.looms.count:
            publishers.append(LoomPublisher(config))
        if config.press.enabled:
            publishers.append(PressPublisher(config))
        self.publishers = publishers
        self.links: list[Link] = [link for publisher in publishers for link in publisher.links]
        self._started = time.monotonic()

    def report(self) -> dict[str, Any]:
        """The body of `GET /health`: healthy when every machine reaches the broker, else degraded."""
        stats = [link.stats for link in self.links]
        connected = sum(stat.connected for stat in stats)
        all_there = connected == len(stats)
        return {
            "status": "healthy" if all_there else "degraded",
            "timestamp": to_iso(machine_us()),
            "version": __version__,
            "brokerConnected": all_there,
            "dependencies": {
                "mqtt": {
                    "status": "healthy" if all_there else "unhealthy",
                    "connected": connected,
                    "connections": len(stats),
                }
            },
            "metrics": {
                "uptime": round(time.monotonic() - self._started, 1),
                "measured": {publisher.kind: publisher.messages for publisher in self.publishers},
                "published": sum(stat.published for stat in stats),
                "acknowledged": sum(stat.acknowledged for stat in stats),
                "buffered": sum(stat.buffered for stat in stats),
                "dropped": sum(stat.dropped for stat in stats),
            },
        }

    async def run(self, stop: asyncio.Event) -> None:
        """Live until `stop` is set, then take leave of the broker: no will is published."""
        async with asyncio.TaskGroup() as tasks:
            connecting = [tasks.create_task(link.run()) for link in self.links]
            living = [tasks.create_task(publisher.run()) for publisher in self.publishers]
            await stop.wait()
            await end_tasks(*living)
            for publisher in self.publishers:
                publisher.farewell()
            await asyncio.gather(*(link.close(FLUSH_S) for link in self.links))
            await end_tasks(*connecting)


async def run_simulator(
    config: SimulatorConfig,
    stop: asyncio.Event | None = None,
    on_started: Callable[[Simulation, int | None], None] | None = None,
) -> None:
    """Simulate the plant until `stop` is set or the task is cancelled.

    The broker need not be there: it is looked for again and again. `on_started` receives the simulation and the port of
    the health endpoint (None: off). StartError when that port is taken.
    """
    simulation = Simulation(config)
    async with AsyncExitStack() as stack:
        port = None
        if config.health_port:
            endpoint = health_endpoint(config.health_host, config.health_port, simulation.report)
            port = await stack.enter_async_context(endpoint)
        logger.info("the plant runs", extra={"connections": len(simulation.links), "health_port": port})
        if on_started is not None:
            on_started(simulation, port)
        await simulation.run(stop or asyncio.Event())
    logger.info("the plant has stopped")
