"""The client library of Kafka, imported only when Kafka is used, and its errors as Andon's."""

from __future__ import annotations

import logging
from types import ModuleType
from typing import Any

from andon.engines.log.kafka.settings import KafkaAddress
from andon.kit.errors import AndonError, StartError, TooLargeError, UnavailableError

log = logging.getLogger("andon.engines.log.kafka.client")


def library() -> ModuleType:
    """`confluent_kafka`. StartError that names the extra when it is not installed."""
    try:
        import confluent_kafka
    except ImportError as error:
        raise StartError(
            "Kafka is configured (ANDON_LOG_URL), but its client is not installed",
            field="log_url",
            cure="pip install 'andon[kafka]'",
        ) from error
    return confluent_kafka


def admin_library() -> ModuleType:
    """`confluent_kafka.admin`."""
    library()
    import confluent_kafka.admin

    return confluent_kafka.admin


def options(address: KafkaAddress, **more: Any) -> dict[str, Any]:
    """Configuration of one client: keywords have underscores where Kafka has dots; what the address says wins."""
    named = {name.replace("_", "."): value for name, value in more.items()}
    return {
        # The client says everything once more as an error that somebody handles.
        "log_level": 2,
        "socket.keepalive.enable": True,
        # A broker that vanished without a word is noticed soon: by itself the client waits for a minute.
        "socket.timeout.ms": 10_000,
        "socket.connection.setup.timeout.ms": 10_000,
        # Nor is it noticed at all while nobody asks it something: then whoever asks next would pay for it.
        "connections.max.idle.ms": 30_000,
        "reconnect.backoff.ms": 50,
        "reconnect.backoff.max.ms": 2000,
        **named,
        **address.client_options(),
    }


def unavailable(error: Any, doing: str) -> AndonError:
    """An error of the client as one of Andon's. `doing`: what did not work, as a sentence goes on: "cannot …"."""
    kafka = library().KafkaError
    found = error.args[0] if isinstance(error, Exception) and error.args else error
    code = found.code() if hasattr(found, "code") else None
    text = found.str() if hasattr(found, "str") else str(found)
    if code == kafka.MSG_SIZE_TOO_LARGE:
        return TooLargeError(
            f"Kafka {doing}: {text}", cure="raise max.message.bytes of the topic, or send smaller batches"
        )
    if code in (kafka.TOPIC_AUTHORIZATION_FAILED, kafka.GROUP_AUTHORIZATION_FAILED, kafka.CLUSTER_AUTHORIZATION_FAILED):
        return UnavailableError(f"Kafka {doing}: {text}", cure="give Andon's user the right to it (see kafka-acls)")
    return UnavailableError(f"Kafka {doing}: {text}", cure="see that the broker at ANDON_LOG_URL is running")


def is_passing(error: Exception) -> bool:
    """Whether it passes by itself: a topic is new, or its partitions or a group move to another broker."""
    kafka = library().KafkaError
    code = error.args[0].code() if error.args and hasattr(error.args[0], "code") else None
    return code in (
        kafka.NOT_LEADER_FOR_PARTITION,
        kafka.LEADER_NOT_AVAILABLE,
        kafka.REPLICA_NOT_AVAILABLE,
        kafka.UNKNOWN_TOPIC_OR_PART,
        kafka.COORDINATOR_LOAD_IN_PROGRESS,
        kafka.COORDINATOR_NOT_AVAILABLE,
        kafka.NOT_COORDINATOR,
    )


def is_fatal(error: Any) -> bool:
    """Whether the client that reports it is of no more use."""
    return hasattr(error, "fatal") and bool(error.fatal() or error.code() == library().KafkaError._FATAL)
