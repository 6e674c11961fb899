"""The server's MQTT client: a persistent session, acknowledged when the receiver says so, connected for ever."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import gmqtt
from gmqtt.mqtt.constants import MQTTv50, MQTTv311
from gmqtt.subscription import Subscription

from andon.engines.broker.mqtt_protocol import FastClient, OnMessage
from andon.engines.broker.waiting import Waiting
from andon.kit.outage import Outage
from andon.kit.tasks import end_tasks

logger = logging.getLogger(__name__)

_NEVER_EXPIRES = 0xFFFFFFFF


@dataclass(frozen=True, slots=True)
class Will:
    """What the broker publishes when this client vanishes."""

    topic: str
    payload: bytes
    qos: int = 0
    retain: bool = False


@dataclass(frozen=True, slots=True)
class ClientConfig:
    """Where and as whom to connect, and what to receive.

    At most one subscription should be QoS 1: nats-server counts unacknowledged messages per session, so a
    second one that is full as well would be delivered only after `ack_wait`. QoS 2 is not supported.
    `max_waiting_bytes`: what was read and not handed on yet. Beyond it the oldest messages at QoS 0 are dropped where
    others are QoS 1, and elsewhere no more is read.
    """

    client_id: str
    host: str
    port: int
    username: str
    password: str = field(repr=False)
    subscriptions: Sequence[tuple[str, int]] = ()
    will: Will | None = None
    mqtt5: bool = False
    tls: bool = False
    keepalive_s: int = 10
    reconnect_delay_s: float = 0.5
    max_unsent: int = 1_000
    max_waiting_bytes: int = 16 << 20

    def __post_init__(self) -> None:
        if any(qos not in (0, 1) for _, qos in self.subscriptions):
            raise ValueError("subscriptions may be QoS 0 or 1")


class MqttClient:
    """Receives by `on_message(topic, payload, qos, retain, ack)`, called in the event loop and not awaited.

    A QoS 1 message is acknowledged when its `ack()` is called; what is not is delivered again after a
    reconnect, also to the next process that uses the same client id.
    """

    def __init__(
        self,
        config: ClientConfig,
        on_message: OnMessage,
        on_connect: Callable[[], None] | None = None,
    ) -> None:
        self.config = config
        self.refused_subscriptions: list[str] = []
        self._on_connect = on_connect
        self._up = asyncio.Event()
        self._ready = asyncio.Event()
        self._unanswered = 0  # subscriptions of this connection
        self._connecting: asyncio.Task[None] | None = None
        self._unsent: list[tuple[str, bytes, int, bool]] = []
        self._outage = Outage(logger, "MQTT broker is away", "MQTT broker is there again", client=config.client_id)
        self._client = self._build(on_message)

    def _build(self, on_message: OnMessage) -> Any:
        config = self.config
        will = config.will
        message = will and gmqtt.Message(will.topic, will.payload, qos=will.qos, retain=will.retain)
        properties = {"session_expiry_interval": _NEVER_EXPIRES} if config.mqtt5 else {}
        client = FastClient(
            config.client_id,
            on_message,
            partial(Waiting, config.max_waiting_bytes, any(qos for _, qos in config.subscriptions)),
            clean_session=False,
            will_message=message,
            logger=_quiet_logger(),
            **properties,
        )
        client.set_auth_credentials(config.username, config.password)
        client.set_config({"reconnect_delay": config.reconnect_delay_s})
        client.on_connect = self._connected
        client.on_disconnect = self._disconnected
        client.on_subscribe = self._subscribed
        return client

    @property
    def connected(self) -> bool:
        """Whether the broker has accepted us and our subscriptions, and the connection stands."""
        return self._ready.is_set()

    @property
    def unacknowledged(self) -> int:
        """Published QoS 1 messages that the broker has not confirmed yet, those that wait to be sent among them."""
        return int(self._client.in_flight) + len(self._unsent)

    @property
    def dropped(self) -> int:
        """Messages at QoS 0 that came faster than they could be handled and were dropped, since the start."""
        return int(self._client.dropped)

    def start(self) -> None:
        """Begin to connect, and keep at it; returns at once."""
        self._connecting = asyncio.create_task(self._connect(), name=f"mqtt connect {self.config.client_id}")

    async def wait_connected(self, timeout_s: float) -> None:
        """Wait for the connection. TimeoutError when there is none in time.

        From then on nothing is missed: what somebody publishes before the broker has our subscriptions is
        acknowledged to them and thrown away.
        """
        async with asyncio.timeout(timeout_s):
            await self._ready.wait()

    async def confirmed(self) -> None:
        """Until the broker has confirmed every QoS 1 message that was published so far."""
        await self._up.wait()
        await self._client.drained()

    async def stop(self) -> None:
        """Disconnect in order: the broker keeps the session and drops the will."""
        if self._connecting is not None:
            await end_tasks(self._connecting)
        self._up.clear()
        self._ready.clear()
        self._client.stop_reconnect()
        with contextlib.suppress(OSError):
            await self._client.disconnect()

    def publish(self, topic: str, payload: bytes, qos: int = 0, retain: bool = False) -> bool:
        """Send a message; QoS 1 is repeated until the broker has it.

        While there is no connection QoS 0 is dropped and QoS 1 waits, `max_unsent` messages at most. False
        when the message was dropped.
        """
        if self._up.is_set() and not self._congested(qos):
            self._client.publish(topic, payload, qos=qos, retain=retain)
            return True
        if qos and len(self._unsent) < self.config.max_unsent:
            self._unsent.append((topic, payload, qos, retain))
            return True
        return False

    def pause(self) -> None:
        """Read nothing more from the broker until `resume`: it holds back what we cannot take."""
        self._client.hold(True)

    def resume(self) -> None:
        """Read again."""
        self._client.hold(False)

    def _congested(self, qos: int) -> bool:
        return qos > 0 and self._client.in_flight >= self.config.max_unsent

    async def _connect(self) -> None:
        version = MQTTv50 if self.config.mqtt5 else MQTTv311
        config = self.config
        while True:
            try:
                await self._client.connect(
                    config.host, config.port, ssl=config.tls, keepalive=config.keepalive_s, version=version
                )
            except OSError as error:
                self._outage.begin(str(error))
                await asyncio.sleep(config.reconnect_delay_s)
            except gmqtt.mqtt.handler.MQTTConnectError as error:
                self._outage.begin(str(error))
                return  # gmqtt goes on trying by itself once it had an answer
            else:
                return

    def _connected(self, *_: Any) -> None:
        self._ready.clear()
        self.refused_subscriptions.clear()
        self._client.subscriptions.clear()
        self._unanswered = len(self.config.subscriptions)
        for topic, qos in self.config.subscriptions:
            self._client.subscribe(Subscription(topic, qos=qos))
        self._up.set()
        if not self._unanswered:
            self._ready.set()
        self._outage.end()
        unsent, self._unsent = self._unsent, []
        for message in unsent:
            self.publish(*message)
        if self._on_connect is not None:
            self._on_connect()

    def _disconnected(self, *_: Any) -> None:
        if self._up.is_set():
            self._up.clear()
            self._ready.clear()
            self._outage.begin("connection closed")

    def _subscribed(self, _client: Any, mid: int, *_: Any) -> None:
        for subscription in self._client.subscriptions:
            if subscription.mid == mid and not subscription.acknowledged:
                self.refused_subscriptions.append(subscription.topic)
                logger.error("MQTT subscription refused", extra={"topic": subscription.topic})
        self._unanswered -= 1
        if not self._unanswered and self._up.is_set():
            self._ready.set()


def _quiet_logger() -> logging.Logger:
    """gmqtt repeats every failed attempt; we say once that the broker is lost and once that it is back."""
    quiet = logging.getLogger("gmqtt")
    quiet.setLevel(logging.CRITICAL)
    return quiet
