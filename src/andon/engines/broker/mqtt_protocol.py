"""gmqtt without a coroutine, a queue and eight log calls per message.

gmqtt reads a stream in a task and makes a future for every message whose acknowledgement waits. Here PUBLISH
packets are cut out of the received bytes and handed on in the same call; every other packet goes gmqtt's own way.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable
from functools import cached_property, partial
from typing import Any

import gmqtt
from gmqtt.mqtt.connection import MQTTConnection
from gmqtt.mqtt.constants import MQTTv50
from gmqtt.mqtt.handler import MqttPackageHandler
from gmqtt.mqtt.package import Package
from gmqtt.mqtt.protocol import BaseMQTTProtocol, MQTTProtocol

from andon.engines.broker.copies import Copies
from andon.engines.broker.waiting import Waiting

logger = logging.getLogger(__name__)

Ack = Callable[[], None]
OnMessage = Callable[[str, bytes, int, bool, Ack | None], None]
"""(topic, payload, qos, retain, ack); `ack` is None for QoS 0."""

_PUBLISH = 0x30
_REPEATED = 0x08
_PUBACK = b"\x40\x02"
_MAX_LENGTH_BYTES = 4
_CONNECT_S = 10.0
_SHORT_HOLD_S = 1.0
# Packets of one turn of the loop, some milliseconds of work. uvloop goes on reading a socket that is never empty for
# seconds: a flood on one connection must not make screens, requests and the log wait that long.
PACKETS_A_TURN = 400


class FastProtocol(MQTTProtocol):  # type: ignore[misc]  # gmqtt has no type information
    """One connection: cuts packets, delivers PUBLISH at once, gathers PUBACKs into one write per loop turn.

    What is more than one turn's share waits for the next turns, and no more is read in this one. So a flood does not
    fill the connection, where what is to be acknowledged would stand behind all the rest: see `Waiting`.
    """

    def __init__(self, *args: Any, on_message: OnMessage, waiting: Waiting, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.held_since: float | None = None
        self._deliver = on_message
        self._chunks: list[bytes] = []
        self._held = 0
        self._needed = 2
        self._acks: list[bytes] = []
        self._waiting = waiting
        self._resting = False

    def connection_made(self, transport: asyncio.Transport) -> None:
        """Without gmqtt's read loop, which its own class would start here."""
        BaseMQTTProtocol.connection_made(self, transport)

    def data_received(self, data: bytes) -> None:
        """Deliver every whole packet; the rest waits for more, without copying a big one again and again."""
        self._connection._last_data_in = time.monotonic()
        if self._chunks:
            self._chunks.append(data)
            self._held += len(data)
            if self._held < self._needed:
                return
            data = b"".join(self._chunks)
            self._chunks.clear()
        self._take(data)

    def hold(self, paused: bool) -> None:
        """Deliver and read nothing more, or go on."""
        if paused:
            self.held_since = self.held_since or time.monotonic()
            self._transport.pause_reading()
        else:
            self.held_since = None
            self._go_on_soon()

    @property
    def on_hold(self) -> bool:
        """Whether nothing is read."""
        return self.held_since is not None

    @property
    def dropped(self) -> int:
        """Messages at QoS 0 that were not handed on: what waits on hold is not, once the connection is gone."""
        return self._waiting.dropped + (self._waiting.unkept if self.on_hold and self.gone else 0)

    @property
    def gone(self) -> bool:
        """Whether the connection has ended."""
        return self._transport is None or self._transport.is_closing()

    @cached_property
    def _copies(self) -> Copies:
        # A megabyte, which connections without QoS 1 do not need.
        return Copies()

    def _take(self, data: bytes) -> None:
        self._needed = 2
        rest = self._cut(data, 0 if self._waiting or self.on_hold else PACKETS_A_TURN)
        if rest:
            self._chunks.append(rest)
        self._held = len(rest)
        if self._waiting:
            if not self.gone:
                self._transport.pause_reading()
            self._go_on_soon()

    def _go_on_soon(self) -> None:
        if not self._resting:
            self._resting = True
            asyncio.get_running_loop().call_soon(self._go_on)

    def _go_on(self) -> None:
        self._resting = False
        left = PACKETS_A_TURN
        while self._waiting and left > 0 and not self.on_hold:
            run, count = self._waiting.next()
            self._cut(run, count)
            left -= count
        if self.on_hold:
            return
        if self._waiting:
            self._go_on_soon()
        if not (self._waiting.full or self.gone):
            self._transport.resume_reading()

    def eof_received(self) -> bool:
        """The broker closed its side: let the transport close too."""
        return False

    def _cut(self, data: bytes, left: int) -> bytes:
        position, size = 0, len(data)
        while size - position >= 2:
            length, start = data[position + 1], position + 2
            if length & 0x80:
                if size - start and data[start] < 0x80:  # two bytes, as most messages have
                    length, start = length & 0x7F | data[start] << 7, start + 1
                else:
                    length, start = _long_length(data, position + 1)
                if start == 0:
                    self._refuse_endless_length(size - position)
                    self._needed = size - position + 1
                    break
            end = start + length
            if end > size:
                self._needed = end - position
                break
            if data[position] & 0xF0 != _PUBLISH:
                self._connection.put_package(Package(data[position], data[start:end]))
            elif left:
                left -= 1
                self._publish(data[position], data, start, end)
            else:
                self._waiting.add(data, position, end)
            position = end
        self._waiting.close(data)
        return data[position:]

    def _publish(self, head: int, data: bytes, start: int, end: int) -> None:
        body = start + 2 + (data[start] << 8 | data[start + 1])
        topic = data[start + 2 : body].decode("utf-8", "replace")
        qos = head >> 1 & 3
        packet_id = 0
        if qos:
            packet_id = data[body] << 8 | data[body + 1]
            body += 2
        if self.proto_ver == MQTTv50:
            length, properties = _long_length(data, body)
            body = properties + length
        payload = data[body:end]
        if not qos:
            self._deliver(topic, payload, qos, bool(head & 1), None)
        elif not self._copies.is_second(packet_id, bool(head & _REPEATED), topic, payload):
            self._deliver(topic, payload, qos, bool(head & 1), partial(self._acknowledge, packet_id))

    def _refuse_endless_length(self, available: int) -> None:
        if available > _MAX_LENGTH_BYTES:
            logger.warning("MQTT broker sent a malformed packet length, connecting anew")
            self._transport.abort()

    def _acknowledge(self, packet_id: int) -> None:
        if not self._acks:
            asyncio.get_running_loop().call_soon(self._send_acks)
        self._acks.append(packet_id.to_bytes(2, "big"))
        self._copies.acknowledge(packet_id)

    def _send_acks(self) -> None:
        # A packet id means nothing on another connection: what is left when this one is gone is redelivered.
        if not self.gone:
            self.write_data(_PUBACK + _PUBACK.join(self._acks))
        self._acks.clear()


