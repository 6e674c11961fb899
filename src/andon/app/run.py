"""`andon up`: checks first, then starts every role, and ends them all on Ctrl-C or SIGTERM."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import logging
import os
import socket

import uvloop

from andon.app.banner import show_banner
from andon.app.guards import bind, check_admin_password, claim_data_dir, free_port
from andon.app.plant import build_plant
from andon.app.roles import running
from andon.app.serving import serving, stop_on_signals, until_stopped
from andon.app.settings import Settings
from andon.app.tuning import collect_now_and_then, keep_freed_memory, spare_the_collector
from andon.app.web import build_asgi
from andon.kit.errors import StartError
from andon.observability.logs import setup_logging

logger = logging.getLogger(__name__)


def prepare_process(settings: Settings) -> None:
    """What every process of Andon does first. StartError when the chosen password will not do."""
    gc.enable()  # see `lean`: everything is imported
    setup_logging(settings.log_level, json=settings.log_json)
    keep_freed_memory()
    os.umask(0o077)  # what the plant measures and who works in it is nobody else's on this machine
    check_admin_password(settings)


def run_up(settings: Settings) -> None:
    """Run until a signal ends it. StartError when the data folder or a port cannot be had: nothing was started."""
    prepare_process(settings)
    with contextlib.ExitStack() as stack:
        http = stack.enter_context(bind(settings.host, settings.port, setting="port"))
        mqtt_port = free_port(settings.host, settings.mqtt_port, setting="mqtt_port")
        stack.enter_context(claim_data_dir(settings.data_dir))
        ports = {"port": http.getsockname()[1], "mqtt_port": mqtt_port}
        if settings.demo:
            ports["simulator_health_port"] = health_port(settings)
        chosen = settings.model_copy(update=ports)
        uvloop.run(serve(chosen, http))


def health_port(settings: Settings) -> int:
    """The demo must not fail because something else has the simulator's usual port: then it takes a free one."""
    if settings.simulator_health_port == 0:
        return 0
    try:
        return free_port(settings.host, settings.simulator_health_port, setting="simulator_health_port")
    except StartError as error:
        port = free_port(settings.host, 0, setting="simulator_health_port")
        logger.warning(error.message, extra={"simulator_health_port": port})
        return port


async def serve(settings: Settings, http: socket.socket) -> None:
    """Start the roles, then the web server; on a signal stop them in the opposite order."""
    stopping = stop_on_signals()
    plant = await build_plant(settings)
    async with contextlib.AsyncExitStack() as stack:
        stack.push_async_callback(plant.close)
        await stack.enter_async_context(running(plant))
        server = await stack.enter_async_context(serving(build_asgi(plant), http))
        await asyncio.to_thread(plant.ensure_admin)
        plant.ready = True
        spare_the_collector()
        show_banner(plant)
        collecting = asyncio.create_task(collect_now_and_then(), name="collector")
        stack.callback(collecting.cancel)
        await until_stopped(stopping, server)
        plant.ready = False
        logger.info("stopping")
