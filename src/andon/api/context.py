"""What the API's own endpoints stand on: one object on `request.app.state`, built by the composition root."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

from fastapi import Request

from andon.api.middleware import RequestStats
from andon.kit.outage import Outage

if TYPE_CHECKING:
    from andon.alarms.reader import AlarmReader
    from andon.api.device_views import DeviceViews
    from andon.api.exposition import ProcessFigures
    from andon.engines.livestate.port import LiveState
    from andon.engines.log.port import Log
    from andon.registry.directory import Directory


class Dependency(Protocol):
    """Something that Andon needs to be healthy."""

    async def __call__(self) -> str:
        """`healthy` or `degraded`; raises when it is down."""
        ...


@dataclass(slots=True)
class RoleStatus:
    """How one role is doing, for the system page."""

    name: str
    state: str
    restarts: int = 0
    pid: int | None = None
    detail: str = ""
    cpu_percent: float | None = None
    rss_mb: float | None = None


@dataclass(slots=True)
class BrokerAccess:
    """How a device reaches the MQTT broker."""

    host: str
    port: int
    username: str
    password: str = field(repr=False)


@dataclass(slots=True)
class ApiContext:
    """The services and probes behind `/devices`, `/metrics`, `/system` and `/health`."""

    started_at: int
    directory: Directory
    livestate: LiveState
    alarms: AlarmReader
    discovered: Callable[[str], int]
    log: Log
    views: DeviceViews
    dependencies: dict[str, Dependency]
    roles: Callable[[], list[RoleStatus]]
    storage: Callable[[], Awaitable[dict[str, Any]]]
    clients: Callable[[], Awaitable[dict[str, int | None]]]
    rates: Callable[[], dict[str, float]]
    broker: BrokerAccess
    ready: Callable[[], bool]
    figures: Callable[[], Awaitable[ProcessFigures]]
    requests: RequestStats = field(default_factory=RequestStats)
    outages: dict[str, Outage] = field(default_factory=dict)
    """Dependencies that failed when they were last asked."""


def context(request: Request) -> ApiContext:
    """The context of the running application."""
    found: ApiContext = request.app.state.context
    return found