def _long_length(data: bytes, position: int) -> tuple[int, int]:
    """MQTT's variable length at `position`: (value, where it ends), (0, 0) while it is not whole."""
    value = 0
    for i, byte in enumerate(data[position : position + _MAX_LENGTH_BYTES]):
        value |= (byte & 0x7F) << 7 * i
        if byte < 0x80:
            return value, position + i + 1
    return 0, 0


class _Connection(MQTTConnection):  # type: ignore[misc]  # gmqtt has no type information
    """One that gives up a broker which is silent for two keepalives, whatever is still to be sent to it."""

    def _keep_connection(self) -> None:
        if not self.is_closing():
            held_since = self._protocol.held_since
            if held_since is not None and time.monotonic() - held_since > _SHORT_HOLD_S:
                self._last_data_in = time.monotonic()  # what the broker says is not heard
            elif time.monotonic() - self._last_data_in >= 2 * self._keepalive:
                self._transport.abort()  # closing would wait for what cannot be sent
                return
        super()._keep_connection()


class _PatientHandler(MqttPackageHandler):  # type: ignore[misc]  # gmqtt has no type information
    """Tries again after every refusal: a broker that is just starting refuses what it accepts a second later."""

    def _is_retryable_connack(self, result: int) -> bool:
        return True


class FastClient(gmqtt.Client):  # type: ignore[misc]  # gmqtt has no type information
    """gmqtt's client on `FastProtocol`."""

    def __init__(
        self, client_id: str, on_message: OnMessage, make_waiting: Callable[[], Waiting], **kwargs: Any
    ) -> None:
        super().__init__(client_id, **kwargs)
        self._deliver = on_message
        self._make_waiting = make_waiting
        self._dropped_before = 0
        self._protocol: FastProtocol | None = None
        self._paused = False
        self._package_handler: Any = _PatientHandler(
            connack_event=self._connack_received,
            connection_lost_event=self._connection_lost,
            connection_state=self._connection_state,
            reconnect_callback=self.reconnect,
            disconnect_callback=self.disconnect,
            resend_qos_callback=self._resend_qos_messages,
            clear_qos_callback=self._clear_resend_qos_queue,
            remove_message_callback=self._remove_message_from_queue,
            store_message_callback=self._store_message_in_queue,
            send_command_with_mid_callback=self._send_command_with_mid,
            connect_properties=self._connect_properties,
            subscriptions_getter=lambda: self.subscriptions,
            logger=self._logger,
        )

    @property
    def in_flight(self) -> int:
        """Published messages (QoS 1) that the broker has not acknowledged yet."""
        return len(self._persistent_storage._messages)

    @property
    def dropped(self) -> int:
        """Messages at QoS 0 that were received and not handed on: more came than could be handled."""
        return self._dropped_before + (self._protocol.dropped if self._protocol is not None else 0)

    async def drained(self) -> None:
        """Until nothing is in flight."""
        await self._persistent_storage.wait_empty()

    def hold(self, paused: bool) -> None:
        """Stop reading from the broker, or go on; also holds for later connections."""
        self._paused = paused
        protocol = self._protocol
        if protocol is not None and not protocol.gone:
            protocol.hold(paused)

    async def _create_connection(
        self, host: str, port: int, ssl: Any, clean_session: bool, keepalive: int
    ) -> MQTTConnection:
        self._exit_reconnecting_state()
        self._package_handler.clear_topics_aliases()
        self._connack_received.clear()
        self._connection_lost.clear()
        factory = partial(
            FastProtocol,
            on_message=self._deliver,
            waiting=self._make_waiting(),
            connection_state=self._connection_state,
            id_generator=self._package_handler.id_generator,
        )
        async with asyncio.timeout(_CONNECT_S):  # TimeoutError is an OSError: it is tried again
            transport, protocol = await asyncio.get_running_loop().create_connection(factory, host, port, ssl=ssl)
        self._dropped_before = self.dropped
        self._protocol = protocol
        if self._paused:
            protocol.hold(True)
        return _Connection(
            transport, protocol, clean_session, keepalive, package_handler=self._package_handler, logger=self._logger
        )
