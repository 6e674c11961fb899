"""`andon run broker simulator`: processes that need neither log nor database, and what they tell of themselves."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from andon import __version__
from andon.api.exposition import MEDIA_TYPE, ProcessFigures, exposition
from andon.app.banner import show_addresses
from andon.app.brokers import embedded_broker, open_broker
from andon.app.settings import Settings
from andon.app.simulator_child import SimulatorChild
from andon.app.stopping import stop_on_signals, until_stopped
from andon.app.topology import Topology
from andon.engines.broker.embedded import EmbeddedBroker
from andon.kit.clock import now_us, to_iso
from andon.kit.errors import StartError
from andon.observability.plain_http import Answer, plain_pages


async def serve_machines(settings: Settings, topology: Topology) -> None:
    """Until a signal ends it. StartError says what is wrong."""
    stopping = stop_on_signals()
    async with machines(settings, topology) as said:
        show_addresses(said)
        await until_stopped(stopping)


@asynccontextmanager
async def machines(settings: Settings, topology: Topology) -> AsyncIterator[dict[str, str]]:
    """Run broker and simulator, those of them that are wanted; yields where they are. StartError says what is wrong."""
    async with contextlib.AsyncExitStack() as stack:
        here = "broker" in topology.roles
        broker = embedded_broker(settings) if here else open_broker(settings, topology)
        await broker.start()
        stack.push_async_callback(broker.stop)
        said = {}
        if isinstance(broker, EmbeddedBroker):
            said["broker"] = f"mqtt://{broker.address.host}:{broker.address.port}"
            if settings.broker_health_port:
                await stack.enter_async_context(broker_pages(broker, settings.host, settings.broker_health_port))
        if "simulator" in topology.roles:
            simulator = SimulatorChild(settings, broker)
            await simulator.start()
            stack.push_async_callback(simulator.stop)
            said["simulator"] = f"http://{settings.host}:{settings.simulator_health_port}"
        yield said


@asynccontextmanager
async def broker_pages(broker: EmbeddedBroker, host: str, port: int) -> AsyncIterator[int]:
    """`/health` and `/metrics` of a broker that runs alone; yields the port. StartError when it is taken."""

    async def health() -> Answer:
        running = broker.state == "running"
        body = {
            "status": "healthy" if running else "unhealthy",
            "timestamp": to_iso(now_us()),
            "version": __version__,
            "restarts": broker.restarts,
        }
        return Answer.json(body, 200 if running else 503)

    async def metrics() -> Answer:
        figures = ProcessFigures({"broker": broker.state}, {}, {}, await broker.stats())
        return Answer(exposition(figures), MEDIA_TYPE)

    async with contextlib.AsyncExitStack() as stack:
        try:
            opened = await stack.enter_async_context(plain_pages(host, port, {"/health": health, "/metrics": metrics}))
        except OSError as error:
            raise StartError(
                f"port {port} on {host} cannot be had: {error.strerror}",
                field="broker_health_port",
                cure="end what uses it, or set another ANDON_BROKER_HEALTH_PORT; 0 switches it off",
            ) from error
        yield opened
