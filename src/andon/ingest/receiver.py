"""Takes every message that arrives: stores it, remembers its unknown sender, or says why it was refused."""

from __future__ import annotations

import logging
from collections.abc import Callable
from functools import partial

from andon.ingest.devices import TagsMissingError
from andon.ingest.newcomers import Newcomers, NotKnownYetError
from andon.ingest.pipeline import Pipeline
from andon.ingest.registration import TagRegistrar
from andon.ingest.routes import Routes
from andon.ingest.settings import IngestSettings
from andon.ingest.sharding import Shard
from andon.kit.clock import now_us
from andon.registry.directory import Directory
from andon.wire.errors import WireError

logger = logging.getLogger(__name__)

_MAX_ROUNDS = 3  # a message that still misses tags after being registered this often is refused


class Receiver:
    """The one door for messages with a topic. `receive` never raises and never waits."""

    def __init__(
        self,
        directory: Directory,
        routes: Routes,
        pipeline: Pipeline,
        registrar: TagRegistrar,
        settings: IngestSettings,
        shard: Shard,
    ) -> None:
        self._directory = directory
        self._routes = routes
        self._pipeline = pipeline
        self._registrar = registrar
        self._shard = shard
        self.newcomers = Newcomers(directory, settings.max_deferred, settings.max_pending_bytes)
        self._max_payload = settings.max_payload_bytes

    def receive(self, topic: str, payload: bytes, qos: int, retain: bool, ack: Callable[[], None] | None) -> None:
        """Handle a message from the broker; it is acknowledged when it, or its dead letter, is durable.

        One that belongs to another shard is that one's: its own session at the broker brings it there.
        """
        if self._shard.takes(topic):
            self._take(topic, payload, now_us(), ack, 0)
        elif ack is not None:
            ack()

    def process(self, topic: str, payload: bytes, received: int) -> WireError | None:
        """Handle a payload; returns what was wrong with a part of it.

        WireError when nothing could be taken, TagsMissingError when signals have to be registered first.
        """
        if len(payload) > self._max_payload:
            message = f"{len(payload)} bytes; {self._max_payload} are allowed (max_payload_bytes)"
            raise WireError("payload_too_large", message)
        return self._routes.find(topic)(payload, received)

    async def replay(self, topic: str, payload: bytes, received: int) -> WireError | None:
        """Handle a payload again that was refused before, registering new signals on the way.

        Returns what was wrong with a part of it. WireError when nothing could be taken.
        """
        for _ in range(_MAX_ROUNDS):
            try:
                return self._routes.find_for_replay(topic)(payload, received)
            except TagsMissingError as missing:
                await self._registrar.register(missing.device, missing.tags)
        raise WireError("signals_refused", "its signals could not be registered")

    def _take(self, topic: str, payload: bytes, received: int, ack: Callable[[], None] | None, round_: int) -> None:
        try:
            if round_ == 0 and self.newcomers.must_wait(topic):
                raise NotKnownYetError
            problem = self.process(topic, payload, received)
        except WireError as error:
            problem = error
        except NotKnownYetError:
            if self.newcomers.hold(topic, len(payload), partial(self._take, topic, payload, received, ack, 1)):
                return
            problem = WireError("too_many_unknown_devices", "too many messages of unknown devices wait")
        except TagsMissingError as missing:
            resume = partial(self._resume, topic, payload, received, ack, round_ + 1)
            try:
                if round_ >= _MAX_ROUNDS:
                    raise WireError("signals_refused", "its signals could not be registered")
                self._registrar.when_registered(missing, resume)
            except WireError as error:
                problem = error
            else:
                return
        except Exception as error:  # one message must never end the connection it came on
            logger.exception("a message could not be handled", extra={"topic": topic[:200]})
            problem = WireError("internal_error", f"{type(error).__name__}: {error}")
        if problem is not None:
            self._refuse(topic, payload, received, problem)
        self._pipeline.received(len(payload), ack)

    def _resume(
        self,
        topic: str,
        payload: bytes,
        received: int,
        ack: Callable[[], None] | None,
        round_: int,
        refused: WireError | None,
    ) -> None:
        if refused is None:
            self._take(topic, payload, received, ack, round_)
            return
        self._refuse(topic, payload, received, refused)
        self._pipeline.received(len(payload), ack)

    def _refuse(self, topic: str, payload: bytes, received: int, problem: WireError) -> None:
        self._pipeline.count_rejected(problem.reason)
        self._pipeline.letters.put(
            "mqtt",
            topic,
            payload,
            problem.reason,
            str(problem),
            organisation=self._directory.default_organisation,
            at=received,
        )
