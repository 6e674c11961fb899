"""A machine's MQTT connection: it comes back for ever, and what could not be sent waits in a bounded outbox."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import random
import time
from collections.abc import Callable, Coroutine
from functools import partial
from typing import Any, NamedTuple

import gmqtt
from gmqtt.mqtt.constants import MQTTv50, MQTTv311
from gmqtt.mqtt.handler import MQTTError

from andon.simulator.config import BrokerConfig, BufferConfig
from andon.simulator.outbox import Outbox, Outgoing

logger = logging.getLogger(__name__)

_RETRY_FIRST_S = 0.2
_CLOSE_S = 2.0
_MAX_PACKET_IDS = 65_535
_VERSIONS = {"3.1.1": MQTTv311, "5": MQTTv50}


class Will(NamedTuple):
    """What the broker publishes in our name when the connection breaks."""

    topic: str
    payload: bytes
    qos: int = 1
    retain: bool = True


class LinkStats(NamedTuple):
    """Counts since the start; `buffered` is not yet acknowledged, `dropped` did not fit the outbox."""

    connected: bool
    published: int
    acknowledged: int
    buffered: int
    dropped: int


class _Acknowledgements:
    """Stands in for gmqtt's own store of unacknowledged messages: the link's outbox is bounded, gmqtt's is not."""

    is_empty = True

    def __init__(self, settle: Callable[[int], None]) -> None:
        self._settle = settle
        self.last_id = 0

    def push_message(self, mid: int, raw_package: bytes) -> None:
        """A message of QoS 1 was written under this packet identifier."""
        self.last_id = mid

    def remove_message_by_mid(self, mid: int) -> None:
        """The broker acknowledged it."""
        self._settle(mid)

    async def wait_empty(self) -> None:
        """gmqtt waits here for what it would send again itself: there is nothing."""

    def get_all(self) -> list[tuple[int, bytes]]:
        """Nothing is left to gmqtt."""
        return []

    def clear(self) -> None:
        """Nothing to clear."""


class _Connection(gmqtt.Client):  # type: ignore[misc]
    """One connection from CONNECT to its end. The link makes the next one: gmqtt's own reconnecting keeps the packet
    identifiers of lost messages for ever, and gives up for good after a refused password."""

    async def reconnect(self, delay: bool = False) -> None:
        """Left to the link."""

    async def vanish(self) -> None:
        """Close without taking leave, so that the broker publishes the will."""
        if self._connection is not None:
            await self._connection.close()


