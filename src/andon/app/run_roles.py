"""`andon run ROLE…`: some roles in this process, the others in processes that share the engines with it.

Checks first, and only then loads what serves, as `run` does.
"""

from __future__ import annotations

import contextlib
import socket
from collections.abc import Iterable

import uvloop

from andon.app.guards import bind, claim_data_dir, free_port
from andon.app.lean import lean
from andon.app.run import health_port, prepare_process
from andon.app.settings import Settings
from andon.app.topology import ALL_ROLES, PLANT_ROLES, Topology


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
        if not topology.roles & PLANT_ROLES:
            from andon.app.machines import serve_machines

            uvloop.run(serve_machines(settings, topology))
            return
        with lean(live="realtime" in topology.roles):
            from andon.app.serve_roles import serve
        uvloop.run(serve(settings, topology, listening))


def _serving(topology: Topology) -> list[str]:
    return [role for role in ALL_ROLES if role in topology.roles & PLANT_ROLES]


def _bind(settings: Settings, role: str) -> socket.socket:
    name = f"{role}_port"
    return bind(settings.host, getattr(settings, name), setting=name)


def _owns_files(topology: Topology, settings: Settings) -> bool:
    """Whether something in the data folder is this process's alone."""
    embedded_history = "historian" in topology.roles and settings.historian == "embedded"
    return topology.alone or "broker" in topology.roles or embedded_history
