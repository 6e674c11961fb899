"""`andon up` once nothing stands in its way: starts every role, and ends them all on Ctrl-C or SIGTERM."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import socket

from andon.app.banner import show_banner
from andon.app.plant import build_plant
from andon.app.roles import running
from andon.app.serving import serving
from andon.app.settings import Settings
from andon.app.stopping import stop_on_signals, unless_stopped, until_stopped
from andon.app.tuning import collect_now_and_then, spare_the_collector
from andon.app.web import build_asgi

logger = logging.getLogger(__name__)


async def serve(settings: Settings, http: socket.socket) -> None:
    """Start the roles, then the web server; on a signal stop them in the opposite order."""
    stopping = stop_on_signals()
    plant = await unless_stopped(stopping, build_plant(settings))
    if plant is None:
        return
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
