"""`andon run ROLE…`: some roles in this process, the others in processes that share the engines with it."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import socket
import sys
from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping

import uvloop

from andon.app.guards import bind, claim_data_dir, free_port
from andon.app.machines import machines
from andon.app.plant import Plant, build_plant
from andon.app.roles import in_order, running
from andon.app.run import health_port, prepare_process
from andon.app.serving import serving, stop_on_signals, until_stopped
from andon.app.settings import Settings
from andon.app.topology import PLANT_ROLES, Topology
from andon.app.tuning import collect_now_and_then, spare_the_collector
from andon.app.web import build_role_asgi
from andon.engines.broker.embedded import ANYWHERE
from andon.kit.errors import UnavailableError

logger = logging.getLogger(__name__)

RETRY_S = 1.0


def run_roles(settings: Settings, wanted: Iterable[str]) -> None:
    """Run until a signal ends it. StartError, before anything starts, for what is missing or taken."""
    topology = Topology.of(settings, wanted)
    prepare_process(settings)
    with contextlib.ExitStack() as stack:
        if "broker" in topology.roles:
            port = free_port(settings.host, settings.mqtt_port, setting="mqtt_port")
            settings = settings.model_copy(update={"mqtt_port": port})
        if "simulator" in topology.roles:
            settings = settings.model_copy(update={"simulator_health_port": health_port(settings)})
        listening = {role: stack.enter_context(_bind(settings, role)) for role in _serving(topology)}
        if _owns_files(topology, settings):
            stack.enter_context(claim_data_dir(settings.data_dir))
        if topology.roles & PLANT_ROLES:
            uvloop.run(_serve(settings, topology, listening))
        else:
            uvloop.run(_serve_machines(settings, topology))


def _serving(topology: Topology) -> list[str]:
    return [role for role in in_order(topology.roles) if role in PLANT_ROLES]


def _bind(settings: Settings, role: str) -> socket.socket:
    name = f"{role}_port"
    return bind(settings.host, getattr(settings, name), setting=name)


def _owns_files(topology: Topology, settings: Settings) -> bool:
    """Whether something in the data folder is this process's alone."""
    embedded_history = "historian" in topology.roles and settings.historian == "embedded"
    return topology.alone or "broker" in topology.roles or embedded_history


async def _serve(settings: Settings, topology: Topology, listening: Mapping[str, socket.socket]) -> None:
    stopping = stop_on_signals()
    urls = dict(_urls(settings, listening))
    async with contextlib.AsyncExitStack() as stack:
        plant = await _started(stack, lambda: build_plant(settings, topology), urls, stopping)
        if plant is None:
            return
        servers = [
            await stack.enter_async_context(serving(build_role_asgi(plant, role), sock))
            for role, sock in listening.items()
        ]
        if plant.runs("api"):
            await asyncio.to_thread(plant.ensure_admin)
        plant.ready = True
        spare_the_collector()
        collecting = asyncio.create_task(collect_now_and_then(), name="collector")
        stack.callback(collecting.cancel)
        _say(plant.urls, plant.generated_password)
        await until_stopped(stopping, *servers)
        plant.ready = False
        logger.info("stopping")


async def _started(
    stack: contextlib.AsyncExitStack,
    build: Callable[[], Awaitable[Plant]],
    urls: Mapping[str, str],
    stopping: asyncio.Event,
) -> Plant | None:
    """A plant whose roles run; engines that are away for a moment are waited for. None when it is to stop meanwhile.

    StartError for what waiting does not mend.
    """
    waiting = False
    while not stopping.is_set():
        async with contextlib.AsyncExitStack() as attempt:
            plant = await build()
            attempt.push_async_callback(plant.close)
            plant.urls.update(urls)
            try:
                await attempt.enter_async_context(running(plant))
            except UnavailableError as error:
                if not waiting:
                    logger.warning("waiting for what the roles need", extra={"error": error.message})
                waiting = True
            else:
                stack.push_async_exit(attempt.pop_all())
                return plant
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(RETRY_S):
                await stopping.wait()
    return None


async def _serve_machines(settings: Settings, topology: Topology) -> None:
    """Broker and simulator need neither log nor database."""
    stopping = stop_on_signals()
    async with machines(settings, topology) as said:
        _say(said, None)
        await until_stopped(stopping)


def _urls(settings: Settings, listening: Mapping[str, socket.socket]) -> Iterator[tuple[str, str]]:
    """Where the other processes reach each role."""
    own = socket.gethostname() if settings.host in ANYWHERE else settings.host
    host = settings.advertise_host or own
    for role, sock in listening.items():
        yield role, f"http://{host}:{sock.getsockname()[1]}"


def _say(urls: Mapping[str, str], password: str | None) -> None:
    lines = [f"  Andon {role:<11} {url}" for role, url in urls.items()]
    if password:
        lines.append(f"  Sign in           admin / {password}   (generated, shown only now)")
    sys.stdout.write("\n".join(["", *lines, "  Stop              Ctrl-C", ""]) + "\n")
    sys.stdout.flush()
