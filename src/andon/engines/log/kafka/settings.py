"""Where Kafka is, and every bound of the log on it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final
from urllib.parse import parse_qsl, urlsplit

from andon.engines.log.limits import MIB
from andon.kit.clock import US_PER_DAY
from andon.kit.errors import StartError

SCHEME: Final = "kafka"
_EXAMPLE = "kafka://host:9092,host2:9092"


@dataclass(frozen=True, slots=True)
class KafkaAddress:
    """`servers`: host:port, separated by commas. `prefix` stands before the names of topics and groups.

    `options` go to the client (librdkafka) as they are, such as `compression.type` or `ssl.ca.location`.
    """

    servers: str
    prefix: str = ""
    username: str | None = None
    password: str | None = None
    tls: bool = False
    options: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def parse(
        cls, url: str, *, username: str | None = None, password: str | None = None, tls: bool = False
    ) -> KafkaAddress:
        """From `kafka://host:9092,host2:9092?prefix=plant1.&compression.type=zstd`. StartError for another shape."""
        parts = urlsplit(url)
        servers = parts.netloc
        if parts.scheme != SCHEME or not servers or "@" in servers or parts.path not in ("", "/"):
            cure = f"write {_EXAMPLE}; user and password have settings of their own (ANDON_KAFKA_USERNAME, _PASSWORD)"
            raise StartError(f"ANDON_LOG_URL is no address of Kafka: {_shown(url)}", field="log_url", cure=cure)
        options = dict(parse_qsl(parts.query))
        prefix = options.pop("prefix", "")
        return cls(servers, prefix, username, password, tls, options)

    def client_options(self) -> dict[str, str]:
        """What every client of the broker is configured with."""
        secured = {(False, False): "PLAINTEXT", (False, True): "SSL", (True, False): "SASL_PLAINTEXT"}
        protocol = secured.get((self.username is not None, self.tls), "SASL_SSL")
        options = {"bootstrap.servers": self.servers, "security.protocol": protocol}
        if self.username is not None:
            sasl = {"sasl.mechanism": "SCRAM-SHA-512", "sasl.username": self.username}
            options |= {**sasl, "sasl.password": self.password or ""}
        return {**options, **self.options}


@dataclass(frozen=True, slots=True)
class KafkaLimits:
    """Bounds in bytes, records and seconds.

    `partitions`, `replication`, `retain_us`, `retain_bytes` (of a stream; None: no bound) are for topics that Andon
    creates; those that exist stay as they are. `sensors-data` has `partitions`, the other streams have one.
    `queue_bytes`: appends wait when more than this is on its way. `delivery_s`: an append that is not confirmed by
    then is refused. `buffer_bytes`: read ahead for one reader of one partition; `prefetch_bytes`: for all readers
    that share a connection; `lanes`: such connections, and so readers of the same partition, at most.
    `start_s`: how long a start waits for the broker; `request_s`: for one answer.
    `session_s`: a member of a group that is not heard of for so long loses its partitions; `revoke_s`: how long
    partitions that are to move wait for the batch in hand. `commit_delay_s`: how long a position may wait.
    """

    partitions: int = 8
    replication: int = 1
    retain_us: int = 7 * US_PER_DAY
    retain_bytes: int | None = None
    max_record_bytes: int = 4 * MIB
    queue_bytes: int = 16 * MIB
    delivery_s: float = 10.0
    buffer_bytes: int = 2 * MIB
    prefetch_bytes: int = 4 * MIB
    lanes: int = 16
    idle_s: float = 60.0
    start_s: float = 30.0
    request_s: float = 5.0
    session_s: float = 10.0
    revoke_s: float = 20.0
    commit_delay_s: float = 0.5
    status_s: float = 2.0
    max_topics: int = 64


def _shown(url: str) -> str:
    """The address without what may be secret."""
    return url.rsplit("@", 1)[-1][:100]