class Link:
    """One MQTT client. `run` keeps it connected until it is cancelled; `publish` may be called at any time.

    `make_will` is asked before each connection, `on_connect` called after each, before anything that waits is sent.
    """

    def __init__(
        self,
        client_id: str,
        broker: BrokerConfig,
        buffer: BufferConfig,
        *,
        make_will: Callable[[], Will] | None = None,
        on_connect: Callable[[], None] | None = None,
        subscriptions: tuple[str, ...] = (),
        on_message: Callable[[str, bytes], None] | None = None,
    ) -> None:
        self.client_id = client_id
        self._broker = broker
        self._buffer = buffer
        self._make_will = make_will
        self._on_connect = on_connect
        self._subscriptions = subscriptions
        self._on_message = on_message
        self._outbox = Outbox(buffer.minutes * 60, int(buffer.max_mib * (1 << 20)), buffer.in_flight)
        self._connection: _Connection | None = None
        self._acknowledgements = _Acknowledgements(self._settle)
        self._progress = asyncio.Event()
        self._ready = asyncio.Event()
        self.last_error: Exception | None = None
        self._published = 0
        self._said_away = False
        self._closed = asyncio.Event()

    @property
    def connected(self) -> bool:
        """Whether messages reach the broker at this moment."""
        return self._connection is not None

    @property
    def stats(self) -> LinkStats:
        """Counts for the health endpoint."""
        box = self._outbox
        return LinkStats(self.connected, self._published, box.acknowledged, len(box), box.dropped)

    def publish(self, topic: str, payload: bytes, *, retain: bool = False) -> None:
        """Send with QoS 1: now, or when the broker is back."""
        self._outbox.put(Outgoing(topic, payload, retain, time.monotonic()))
        self._pump()

    def publish_now(self, topic: str, payload: bytes, *, qos: int = 0, retain: bool = False) -> bool:
        """Send at once or not at all, for what is worth nothing later. False when the broker is away."""
        if self._connection is None:
            return False
        self._connection.publish(topic, payload, qos=qos, retain=retain)
        self._published += 1
        return True

    async def run(self) -> None:
        """Connect, and connect again, until closed or cancelled."""
        retry_s = _RETRY_FIRST_S
        while not self._closed.is_set():
            if await self._connected_once():
                retry_s = _RETRY_FIRST_S
            # Spread out, so that a fleet does not come back in the same instant.
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(retry_s * random.uniform(0.5, 1.0)):
                    await self._closed.wait()
            retry_s = min(retry_s * 2, self._broker.retry_max_s)

    async def wait_connected(self, seconds: float) -> None:
        """Return when the broker has let us in. TimeoutError after `seconds`; `last_error` then says why not."""
        async with asyncio.timeout(seconds):
            await self._ready.wait()

    async def below(self, waiting: int) -> None:
        """Return when at most `waiting` messages are not acknowledged: the brake for a fast sender."""
        while len(self._outbox) > waiting:
            self._progress.clear()
            await self._progress.wait()

    async def close(self, flush_s: float) -> None:
        """Let what waits go out, for `flush_s` at most, then take leave of the broker: no will is published."""
        self._closed.set()
        if self._connection is not None and flush_s > 0:
            try:
                async with asyncio.timeout(flush_s):
                    await self.below(0)
            except TimeoutError:
                logger.warning("messages were left unsent", extra={"link": self.client_id, "count": len(self._outbox)})
        if self._connection is not None:
            connection, self._connection = self._connection, None
            await _end(connection.disconnect())

    async def _connected_once(self) -> bool:
        """One connection until it is lost; False when there was none."""
        lost = asyncio.Event()
        connection = self._new_connection(lost)
        try:
            await self._open(connection)
            self._begin(connection)
            await lost.wait()
        except (OSError, MQTTError, TimeoutError) as error:
            self._say_away(error)
            return False
        finally:
            self._lost(lost, connection, None)
            self._outbox.connection_lost()
            await _end(connection.vanish())
        if not self._closed.is_set():
            self._say_away(None)
        return True

    def _new_connection(self, lost: asyncio.Event) -> _Connection:
        will = self._make_will() if self._make_will else None
        message = will and gmqtt.Message(will.topic, will.payload, qos=will.qos, retain=will.retain)
        connection = _Connection(
            self.client_id, clean_session=True, will_message=message, persistent_storage=self._acknowledgements
        )
        if self._broker.username is not None:
            connection.set_auth_credentials(self._broker.username, self._broker.password)
        connection.on_disconnect = partial(self._lost, lost)
        connection.on_message = self._received
        connection.on_connect = self._accepted
        return connection

    def _lost(self, lost: asyncio.Event, connection: _Connection, packet: object, error: object = None) -> None:
        """At once, so that nothing more is written into a closed connection."""
        if self._connection is connection:
            self._connection = None
            self._ready.clear()
        lost.set()

    async def _open(self, connection: _Connection) -> None:
        broker = self._broker
        opening = connection.connect(
            broker.host,
            broker.port,
            ssl=broker.tls,
            keepalive=broker.keepalive_s,
            version=_VERSIONS[broker.mqtt_version],
        )
        try:
            async with asyncio.timeout(broker.connect_timeout_s):
                await opening
        except TimeoutError as error:
            seconds, version = broker.connect_timeout_s, broker.mqtt_version
            raise TimeoutError(f"no welcome within {seconds:g} s; does it speak MQTT {version}?") from error

    def _begin(self, connection: _Connection) -> None:
        """The broker is there: subscribe, say hello, send what waits."""
        self._connection = connection
        self._ready.set()
        logger.log(
            logging.INFO if self._said_away else logging.DEBUG,
            "the broker is back" if self._said_away else "connected",
            extra={"link": self.client_id, "waiting": self._outbox.waiting},
        )
        self._said_away = False
        for topic in self._subscriptions:
            connection.subscribe(topic, qos=1)
        if self._on_connect is not None:
            self._on_connect()
        self._pump()

    def _accepted(self, connection: _Connection, flags: int, code: int, properties: dict[str, Any]) -> None:
        """A broker of MQTT 5 may allow fewer messages in flight than we would send."""
        allowed = properties.get("receive_maximum", [_MAX_PACKET_IDS])[0]
        self._outbox.window = min(self._buffer.in_flight, max(1, allowed - 2))

    def _received(self, connection: _Connection, topic: str, payload: bytes, qos: int, properties: object) -> int:
        if self._on_message is not None:
            self._on_message(topic, payload)
        return 0

    def _pump(self) -> None:
        while self._connection is not None and (message := self._outbox.take()) is not None:
            self._connection.publish(message.topic, message.payload, qos=1, retain=message.retain)
            self._outbox.sent(self._acknowledgements.last_id, message)
            self._published += 1

    def _settle(self, packet_id: int) -> None:
        self._outbox.settle(packet_id)
        self._progress.set()
        self._pump()

    def _say_away(self, error: Exception | None) -> None:
        """Once, not at each attempt."""
        self.last_error = error
        if not self._said_away:
            self._said_away = True
            reason = str(error) or type(error).__name__ if error is not None else "connection lost"
            logger.warning(
                "the broker is away",
                extra={"link": self.client_id, "broker": f"{self._broker.host}:{self._broker.port}", "reason": reason},
            )


async def _end(closing: Coroutine[Any, Any, None]) -> None:
    """Close a connection, also one that never came about or whose peer no longer answers."""
    try:
        async with asyncio.timeout(_CLOSE_S):
            await closing
    except (OSError, TimeoutError) as error:
        logger.debug("a connection did not close cleanly", extra={"reason": str(error)})
