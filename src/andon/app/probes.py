"""What the system page, the health body and `system-status` are told about this plant."""

from __future__ import annotations

import asyncio
import os
import shutil
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

import psutil
from sqlalchemy import text

from andon import __version__
from andon.api.context import ApiContext, BrokerAccess, Dependency, RoleStatus
from andon.api.exposition import ProcessFigures
from andon.api.health import overall, probe_all
from andon.api.plant_figures import plant_figures
from andon.app.fleet import RoleBeat
from andon.engines.broker.credentials import DEVICE
from andon.engines.broker.embedded import EmbeddedBroker
from andon.engines.livestate.redis_follower import RedisFollower
from andon.engines.livestate.redis_publisher import RedisPublisher
from andon.engines.log.port import SENSORS_DATA
from andon.kit.clock import now_us, to_iso
from andon.kit.errors import UnavailableError

if TYPE_CHECKING:
    from andon.app.plant import Plant

LAG_TIMEOUT_S = 2.0

_own = psutil.Process(os.getpid())


def build_context(plant: Plant) -> ApiContext:
    """The API's view of the plant; everything in it is asked for when it is shown."""
    return ApiContext(
        started_at=plant.started_at,
        directory=plant.directory,
        livestate=plant.livestate,
        alarms=plant.alarm_reader,
        discovered=lambda organisation_id: _discovered(plant, organisation_id),
        log=plant.log,
        views=plant.views,
        dependencies=_dependencies(plant),
        roles=lambda: _roles(plant),
        storage=lambda: _storage(plant),
        clients=lambda: _clients(plant),
        rates=lambda: _rates(plant),
        broker=_broker_access(plant),
        ready=lambda: plant.ready,
        figures=lambda: process_figures(plant),
        requests=plant.requests,
    )


def _broker_access(plant: Plant) -> BrokerAccess:
    settings, broker = plant.settings, plant.broker
    if isinstance(broker, EmbeddedBroker):
        return BrokerAccess(settings.host, broker.port, DEVICE, broker.credentials.password(DEVICE))
    password = settings.mqtt_device_password
    shown = password.get_secret_value() if password is not None else ""
    return BrokerAccess(broker.address.host, broker.address.port, settings.mqtt_device_username or "", shown)


# Health


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
        await plant.engines.history.position()
        if plant.states.get("historian") == "failed":
            return "unhealthy"
        if plant.runs("api") and not _is_there(plant, "historian"):
            return "degraded"
        # Such as a full disk: what is not in files yet is in the log.
        return "degraded" if getattr(plant.engines.history, "failure", None) else "healthy"

    async def broker() -> str:
        return "healthy" if plant.broker.state == "running" and _connected(plant) else "degraded"

    async def redis() -> str:
        return "degraded" if _redis_problem(plant) else "healthy"

    found: dict[str, Dependency] = {"database": database, "log": log}
    if plant.engines.store is not None:
        found["historian"] = historian
    if plant.runs("ingest") or plant.runs("realtime"):
        found["broker"] = broker
    if plant.settings.redis_url is not None:
        found["redis"] = redis
    return _elsewhere(plant) | found


def _elsewhere(plant: Plant) -> dict[str, Dependency]:
    """For the front door: whether the roles that it hands requests to run in other processes."""

    def there(role: str) -> Dependency:
        async def ask() -> str:
            return "healthy" if _is_there(plant, role) else "degraded"

        return ask

    if plant.topology.alone or not plant.runs("api"):
        return {}
    return {role: there(role) for role in ("ingest", "alerts", "realtime", "historian") if not plant.runs(role)}


def _is_there(plant: Plant, role: str) -> bool:
    return plant.topology.alone or plant.runs(role) or bool(plant.fleet.urls(role))


def _connected(plant: Plant) -> bool:
    takes_in = plant.runs("ingest") and plant.states.get("ingest") != "standby"
    return plant.ingest.broker_connected if takes_in else plant.outlet.connected


def _redis_problem(plant: Plant) -> str | None:
    state = plant.livestate
    if isinstance(state, RedisPublisher):
        return state.problem
    if isinstance(state, RedisFollower):
        return state.status.problem or (None if state.status.state == "following" else state.status.state)
    return None


# Roles and their figures, here and in other processes


