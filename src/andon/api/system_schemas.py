"""What the API answers about itself: key figures, roles, queues, health."""

from __future__ import annotations

from typing import Any, Literal

from andon.api.schemas import NOW
from andon.kit.contract import Answer, example

Health = Literal["healthy", "degraded", "unhealthy"]

_FIGURES: dict[str, Any] = {
    "totalDevices": 5,
    "activeDevices": 5,
    "offlineDevices": 0,
    "unknownDevices": 0,
    "activeAlertsCount": 1,
    "alertsBySeverity": {"critical": 0, "high": 1, "medium": 0, "low": 0},
    "dataPointsLastHour": 8280,
    "discoveredDevices": 0,
}
_DEPENDENCIES = {name: {"status": "healthy", "responseTime": 0.4} for name in ("database", "log", "historian")}


class SeverityCounts(Answer):
    """Open alerts of each severity."""

    critical: int
    high: int
    medium: int
    low: int


class _PlantFigures(Answer):
    total_devices: int
    active_devices: int
    offline_devices: int
    unknown_devices: int
    active_alerts_count: int
    alerts_by_severity: SeverityCounts
    data_points_last_hour: int
    discovered_devices: int


class Dashboard(_PlantFigures):
    """The key figures of the plant."""

    model_config = example({**_FIGURES, "systemHealth": "healthy", "timestamp": NOW})

    system_health: Health
    timestamp: str


class SystemStatus(_PlantFigures):
    """The system in one look; `uptime` in seconds."""

    model_config = example({"status": "healthy", "version": "0.1.0", "uptime": 86400, **_FIGURES})

    status: Health
    version: str
    uptime: int


class Role(Answer):
    """One role; those inside the server have its process's figures and no pid of their own."""

    name: str
    state: str
    restarts: int
    pid: int | None
    detail: str
    cpu_percent: float | None
    rss_mb: float | None


class StreamGroup(Answer):
    """How far a consumer has come; `lag` records are before it."""

    group: str
    position: int
    lag: int


class Stream(Answer):
    """A partition of a stream of the log: its first and last position and its size."""

    stream: str
    partition: int
    first: int
    end: int
    bytes: int
    groups: list[StreamGroup]


class Storage(Answer):
    """Samples stored, bytes used and bytes free."""

    samples: int
    history_bytes: int
    database_bytes: int | None
    free_bytes: int
    log_bytes: int


class ClientCounts(Answer):
    """Who is connected; `mqtt` is null while the broker cannot be asked."""

    socketio: int
    websocket: int
    mqtt: int | None


class Rates(Answer):
    """Over the last ten seconds."""

    messages_per_second: float
    samples_per_second: float
    rejected_per_second: float
    delivered_per_second: float


class DeadLetterCount(Answer):
    """Dead letters kept so far."""

    total: int


class ServerProcess(Answer):
    """The server's own process."""

    pid: int
    rss_mb: float
    cpu_percent: float


class DependencyHealth(Answer):
    """Something that Andon needs; `responseTime` in ms, `error` when it is not healthy."""

    status: Health
    response_time: float
    error: str | None = None


class SystemMetrics(Answer):
    """Everything that the system page shows."""

    model_config = example(
        {
            "version": "0.1.0",
            "health": "healthy",
            "uptimeSeconds": 86400,
            "roles": [
                {
                    "name": "broker",
                    "state": "running",
                    "restarts": 0,
                    "pid": 4711,
                    "detail": "a process of its own",
                    "cpuPercent": 1.5,
                    "rssMb": 23.6,
                }
            ],
            "rates": {
                "messagesPerSecond": 13.2,
                "samplesPerSecond": 80.9,
                "rejectedPerSecond": 0.0,
                "deliveredPerSecond": 2.5,
            },
            "streams": [
                {
                    "stream": "sensors-data",
                    "partition": 0,
                    "first": 1,
                    "end": 274,
                    "bytes": 57748,
                    "groups": [{"group": "historian", "position": 274, "lag": 0}],
                }
            ],
            "storage": {
                "samples": 1847,
                "historyBytes": 1889688,
                "databaseBytes": 4096,
                "freeBytes": 83694170112,
                "logBytes": 5431056,
            },
            "clients": {"socketio": 1, "websocket": 0, "mqtt": 19},
            "deadLetters": {"total": 0},
            "process": {"pid": 4700, "rssMb": 177.4, "cpuPercent": 8.5},
            "dependencies": _DEPENDENCIES,
            "timestamp": NOW,
        }
    )

    version: str
    health: Health
    uptime_seconds: int
    roles: list[Role]
    rates: Rates
    streams: list[Stream]
    storage: Storage
    clients: ClientCounts
    dead_letters: DeadLetterCount
    process: ServerProcess
    dependencies: dict[str, DependencyHealth]
    timestamp: str


class RequestMetrics(Answer):
    """Uptime in seconds, requests, and the share of them that failed here."""

    uptime: int
    requests_per_minute: int
    error_rate: float


class HealthBody(Answer):
    """Health, outside of the envelope."""

    model_config = example(
        {
            "status": "healthy",
            "timestamp": NOW,
            "version": "0.1.0",
            "dependencies": _DEPENDENCIES,
            "metrics": {"uptime": 86400, "requestsPerMinute": 60, "errorRate": 0.0},
        }
    )

    status: Health
    timestamp: str
    version: str
    dependencies: dict[str, DependencyHealth]
    metrics: RequestMetrics


class ReadyBody(Answer):
    """Whether it takes traffic."""

    model_config = example({"status": "ready", "timestamp": NOW})

    status: Literal["ready", "starting"]
    timestamp: str


class AliveBody(Answer):
    """It is there."""

    model_config = example({"status": "alive", "timestamp": NOW})

    status: Literal["alive"]
    timestamp: str
