"""Builds everything that a plant runs on, and picks the adapters. Nothing here starts by itself: see `roles`."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from andon.alarms.service import AlarmService
from andon.alarms.settings import AlarmSettings
from andon.api.context import ApiContext
from andon.api.device_views import DeviceViews
from andon.api.middleware import RequestStats
from andon.app.engines import Engines, open_engines
from andon.app.probes import build_context, health_body, plant_status
from andon.app.settings import Settings
from andon.app.simulator_child import SimulatorChild, reachable
from andon.engines.broker.credentials import SERVER
from andon.engines.broker.embedded import EmbeddedBroker
from andon.engines.database import Database
from andon.engines.livestate.port import LiveState
from andon.engines.log.consumer import Consumer
from andon.engines.log.embedded import EmbeddedLog
from andon.historian.housekeeping import Housekeeper
from andon.historian.limits import QueryLimits
from andon.historian.retention import PRESETS
from andon.historian.service import Historian
from andon.historian.stores.local import LocalStore
from andon.identity.keys import load_or_create_keys
from andon.identity.service import IdentityService
from andon.identity.sessions import IdentitySettings
from andon.ingest.imports.service import ImportService
from andon.ingest.imports.settings import ImportSettings
from andon.ingest.mqtt_source import BrokerAddress
from andon.ingest.service import IngestService
from andon.ingest.settings import IngestSettings
from andon.kit.clock import now_us
from andon.realtime.config_push import ConfigPush
from andon.realtime.mqtt_out import MqttOut
from andon.realtime.service import RealtimeService
from andon.realtime.settings import RealtimeSettings
from andon.realtime.socketio_server import SocketIoServer
from andon.realtime.system_logs import SystemLogs
from andon.registry.directory import Directory
from andon.registry.service import Registry


@dataclass(slots=True)
class Plant:
    """All engines and services of one Andon, and how its roles are doing."""

    settings: Settings
    engines: Engines
    directory: Directory
    registry: Registry
    identity: IdentityService
    historian: Historian
    ingest: IngestService
    alarms: AlarmService
    views: DeviceViews
    simulator: SimulatorChild | None
    requests: RequestStats
    generated_password: str | None = None
    started_at: int = field(default_factory=now_us)
    ready: bool = False
    states: dict[str, str] = field(default_factory=dict)
    consumers: dict[str, Consumer] = field(default_factory=dict)
    database: Database = field(init=False)
    log: EmbeddedLog = field(init=False)
    livestate: LiveState = field(init=False)
    history_store: LocalStore = field(init=False)
    broker: EmbeddedBroker = field(init=False)
    imports: ImportService = field(init=False)
    housekeeper: Housekeeper = field(init=False)
    context: ApiContext = field(init=False)
    realtime: RealtimeService = field(init=False)
    socketio: SocketIoServer = field(init=False)
    mqtt_out: MqttOut = field(init=False)
    config_push: ConfigPush = field(init=False)
    system_logs: SystemLogs = field(init=False)

    def __post_init__(self) -> None:
        """What looks at the whole plant comes last."""
        engines = self.engines
        self.database, self.log, self.livestate = engines.database, engines.log, engines.livestate
        self.history_store, self.broker = engines.history, engines.broker
        self.imports = ImportService(
            self.database,
            self.log,
            self.directory,
            self.registry,
            self.ingest.pipeline,
            self.historian,
            _import_settings(self.settings),
        )
        self.housekeeper = Housekeeper(
            self.database,
            self.history_store,
            lambda: self.directory.default_organisation,
            PRESETS[self.settings.retention],
        )
        self.context = context = build_context(self)
        self.realtime = RealtimeService(
            self.log,
            self.directory,
            self.livestate,
            self.identity,
            lambda organisation_id: plant_status(context, organisation_id),
            RealtimeSettings(allowed_origins=tuple(self.settings.allowed_origins)),
        )
        self.socketio = SocketIoServer(self.realtime)
        self.config_push = ConfigPush(self.directory, self.ingest.publish)
        self.system_logs = SystemLogs(self.ingest.publish)
        self.mqtt_out = MqttOut(
            self.log,
            self.directory,
            self.ingest.publish,
            health=lambda: health_body(context),
            metrics=lambda: plant_status(context, self.directory.default_organisation),
        )

    def api_state(self) -> Mapping[str, Any]:
        """What endpoints find on `request.app.state`."""
        names = (
            *("settings", "database", "log", "livestate", "directory", "registry"),
            *("identity", "historian", "housekeeper", "ingest", "imports", "alarms", "realtime", "context"),
        )
        return {name: getattr(self, name) for name in names}

    def ensure_admin(self) -> None:
        """Let somebody sign in. Last of all: a start that fails must not use up the password that is shown once."""
        chosen = self.settings.admin_password
        self.generated_password = self.identity.ensure_admin(chosen.get_secret_value() if chosen else None)

    async def close(self) -> None:
        """Close the engines; the roles have stopped."""
        await self.engines.close()


async def build_plant(settings: Settings) -> Plant:
    """Open the engines, bring the tables up to date, seed what must be there. StartError says what cannot be had."""
    engines = await open_engines(settings)
    try:
        return await asyncio.to_thread(_assemble, settings, engines)
    except BaseException:
        await engines.close()
        raise


def _assemble(settings: Settings, engines: Engines) -> Plant:
    directory = Directory()
    registry, identity = _people_and_things(settings, engines.database, directory)
    database, log, livestate, broker = engines.database, engines.log, engines.livestate, engines.broker
    return Plant(
        settings=settings,
        engines=engines,
        directory=directory,
        registry=registry,
        identity=identity,
        historian=Historian(engines.history, directory, queries=_query_limits(settings)),
        ingest=IngestService(log, directory, registry, _ingest_settings(settings), broker=_address(broker)),
        alarms=AlarmService(database, log, directory, livestate, _alarm_settings(settings)),
        views=DeviceViews(livestate),
        simulator=SimulatorChild(settings, broker.credentials) if settings.demo else None,
        requests=RequestStats(),
    )


def _people_and_things(
    settings: Settings, database: Database, directory: Directory
) -> tuple[Registry, IdentityService]:
    """Registry and identity, filled with what must be there from the first start on."""
    registry = Registry(database, directory)
    identity = IdentityService(
        database,
        load_or_create_keys(settings.data_dir),
        IdentitySettings(
            issuer=settings.token_issuer,
            audience=settings.token_audience,
            access_ttl_s=settings.access_token_minutes * 60,
            refresh_ttl_s=settings.refresh_token_days * 86_400,
            secure_cookies=settings.secure_cookies,
        ),
    )
    registry.ensure_default_organisation(settings.timezone)
    if settings.demo:
        registry.seed_demo(settings.demo_looms)
    registry.load()
    return registry, identity


def _address(broker: EmbeddedBroker) -> BrokerAddress:
    return BrokerAddress(reachable(broker.config.host), broker.port, SERVER, broker.credentials.password(SERVER))


def _alarm_settings(settings: Settings) -> AlarmSettings:
    return AlarmSettings(max_age_s=settings.alarm_max_age_s, escalate_after_s=settings.escalate_after_s)


def _ingest_settings(settings: Settings) -> IngestSettings:
    return IngestSettings(
        max_payload_bytes=settings.max_payload_bytes,
        max_ahead_s=settings.max_ahead_s,
        max_age_days=settings.max_age_days,
        clock_tolerance_s=settings.clock_tolerance_s,
        flush_interval_ms=settings.flush_interval_ms,
        max_discovered=settings.max_discovered,
    )


def _query_limits(settings: Settings) -> QueryLimits:
    return QueryLimits(
        max_series=settings.history_max_series,
        max_readings=settings.history_max_readings,
        max_buckets=settings.history_max_buckets,
        max_points=settings.history_max_points,
        max_answer=settings.history_max_answer,
        scan_rows=settings.history_scan_rows,
        chart_rows=settings.history_chart_rows,
        max_latest=settings.history_max_latest,
        max_top=settings.history_max_top,
        export_rows=settings.export_max_rows,
        excel_rows=settings.export_excel_rows,
        exports=settings.export_max_running,
    )


def _import_settings(settings: Settings) -> ImportSettings:
    return ImportSettings(
        part_bytes=min(settings.import_part_bytes, settings.max_request_bytes),
        part_samples=settings.import_part_samples,
        max_open=settings.import_max_open,
        expire_days=settings.import_expire_days,
        max_ahead_s=settings.max_ahead_s,
    )