def beats(plant: Plant) -> list[RoleBeat]:
    """What this process tells the others of its roles."""
    used = {"cpuPercent": _own.cpu_percent(), "rssMb": round(_own.memory_info().rss / 1e6, 1)}
    return [
        RoleBeat(
            plant.process.name,
            role,
            state,
            plant.urls.get(role),
            figures={**_figures(plant, role), **_lag(plant, role), **used},
        )
        for role, state in plant.states.items()
    ]


def _lag(plant: Plant, role: str) -> Mapping[str, Any]:
    return {"lag": plant.told_lags[role]} if role in plant.told_lags else {}


def _figures(plant: Plant, role: str) -> Mapping[str, Any]:
    """What a role of this process counts."""
    if role == "ingest":
        organisations = {*plant.directory.organisations(), plant.directory.default_organisation}
        found = {each: len(plant.ingest.discovery.devices(each)) for each in organisations}
        shard = {"shard": plant.settings.ingest_shard, "shards": plant.settings.ingest_shards}
        return {**plant.ingest.rates(), **shard, "discovered": found}
    if role == "realtime":
        return {**plant.realtime.counts(), "deliveredPerSecond": plant.realtime.messages_per_second()}
    return {}


def _all_figures(plant: Plant, role: str) -> Iterator[Mapping[str, Any]]:
    if plant.runs(role):
        yield _figures(plant, role)
    for beat in plant.others(role):
        yield beat.figures


def _sum(plant: Plant, role: str, name: str) -> float:
    return float(sum(figures.get(name, 0) for figures in _all_figures(plant, role)))


def _discovered(plant: Plant, organisation_id: str) -> int:
    return sum(figures.get("discovered", {}).get(organisation_id, 0) for figures in _all_figures(plant, "ingest"))


def _roles(plant: Plant) -> list[RoleStatus]:
    return _own_roles(plant) + [_other(beat) for beat in _beats_of_others(plant)]


def _own_roles(plant: Plant) -> list[RoleStatus]:
    children = {"broker": plant.broker, "simulator": plant.simulator}
    found = []
    for name, state in plant.states.items():
        child = children.get(name)
        if child is not None:
            found.append(RoleStatus(name, child.state, child.restarts, child.pid, "a process of its own"))
        elif name not in children:
            found.append(RoleStatus(name, state, detail="in the server"))
    return found


async def process_figures(plant: Plant) -> ProcessFigures:
    """What Prometheus is told of this process."""
    try:
        async with asyncio.timeout(LAG_TIMEOUT_S):
            lags = await plant.own_lags()
    except (UnavailableError, OSError, TimeoutError):
        lags = {}  # the log is away
    broker = await plant.broker.stats() if plant.runs("broker") else None
    roles = {role.name: role.state for role in _own_roles(plant)}
    return ProcessFigures(roles, plant.consuming(), lags, broker)


def _beats_of_others(plant: Plant) -> list[RoleBeat]:
    if plant.topology.alone:
        return []
    return sorted(
        (beat for beat in plant.fleet.beats() if beat.process != plant.process.name),
        key=lambda beat: (beat.role, beat.process),
    )


def _other(beat: RoleBeat) -> RoleStatus:
    cpu, rss = beat.figures.get("cpuPercent"), beat.figures.get("rssMb")
    return RoleStatus(beat.role, beat.state, 0, beat.pid, f"process {beat.pid} on {beat.host}", cpu, rss)


async def _storage(plant: Plant) -> dict[str, Any]:
    history = await plant.historian.size() if plant.engines.store is not None else None
    database = plant.settings.data_dir / "andon.db"
    folder = plant.settings.data_dir
    return {
        "samples": history.samples if history else None,
        "historyBytes": history.bytes if history else None,
        "databaseBytes": database.stat().st_size if database.exists() else None,
        "freeBytes": shutil.disk_usage(folder if folder.exists() else folder.absolute().anchor).free,
    }


async def _clients(plant: Plant) -> dict[str, int | None]:
    broker = await plant.broker.stats()
    counts = {name: round(_sum(plant, "realtime", name)) for name in ("socketio", "websocket")}
    return {**counts, "mqtt": broker.clients if broker else None}


def _rates(plant: Plant) -> dict[str, float]:
    names = ("messagesPerSecond", "samplesPerSecond", "rejectedPerSecond")
    rates = {name: _sum(plant, "ingest", name) for name in names}
    return {**rates, "deliveredPerSecond": _sum(plant, "realtime", "deliveredPerSecond")}


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
