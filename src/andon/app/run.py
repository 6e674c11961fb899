"""`andon up`: checks first, and only then loads what serves: who cannot start is told at once."""

from __future__ import annotations

import contextlib
import logging
import os

import uvloop

from andon.app.guards import bind, check_admin_password, claim_data_dir, free_port
from andon.app.lean import lean
from andon.app.settings import Settings
from andon.app.tuning import collect_rarely, keep_freed_memory
from andon.kit.errors import StartError
from andon.observability.logs import setup_logging

logger = logging.getLogger(__name__)


def prepare_process(settings: Settings) -> None:
    """What every process of Andon does first. StartError when the chosen password will not do."""
    setup_logging(settings.log_level, json=settings.log_json)
    keep_freed_memory()
    collect_rarely()
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
        with lean():
            from andon.app.serve_all import serve
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
