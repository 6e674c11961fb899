"""What one process has of a plant: its services, each made when it is first asked for. Nothing starts by itself: see
`roles`.

A process that runs all roles has all services. Where a part runs in another process, what follows it from here
stands in its place, behind the same interface: nobody else asks who runs where.

What only some roles have is imported where it is made: a process of one role starts without the others' code.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from functools import cached_property, partial
from typing import TYPE_CHECKING, Any

from andon.alarms.reader import AlarmReader
from andon.api.context import ApiContext
from andon.api.device_views import DeviceViews
from andon.api.middleware import RequestStats
from andon.app import configured
from andon.app.engines import Engines, open_engines
from andon.app.fleet import Fleet, Process, RoleBeat
from andon.app.history_store import name_series
from andon.app.log import sample_codec
from andon.app.probes import beats, build_context, health_body, plant_status
from andon.app.settings import Settings
from andon.app.topology import ALL_ROLES, Topology
from andon.engines.database.lease import Lease
from andon.engines.log.consumer import Consumer
from andon.identity.keys import load_or_create_keys
from andon.identity.service import IdentityService
from andon.kit.clock import now_us
from andon.registry.directory import Directory
from andon.registry.following import DirectoryFollower
from andon.registry.service import Registry

if TYPE_CHECKING:
    from andon.alarms.follower import AlarmFollower
    from andon.alarms.service import AlarmService
    from andon.api.gateway.upstream import Upstream
    from andon.app.simulator_child import SimulatorChild
    from andon.engines.broker.client import MqttClient
    from andon.historian.housekeeping import Housekeeper
    from andon.historian.service import Historian
    from andon.ingest.imports.service import ImportService
    from andon.ingest.service import IngestService
    from andon.ingest.uploads.service import UploadService
    from andon.realtime.config_push import ConfigPush
    from andon.realtime.mqtt_out import MqttOut, Publish
    from andon.realtime.service import RealtimeService
    from andon.realtime.socketio_server import SocketIoServer
    from andon.realtime.system_logs import SystemLogs

ROLES_THAT_FOLLOW = ("processing", "alerts", "realtime")
"""Those that keep no position in the log, so that it cannot tell how far behind they are."""


class Plant:
    """The engines and services of this process, and how its roles are doing."""

    def __init__(self, settings: Settings, engines: Engines, topology: Topology) -> None:
        self.settings = settings
        self.topology = topology
        self.engines = engines
        self.database, self.log, self.livestate = engines.database, engines.log, engines.livestate
        self.broker = engines.broker
        self.directory = Directory()
        name_series(settings, engines.store, self.directory)
        self.log.codec = sample_codec(settings, self.log, self.directory, configured.ingest(settings))
        self.registry = Registry(self.database, self.directory)
        self.views = DeviceViews(self.livestate)
        self.requests = RequestStats()
        self.started_at = now_us()
        self.ready = False
        self.generated_password: str | None = None
        self.states: dict[str, str] = {}
        self.urls: dict[str, str] = {}
        self.consumers: dict[str, Consumer] = {}
        self.told_lags: dict[str, int] = {}
        self._leases: dict[str, Lease] = {}

    def runs(self, role: str) -> bool:
        """Whether the role is one of this process."""
        return role in self.topology.roles

    # Of every process

    @cached_property
    def identity(self) -> IdentityService:
        """Who there is. Only where people sign in is there a key to sign with."""
        keys = load_or_create_keys(self.settings.data_dir) if self.runs("api") else None
        return IdentityService(self.database, keys, configured.identity(self.settings))

    @cached_property
    def context(self) -> ApiContext:
        """What the API's own endpoints stand on."""
        return build_context(self)

    @cached_property
    def historian(self) -> Historian:
        """Only in processes that reach the store."""
        from andon.historian.service import Historian

        return Historian(
            self.engines.history,
            self.directory,
            queries=configured.queries(self.settings),
            policies=lambda: self.housekeeper.applied,
            max_age_days=self.settings.max_age_days,
        )

    @cached_property
    def housekeeper(self) -> Housekeeper:
        """Keeps history as long as was decided."""
        from andon.historian.housekeeping import Housekeeper
        from andon.historian.retention import PRESETS

        default = PRESETS[self.settings.retention]
        return Housekeeper(self.database, self.engines.history, lambda: self.directory.default_organisation, default)

    # What runs here, or is followed from here

    @cached_property
    def ingest(self) -> IngestService:
        """Only where the role runs."""
        from andon.ingest.service import IngestService

        shard = configured.shard(self.settings)
        address = configured.broker_of_shard(self.broker.address, shard)
        return IngestService(
            self.log, self.directory, self.registry, configured.ingest(self.settings), broker=address, shard=shard
        )

    @cached_property
    def imports(self) -> ImportService:
        """Beside the historian, which tells what of an import is durable."""
        from andon.ingest.imports.service import ImportService
        from andon.ingest.pipeline import Pipeline

        settings = configured.ingest(self.settings)
        pipeline = self.ingest.pipeline if self.runs("ingest") else Pipeline(self.log, settings)
        return ImportService(
            self.database,
            self.log,
            self.directory,
            self.registry,
            pipeline,
            self.historian,
            configured.imports(self.settings),
        )

    @cached_property
    def uploads(self) -> UploadService:
        """Recordings that come as files: they lie with this process, which imports them."""
        from andon.ingest.uploads.service import UploadService

        folder = configured.spool_folder(self.settings, None if self.topology.alone else self.process.name)
        return UploadService(folder, self.imports, configured.uploads(self.settings))

    @cached_property
    def alarms(self) -> AlarmService:
        """Only where the role runs."""
        from andon.alarms.service import AlarmService

        return AlarmService(
            self.database,
            self.log,
            self.directory,
            self.livestate,
            configured.alarms(self.settings),
            guard=(lambda _session: None) if self.topology.alone else self.lease("alerts").guard,
        )

    @cached_property
    def alarm_follower(self) -> AlarmFollower:
        """The alarms of another process."""
        from andon.alarms.follower import AlarmFollower

        return AlarmFollower(self.database, self.log, self.livestate)

    @property
    def alarm_reader(self) -> AlarmReader:
        """Alarms, wherever they are judged."""
        return self.alarms if self.runs("alerts") else self.alarm_follower

    @cached_property
    def outlet(self) -> MqttClient:
        """A connection that only publishes."""
        from andon.engines.broker.client import ClientConfig, MqttClient

        address = self.broker.address
        config = ClientConfig(
            f"{address.client_prefix}-out-{self.process.name}",
            address.host,
            address.port,
            address.username,
            address.password,
            mqtt5=address.mqtt5,
            tls=address.tls,
        )
        return MqttClient(config, lambda *_: None)

    @property
    def publish(self) -> Publish:
        """Publishes over MQTT."""
        return self.ingest.publish if self.topology.alone else self.outlet.publish

    # Realtime

    @cached_property
    def realtime(self) -> RealtimeService:
        """Only where the role runs."""
        from andon.realtime.service import RealtimeService
        from andon.realtime.settings import RealtimeSettings

        return RealtimeService(
            self.log,
            self.directory,
            self.livestate,
            self.identity,
            partial(plant_status, self.context),
            RealtimeSettings(allowed_origins=tuple(self.settings.allowed_origins)),
        )

    @cached_property
    def socketio(self) -> SocketIoServer:
        """Socket.IO's connections."""
        from andon.realtime.socketio_server import SocketIoServer

        return SocketIoServer(self.realtime)

    @cached_property
    def config_push(self) -> ConfigPush:
        """Tells devices their configuration."""
        from andon.realtime.config_push import ConfigPush

        return ConfigPush(self.directory, self.publish)

    @cached_property
    def system_logs(self) -> SystemLogs:
        """This process's warnings over MQTT."""
        from andon.realtime.system_logs import SystemLogs

        return SystemLogs(self.publish)

    @cached_property
    def mqtt_out(self) -> MqttOut:
        """What Andon publishes over MQTT."""
        return self.new_mqtt_out()

    def new_mqtt_out(self) -> MqttOut:
        """One that has not been started yet: each serves for one term."""
        from andon.realtime.mqtt_out import MqttOut

        return MqttOut(
            self.log,
            self.directory,
            self.publish,
            health=lambda: health_body(self.context),
            metrics=lambda: plant_status(self.context, self.directory.default_organisation),
        )

    # Among other processes

    @cached_property
    def process(self) -> Process:
        """Who we are among the others."""
        return configured.process(self.settings, self.urls, self.started_at)

    @cached_property
    def fleet(self) -> Fleet:
        """The other processes of this plant; nobody else is there when this one is alone."""
        return Fleet(self.database, self.process, lambda: beats(self))

    @cached_property
    def directory_follower(self) -> DirectoryFollower:
        """Keeps the directory in step with other processes."""
        return DirectoryFollower(self.registry, self.directory)

    @cached_property
    def upstream(self) -> Upstream:
        """Connections to the other processes."""
        from andon.api.gateway.upstream import Upstream

        return Upstream()

    def lease(self, name: str, *, outlasts: bool = False) -> Lease:
        """The lease for what only one process may do."""
        if name not in self._leases:
            self._leases[name] = Lease(self.database, name, self.process.name, outlasts=outlasts)
        return self._leases[name]

    def others(self, role: str) -> Sequence[RoleBeat]:
        """Processes but this one that run a role."""
        if self.topology.alone:
            return ()
        return [beat for beat in self.fleet.beats(role) if beat.process != self.process.name]

    # Life

    def api_state(self, names: Iterable[str]) -> Mapping[str, Any]:
        """What endpoints find on `request.app.state`."""
        return {name: getattr(self, name) for name in names}

    def consuming(self) -> dict[str, Consumer]:
        """By role of this process, what follows the samples for it."""
        found: dict[str, Consumer | None] = dict(self.consumers)
        if self.runs("alerts"):
            found["alerts"] = self.alarms.consumer
        if self.runs("realtime"):
            found["realtime"] = self.realtime.consumer
        return {role: consumer for role, consumer in found.items() if consumer is not None}

    async def consumer_lags(self) -> dict[str, int]:
        """By role, how many records of the samples its consumer has not handled yet; of several processes the worst."""
        found = await self.own_lags()
        for role in ROLES_THAT_FOLLOW:
            others = [lag for beat in self.others(role) if isinstance(lag := beat.figures.get("lag"), int)]
            if others:
                found[role] = max([*others, found.get(role, 0)])
        return found

    async def own_lags(self) -> dict[str, int]:
        """The same, of the roles of this process."""
        return {role: await consumer.lag() for role, consumer in self.consuming().items()}

    def ensure_admin(self) -> None:
        """Let somebody sign in. Last of all: a start that fails must not use up the password that is shown once."""
        chosen = self.settings.admin_password
        self.generated_password = self.identity.ensure_admin(chosen.get_secret_value() if chosen else None)

    async def close(self) -> None:
        """Close the engines; the roles have stopped."""
        if "upstream" in vars(self):  # else nobody was asked
            self.upstream.close()
        await self.engines.close()

    @cached_property
    def simulator(self) -> SimulatorChild | None:
        """The demo plant's machines; None when there is no demo."""
        from andon.app.simulator_child import SimulatorChild

        wanted = self.settings.demo if self.topology.alone else self.runs("simulator")
        return SimulatorChild(self.settings, self.broker) if wanted else None


async def build_plant(settings: Settings, topology: Topology | None = None) -> Plant:
    """Open the engines, bring the tables up to date, seed what must be there. StartError says what cannot be had."""
    topology = topology or Topology.of(settings, ALL_ROLES)
    engines = await open_engines(settings, topology)
    try:
        plant = Plant(settings, engines, topology)
        await asyncio.to_thread(_fill, plant)
    except BaseException:
        await engines.close()
        raise
    return plant


def _fill(plant: Plant) -> None:
    """What must be there from the first start on."""
    settings, registry = plant.settings, plant.registry
    registry.ensure_default_organisation(settings.timezone)
    if settings.demo:
        registry.seed_demo(settings.demo_looms)
    registry.load()
    _ = plant.identity
