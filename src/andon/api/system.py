"""`/metrics/dashboard`, `/metrics/system`, `/status`: the plant's key figures and how Andon itself is doing."""

from __future__ import annotations

import os
from dataclasses import asdict
from typing import Annotated, Any

import psutil
from fastapi import APIRouter, Depends

from andon import __version__
from andon.api.context import ApiContext, RoleStatus, context
from andon.api.health import overall, probe_all
from andon.api.plant_figures import plant_figures
from andon.api.system_schemas import Dashboard, SystemMetrics, SystemStatus
from andon.engines.log.port import DEAD_LETTERS
from andon.engines.log.reading import count
from andon.identity.guard import requires
from andon.identity.model import Principal
from andon.kit.clock import US_PER_S, now_us, to_iso
from andon.kit.contract import answers
from andon.kit.envelope import success

router = APIRouter(tags=["metrics and system"])

Context = Annotated[ApiContext, Depends(context)]
Reader = Annotated[Principal, Depends(requires("data:read"))]
SystemReader = Annotated[Principal, Depends(requires("system:read"))]


@router.get("/metrics/dashboard", summary="The key figures of the overview page")
@answers(Dashboard)
async def dashboard(state: Context, principal: Reader) -> dict[str, Any]:
    """S1's `system:metrics` with the counts by severity."""
    figures = plant_figures(state, principal.organisation_id)
    health = overall(await probe_all(state))
    return success({**figures, "systemHealth": health, "timestamp": to_iso(now_us())})


@router.get("/status", summary="The system in one look")
@answers(SystemStatus)
async def status(state: Context, principal: Reader) -> dict[str, Any]:
    """Version, uptime, health, and the plant's counts."""
    health = overall(await probe_all(state))
    uptime = (now_us() - state.started_at) // US_PER_S
    figures = plant_figures(state, principal.organisation_id)
    return success({"status": health, "version": __version__, "uptime": uptime, **figures})


def _role(role: RoleStatus) -> dict[str, Any]:
    """A role; what it uses is known when it has a process of its own."""
    cpu, rss = role.cpu_percent, role.rss_mb
    if role.pid is not None and rss is None:
        try:
            process = _process(role.pid)
            cpu, rss = process.cpu_percent(), round(process.memory_info().rss / 1e6, 1)
        except psutil.Error:
            _processes.pop(role.pid, None)
    return {
        "name": role.name,
        "state": role.state,
        "restarts": role.restarts,
        "pid": role.pid,
        "detail": role.detail,
        "cpuPercent": cpu,
        "rssMb": rss,
    }


# psutil measures CPU between two calls on the same object, so the objects are kept: one a process, a handful in all.
_processes: dict[int, psutil.Process] = {}


def _process(pid: int) -> psutil.Process:
    if pid not in _processes:
        _processes[pid] = psutil.Process(pid)
    return _processes[pid]


@router.get("/metrics/system", summary="How Andon itself is doing: roles, rates, queues, storage, clients")
@answers(SystemMetrics)
async def system(state: Context, principal: SystemReader) -> dict[str, Any]:
    """Everything that the system page shows."""
    log = await state.log.status()
    streams = [asdict(stream) for stream in log.streams]
    dependencies = await probe_all(state)
    own = _process(os.getpid())
    data = {
        "version": __version__,
        "health": overall(dependencies),
        "uptimeSeconds": (now_us() - state.started_at) // US_PER_S,
        "roles": [_role(role) for role in state.roles()],
        "rates": state.rates(),
        "streams": streams,
        "storage": {**await state.storage(), "logBytes": log.file_bytes},
        "clients": await state.clients(),
        "deadLetters": {"total": await count(state.log, DEAD_LETTERS)},
        "process": {
            "pid": own.pid,
            "rssMb": round(own.memory_info().rss / 1e6, 1),
            "cpuPercent": own.cpu_percent(),
        },
        "dependencies": dependencies,
        "timestamp": to_iso(now_us()),
    }
    return success(data)
