"""Listens to a running Andon's broker in a thread of its own, and keeps what it hears."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Callable
from types import TracebackType
from typing import Any, NamedTuple

from gmqtt import Client
from gmqtt.mqtt.constants import MQTTv311

from andon.engines.broker.credentials import SERVER, Credentials
from andon.wire.topics import topic_matches
from support.running import RunningAndon, eventually

REFUSED = 128


class Heard(NamedTuple):
    """One message as it arrived."""

    topic: str
    payload: bytes
    qos: int
    retain: bool

    @property
    def body(self) -> Any:
        """The payload as JSON."""
        return json.loads(self.payload)


class MqttWatch:
    """A client that subscribes `filters`. Use it as a context manager; by default it may do all that the server may.

    The broker counts what may be unacknowledged per session: at QoS 1 one filter is safe, see its README.
    """

    def __init__(
        self, andon: RunningAndon, *filters: str, qos: int = 0, user: str = SERVER, client_id: str = "watch"
    ) -> None:
        self._password = Credentials.load_or_create(andon.data_dir).password(user)
        self._user, self._port, self._client_id = user, andon.mqtt_port, client_id
        self._filters, self._qos = filters, qos
        self.messages: list[Heard] = []
        self.granted: list[int] = []
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)

    def of(self, topic_filter: str) -> list[Heard]:
        """What was heard on topics of that filter, in order."""
        return [message for message in tuple(self.messages) if topic_matches(topic_filter, message.topic)]

    def wait(
        self,
        topic_filter: str,
        wanted: Callable[[Heard], bool] = lambda heard: True,
        *,
        count: int = 1,
        within_s: float = 20,
    ) -> list[Heard]:
        """All such messages, once there are at least `count`."""

        def enough() -> list[Heard] | None:
            found = [message for message in self.of(topic_filter) if wanted(message)]
            return found if len(found) >= count else None

        return eventually(enough, within_s=within_s, what=f"{count} messages on {topic_filter}")

    def publish(self, topic: str, payload: bytes | dict[str, Any], qos: int = 0) -> None:
        """Send a message."""
        data = json.dumps(payload) if isinstance(payload, dict) else payload
        self._loop.call_soon_threadsafe(lambda: self._client.publish(topic, data, qos=qos))

    def __enter__(self) -> MqttWatch:
        self._thread.start()
        asyncio.run_coroutine_threadsafe(self._connect(), self._loop).result(10)
        eventually(lambda: len(self.granted) == len(self._filters), what="the broker's answer to the subscriptions")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        asyncio.run_coroutine_threadsafe(self._client.disconnect(), self._loop).result(10)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)
        self._loop.close()

    async def _connect(self) -> None:
        client = self._client = Client(self._client_id, clean_session=True)
        client.set_auth_credentials(self._user, self._password)
        client.on_message = self._hear
        client.on_subscribe = lambda _client, _mid, granted, _properties: self.granted.extend(granted)
        await client.connect("127.0.0.1", self._port, version=MQTTv311)
        for each in self._filters:
            client.subscribe(each, qos=self._qos)

    def _hear(self, _client: Client, topic: str, payload: bytes, qos: int, properties: dict[str, Any]) -> int:
        self.messages.append(Heard(topic, payload, qos, bool(properties.get("retain"))))
        return 0
