"""What the system page, the health body and `system-status` are told about this plant."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from sqlalchemy import text

from andon import __version__
from andon.api.context import ApiContext, BrokerAccess, Dependency, RoleStatus
from andon.api.health import overall, probe_all
from andon.api.system import plant_figures
from andon.engines.broker.credentials import DEVICE
from andon.engines.livestate.redis_publisher import RedisPublisher
from andon.engines.log.port import SENSORS_DATA
from andon.kit.clock import now_us, to_iso

if TYPE_CHECKING:
    from andon.app.plant import Plant


def build_context(plant: Plant) -> ApiContext:
    """The API's view of the plant; everything in it is asked for when it is shown."""
    settings, broker = plant.settings, plant.broker
    return ApiContext(
        started_at=plant.started_at,
        directory=plant.directory,
        livestate=plant.livestate,
        alarms=plant.alarms,
        ingest=plant.ingest,
        log=plant.log,
        views=plant.views,
        dependencies=_dependencies(plant),
        roles=lambda: _roles(plant),
        storage=lambda: _storage(plant),
        clients=lambda: _clients(plant),
        rates=lambda: _rates(plant),
        broker=BrokerAccess(settings.host, broker.port, DEVICE, broker.credentials.password(DEVICE)),
        ready=lambda: plant.ready,
        requests=plant.requests,
    )


def _dependencies(plant: Plant) -> dict[str, Dependency]:
    async def database() -> str:
        def ask() -> None:
            with plant.database.reading() as session:
                session.execute(text("SELECT 1"))

        await asyncio.to_thread(ask)
        return "healthy"

    async def log() -> str:
        await plant.log.end(SENSORS_DATA)
        return "healthy" if plant.log.failure is None else "unhealthy"

    async def historian() -> str:
        await plant.history_store.position()
        return "unhealthy" if plant.states.get("historian") == "failed" else "healthy"

    async def broker() -> str:
        return "healthy" if plant.broker.state == "running" and plant.ingest.broker_connected else "degraded"

    async def redis() -> str:
        shared = plant.livestate
        return "degraded" if isinstance(shared, RedisPublisher) and shared.problem else "healthy"

    found = {"database": database, "log": log, "historian": historian, "broker": broker}
    return {**found, "redis": redis} if isinstance(plant.livestate, RedisPublisher) else found


def _roles(plant: Plant) -> list[RoleStatus]:
    children = {"broker": plant.broker, "simulator": plant.simulator}
    found = []
    for name, state in plant.states.items():
        child = children.get(name)
        if child is not None:
            found.append(RoleStatus(name, child.state, child.restarts, child.pid, "a process of its own"))
        elif name not in children:
            found.append(RoleStatus(name, state, detail="in the server"))
    return found


async def _storage(plant: Plant) -> dict[str, Any]:
    history = await plant.historian.size()
    database = plant.settings.data_dir / "andon.db"
    return {
        "samples": history.samples,
        "historyBytes": history.bytes,
        "databaseBytes": database.stat().st_size if database.exists() else None,
        "freeBytes": shutil.disk_usage(plant.settings.data_dir).free,
    }


async def _clients(plant: Plant) -> dict[str, int | None]:
    broker = await plant.broker.stats()
    return {**plant.realtime.counts(), "mqtt": broker.clients if broker else None}


def _rates(plant: Plant) -> dict[str, float]:
    return {**plant.ingest.rates(), "deliveredPerSecond": plant.realtime.messages_per_second()}


async def plant_status(context: ApiContext, organisation_id: str) -> Mapping[str, Any]:
    """S1's `system:metrics`, with the health of Andon."""
    figures = plant_figures(context, organisation_id)
    return {**figures, "systemHealth": overall(await probe_all(context)), "timestamp": to_iso(now_us())}


async def health_body(context: ApiContext) -> Mapping[str, Any]:
    """What `factory-plus/system/health` says."""
    dependencies = await probe_all(context)
    return {
        "status": overall(dependencies),
        "version": __version__,
        "dependencies": dependencies,
        "timestamp": to_iso(now_us()),
    }
