"""Picks the MQTT broker: Andon's own, or one outside."""

from __future__ import annotations

from andon.app.settings import Settings, secret
from andon.app.topology import Topology
from andon.engines.broker.address import BrokerAddress
from andon.engines.broker.config import BrokerConfig
from andon.engines.broker.embedded import EmbeddedBroker
from andon.engines.broker.outside import OutsideBroker

# For roles that publish and subscribe nothing.
_NO_BROKER = BrokerAddress("", 0, "", "")


def open_broker(settings: Settings, topology: Topology) -> EmbeddedBroker | OutsideBroker:
    """The MQTT broker; nothing runs yet."""
    url = secret(settings.mqtt_url)
    if url is not None:
        return OutsideBroker(BrokerAddress.parse(url))
    return embedded_broker(settings) if "broker" in topology.roles else OutsideBroker(_NO_BROKER)


def embedded_broker(settings: Settings) -> EmbeddedBroker:
    """Andon's own broker."""
    config = BrokerConfig(
        data_dir=settings.data_dir,
        host=settings.host,
        port=settings.mqtt_port,
        max_payload_bytes=settings.broker_max_payload_bytes,
        threads=settings.broker_threads,
    )
    return EmbeddedBroker(config)
