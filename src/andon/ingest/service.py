"""Ingest as the rest of Andon sees it."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence

from andon.engines.broker.address import BrokerAddress
from andon.engines.log.port import Log
from andon.identity.model import Principal
from andon.ingest.adoption import Adoption, new_device, write_kept
from andon.ingest.dead_letters import DeadLetters
from andon.ingest.discovery import Discovery
from andon.ingest.mqtt_source import MqttSource
from andon.ingest.overload import Overload
from andon.ingest.pipeline import Pipeline
from andon.ingest.push import PushedSample, Pusher, PushResult
from andon.ingest.receiver import Receiver
from andon.ingest.registration import TagRegistrar
from andon.ingest.replaying import Replayer, ReplayResult
from andon.ingest.routes import Routes
from andon.ingest.settings import IngestSettings
from andon.ingest.sharding import Shard
from andon.ingest.sparkplug.host import SparkplugHost
from andon.ingest.statuses import DeviceStatus, Statuses
from andon.ingest.timing import TimePolicy
from andon.kit.clock import now_us
from andon.kit.errors import NotFoundError
from andon.kit.tasks import end_tasks
from andon.registry.directory import DeviceInfo, Directory
from andon.registry.service import Registry
from andon.wire.errors import WireError
from andon.wire.sparkplug.messages import Outgoing

logger = logging.getLogger(__name__)

_TICK_S = 1.0


class IngestService:
    """Everything that comes in: MQTT messages, HTTP pushes, dead letters tried again.

    `receive` is the door for messages; whatever is acknowledged is durable in the log.
    """

    def __init__(
        self,
        log: Log,
        directory: Directory,
        registry: Registry,
        settings: IngestSettings | None = None,
        broker: BrokerAddress | None = None,
        shard: Shard | None = None,
    ) -> None:
        self.settings = settings = settings or IngestSettings()
        self._directory = directory
        self._registry = registry
        self._ticker: asyncio.Task[None] | None = None
        self.pipeline = Pipeline(log, settings, self._say_and_hold, lambda _resting: self._hold())
        self._overload = Overload(self.pipeline)
        policy = TimePolicy(settings)
        self.discovery = Discovery(settings, policy)
        self._statuses = Statuses(directory)
        self._registrar = TagRegistrar(registry, settings, self._hold)
        self.sparkplug = SparkplugHost(
            directory,
            self.discovery,
            self._registrar,
            policy,
            settings,
            self.pipeline.out,
            self._refused_later,
            self._send,
        )
        self._routes = Routes(
            directory, self.discovery, self._statuses, self.sparkplug, policy, settings, self.pipeline.out
        )
        receiver = Receiver(directory, self._routes, self.pipeline, self._registrar, settings, shard or Shard())
        self.receive = receiver.receive
        self._newcomers = receiver.newcomers
        self._broker = broker
        self._source: MqttSource | None = None
        self._pusher = Pusher(directory, self._registrar, self.pipeline, policy, settings)
        self._replayer = Replayer(log, self.pipeline, receiver, self._pusher)

    @property
    def dead_letters(self) -> DeadLetters:
        """What could not be taken."""
        return self.pipeline.letters

    @property
    def broker_connected(self) -> bool:
        """Whether all connections to the broker stand."""
        return self._source is not None and self._source.connected

    async def start(self) -> None:
        """Begin to take samples and, when there is a broker, messages; connecting goes on in the background.

        After `stop` it may be started again.
        """
        self.pipeline.start()
        self._ticker = asyncio.create_task(self._tick(), name="ingest ticker")
        if self._broker is not None:
            self._source = MqttSource(self._broker, self.receive, self.sparkplug, self.settings.max_waiting_bytes)
            self._overload.restart()
            self._source.start()

    async def wait_connected(self, timeout_s: float) -> None:
        """Until the connections to the broker stand. TimeoutError when they do not in time."""
        if self._source is not None:
            await self._source.wait_connected(timeout_s)

    async def stop(self) -> None:
        """Disconnect, and write what was received; what cannot be written is delivered again at the next start."""
        if self._ticker is not None:
            await end_tasks(self._ticker)
        await self._registrar.stop()
        await self._newcomers.stop()
        # First the log, then the connections: acknowledgements need them.
        if self._source is not None:
            self._source.pause()
        await self.pipeline.stop()
        if self._source is not None:
            await self._source.stop()
            self._note_dropped()

    def publish(self, topic: str, payload: bytes, qos: int = 0, retain: bool = False) -> bool:
        """Publish for the server; False when the message was dropped because there is no broker."""
        return self._source is not None and self._source.publish(topic, payload, qos, retain)

    async def push(
        self, organisation: str, device_id: str, samples: Sequence[PushedSample], *, historical: bool = False
    ) -> PushResult:
        """Samples over HTTP, durable when this returns; see `Pusher.push` for its errors."""
        return await self._pusher.push(organisation, device_id, samples, historical=historical)

    async def adopt(self, principal: Principal, key: str, choice: Adoption) -> DeviceInfo:
        """Register a discovered device; the samples that were kept are durable when this returns.

        NotFoundError without such a device, InvalidError for a choice that does not fit, ConflictError for a taken id.
        """
        found = self.discovery.get(principal.organisation_id, key)
        if found is None:
            raise NotFoundError("there is no such discovered device", field="key", cure="it may have been adopted")
        wanted = new_device(found, choice)
        device = await asyncio.to_thread(self._registry.create_device, principal.organisation_id, wanted, principal)
        write_kept(found, device, self.pipeline.out)
        self.discovery.remove(principal.organisation_id, key)
        await self.pipeline.settled()
        return device

    async def replay(self, organisation: str, ids: Sequence[int]) -> ReplayResult:
        """Try dead letters again; what went through is durable when this returns."""
        return await self._replayer.replay(organisation, ids)

    def statuses(self, organisation: str | None = None) -> dict[str, DeviceStatus]:
        """Device id → what the device last said about itself."""
        return self._statuses.of(organisation or self._directory.default_organisation)

    def clock_offsets(self, organisation: str | None = None) -> dict[str, float]:
        """Device id → seconds that its clock is off, of those beyond the tolerance."""
        return self._routes.clock_offsets(organisation or self._directory.default_organisation)

    def rates(self) -> dict[str, float]:
        """Messages, samples and refusals a second over the last 10 s."""
        pipeline = self.pipeline
        return {
            "messagesPerSecond": pipeline.messages.per_second(),
            "samplesPerSecond": pipeline.samples.per_second(),
            "rejectedPerSecond": pipeline.rejected.per_second(),
        }

    async def _tick(self) -> None:
        while True:
            await asyncio.sleep(_TICK_S)
            self.sparkplug.tick(now_us())
            self._note_dropped()
            self.pipeline.wake()

    def _note_dropped(self) -> None:
        if self._source is not None:
            self._overload.note(self._source.dropped, self._directory.default_organisation)

    def _say_and_hold(self, full: bool) -> None:
        if self._source is not None and full:
            logger.warning("the log is behind: holding the broker back")
        elif self._source is not None:
            logger.info("the log has caught up: reading from the broker again")
        self._hold()

    def _hold(self) -> None:
        if self._source is None:
            return
        if self.pipeline.holds_back or self._registrar.holds_back:
            self._source.pause()
        else:
            self._source.resume()

    def _send(self, message: Outgoing) -> None:
        self.publish(message.topic, message.payload, message.qos, message.retain)

    def _refused_later(self, topic: str, payload: bytes, problem: WireError) -> None:
        self.pipeline.count_rejected(problem.reason)
        organisation = self._directory.default_organisation
        self.pipeline.letters.put("mqtt", topic, payload, problem.reason, str(problem), organisation=organisation)
