"""The connections to the broker: one per family of topics, so that each has at most one QoS 1 subscription."""

from __future__ import annotations

from andon.engines.broker.address import BrokerAddress
from andon.engines.broker.client import ClientConfig, MqttClient, Will
from andon.engines.broker.mqtt_protocol import OnMessage
from andon.ingest.sparkplug.host import SparkplugHost
from andon.wire.sparkplug.messages import Outgoing

FAMILIES: dict[str, tuple[tuple[str, int], ...]] = {
    "factory-plus": (("factory-plus/devices/+/data", 1), ("factory-plus/devices/+/status", 0)),
    "kaldor": (("kaldor/loom/+/bbw/raw", 1), ("kaldor/loom/+/status", 0)),
    # QoS 0 as the standard has it: births, data and deaths then come in the order in which they were sent.
    "sparkplug": (("spBv1.0/#", 0),),
}


class MqttSource:
    """Receives everything that devices publish, and publishes for the server."""

    def __init__(self, address: BrokerAddress, receive: OnMessage, host: SparkplugHost, max_waiting_bytes: int) -> None:
        self._host = host
        self._clients = {
            family: MqttClient(
                _config(address, family, host, max_waiting_bytes),
                receive,
                self._joined if family == "sparkplug" else None,
            )
            for family in FAMILIES
        }

    @property
    def connected(self) -> bool:
        """Whether every connection stands."""
        return all(client.connected for client in self._clients.values())

    @property
    def dropped(self) -> int:
        """Messages at QoS 0 that came faster than they could be taken and were dropped, since the start."""
        return sum(client.dropped for client in self._clients.values())

    def start(self) -> None:
        """Begin to connect; connections that are lost come back by themselves."""
        for client in self._clients.values():
            client.start()

    async def wait_connected(self, timeout_s: float) -> None:
        """Until all connections stand. TimeoutError when they do not in time."""
        for client in self._clients.values():
            await client.wait_connected(timeout_s)

    async def stop(self) -> None:
        """Say goodbye to the edge nodes and disconnect; the broker keeps what comes meanwhile."""
        farewell = self._host.will
        self.publish(farewell.topic, farewell.payload, farewell.qos, farewell.retain)
        for client in self._clients.values():
            await client.stop()

    def pause(self) -> None:
        """Read nothing more until `resume`: the broker waits with what we cannot take."""
        for client in self._clients.values():
            client.pause()

    def resume(self) -> None:
        """Read again."""
        for client in self._clients.values():
            client.resume()

    def publish(self, topic: str, payload: bytes, qos: int = 0, retain: bool = False) -> bool:
        """Publish for the server; False when the message was dropped because there is no connection."""
        family = "sparkplug" if topic.startswith("spBv1.0/") else "factory-plus"
        return self._clients[family].publish(topic, payload, qos, retain)

    def send(self, message: Outgoing) -> None:
        """Publish a Sparkplug message."""
        self.publish(message.topic, message.payload, message.qos, message.retain)

    def _joined(self) -> None:
        self.send(self._host.birth)


def _config(address: BrokerAddress, family: str, host: SparkplugHost, max_waiting_bytes: int) -> ClientConfig:
    will = host.will if family == "sparkplug" else None
    return ClientConfig(
        f"{address.client_prefix}-{family}",
        address.host,
        address.port,
        address.username,
        address.password,
        FAMILIES[family],
        will and Will(will.topic, will.payload, will.qos, will.retain),
        mqtt5=address.mqtt5,
        tls=address.tls,
        max_waiting_bytes=max_waiting_bytes,
    )
