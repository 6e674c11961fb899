"""`andon up`: checks first, then starts every role, and ends them all on Ctrl-C or SIGTERM."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import signal
import socket
from collections.abc import Iterator

import uvicorn
import uvloop

from andon.app.banner import show_banner
from andon.app.guards import bind, check_admin_password, claim_data_dir, free_port
from andon.app.plant import Plant, build_plant
from andon.app.roles import running
from andon.app.settings import LOOPBACK, Settings
from andon.app.tuning import collect_now_and_then, keep_freed_memory, spare_the_collector
from andon.app.web import build_asgi
from andon.kit.errors import StartError
from andon.observability.logs import setup_logging

logger = logging.getLogger(__name__)

HTTP_SHUTDOWN_S = 2


class QuietServer(uvicorn.Server):
    """uvicorn without signal handlers of its own: the roles around it end with it, in order."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Leave the signals to `serve`."""
        yield


def run_up(settings: Settings) -> None:
    """Run until a signal ends it. StartError when the data folder or a port cannot be had: nothing was started."""
    setup_logging(settings.log_level, json=settings.log_json)
    keep_freed_memory()
    os.umask(0o077)  # what the plant measures and who works in it is nobody else's on this machine
    check_admin_password(settings)
    with contextlib.ExitStack() as stack:
        http = stack.enter_context(bind(settings.host, settings.port, setting="port"))
        mqtt_port = free_port(settings.host, settings.mqtt_port, setting="mqtt_port")
        stack.enter_context(claim_data_dir(settings.data_dir))
        ports = {"port": http.getsockname()[1], "mqtt_port": mqtt_port}
        if settings.demo:
            ports["simulator_health_port"] = _health_port(settings)
        chosen = settings.model_copy(update=ports)
        uvloop.run(serve(chosen, http))


def _health_port(settings: Settings) -> int:
    """The demo must not fail because something else has the simulator's usual port: then it takes a free one."""
    if settings.simulator_health_port == 0:
        return 0
    try:
        return free_port(LOOPBACK, settings.simulator_health_port, setting="simulator_health_port")
    except StartError as error:
        port = free_port(LOOPBACK, 0, setting="simulator_health_port")
        logger.warning(error.message, extra={"simulator_health_port": port})
        return port


async def serve(settings: Settings, http: socket.socket) -> None:
    """Start the roles, then the web server; on a signal stop them in the opposite order."""
    stopping = _stop_on_signals()
    plant = await build_plant(settings)
    async with contextlib.AsyncExitStack() as stack:
        stack.push_async_callback(plant.close)
        await stack.enter_async_context(running(plant))
        server = QuietServer(_uvicorn_config(plant, settings))
        serving = asyncio.create_task(server.serve(sockets=[http]))
        stack.push_async_callback(_stop_server, server, serving)
        await _until_listening(server, serving)
        await asyncio.to_thread(plant.ensure_admin)
        plant.ready = True
        spare_the_collector()
        show_banner(plant)
        collecting = asyncio.create_task(collect_now_and_then(), name="collector")
        stack.callback(collecting.cancel)
        await asyncio.wait({serving, asyncio.create_task(stopping.wait())}, return_when=asyncio.FIRST_COMPLETED)
        plant.ready = False
        logger.info("stopping")


def _uvicorn_config(plant: Plant, settings: Settings) -> uvicorn.Config:
    return uvicorn.Config(
        build_asgi(plant, settings),
        http="httptools",
        ws="websockets-sansio",
        lifespan="off",
        log_config=None,
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=HTTP_SHUTDOWN_S,
        ws_ping_interval=20,
        ws_ping_timeout=20,
    )


def _stop_on_signals() -> asyncio.Event:
    stopping = asyncio.Event()
    loop = asyncio.get_running_loop()
    for name in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(name, stopping.set)
    return stopping


async def _until_listening(server: uvicorn.Server, serving: asyncio.Task[None]) -> None:
    while not server.started:
        await asyncio.wait({serving}, timeout=0.01)
        if serving.done():
            serving.result()
            raise RuntimeError("the web server ended before it listened")


async def _stop_server(server: uvicorn.Server, serving: asyncio.Task[None]) -> None:
    server.should_exit = True
    await serving
