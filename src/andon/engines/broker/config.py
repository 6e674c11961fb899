"""What the embedded broker is told: its limits, its users, and the file that nats-server reads."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from andon.engines.broker.credentials import GRANTS, Credentials, Grant

_DURATION = re.compile(r"^(always|\d+(ms|s|m))$")


@dataclass(frozen=True, slots=True)
class BrokerConfig:
    """Settings of the embedded broker.

    `sync`: how often messages that wait in the broker are forced to disk, `always` or a duration such as
    `1s`. With a duration a killed broker loses nothing, a power cut at most that time of what the server
    had not taken over yet; `always` closes that gap for about a twentieth of the throughput.
    `threads`: cores that it may use at a time; 0 is half of the machine's. A single core costs a message least, and
    one that senders flood leaves the others to the server, which has to take what was acknowledged.
    `ack_wait_s`: nats-server delivers a message that was not acknowledged again after this time, and not
    earlier: so long does a restarted server wait for what its predecessor had received but not stored.
    """

    data_dir: Path
    host: str = "127.0.0.1"
    port: int = 1883
    max_payload_bytes: int = 12 << 20
    max_connections: int = 10_000
    max_ack_pending: int = 20_000
    ack_wait_s: int = 5
    sync: str = "1s"
    max_store_bytes: int = 4 << 30
    max_client_backlog_bytes: int = 64 << 20
    memory_limit_bytes: int = 192 << 20
    threads: int = 0
    start_timeout_s: float = 10.0
    stop_timeout_s: float = 3.0

    def __post_init__(self) -> None:
        if not _DURATION.match(self.sync):
            raise ValueError(f"sync {self.sync!r} is neither 'always' nor a duration such as 1s or 500ms")
        if self.threads < 0:
            raise ValueError("threads must not be negative")
        if not 1 <= self.max_ack_pending <= 65_535:
            raise ValueError("max_ack_pending must be from 1 to 65535")

    @property
    def folder(self) -> Path:
        """Where the broker keeps its messages, its log and its configuration."""
        return self.data_dir / "broker"

    @property
    def environment(self) -> Mapping[str, str]:
        """What nats-server is told by its environment: bounds of the Go runtime."""
        threads = self.threads or max(1, (os.cpu_count() or 1) // 2)
        return {"GOMEMLIMIT": str(self.memory_limit_bytes), "GOMAXPROCS": str(threads)}


def to_subject(topic_filter: str) -> str:
    """The NATS subject of an MQTT filter: `/` separates with `.`, a dot in a level becomes `//`."""
    levels = topic_filter.split("/")
    return ".".join({"+": "*", "#": ">"}.get(level, level.replace(".", "//")) for level in levels)


def render(config: BrokerConfig, credentials: Credentials) -> str:
    """The configuration of nats-server. It holds passwords: keep it private.

    The NATS protocol itself listens on a random loopback port and admits nobody, since every user is
    bound to MQTT; so does the monitor, whose port is found through the ports file.
    """
    folder = config.folder
    settings: Mapping[str, object] = {
        "server_name": "andon",
        "listen": "127.0.0.1:-1",
        "http": "127.0.0.1:-1",
        "ports_file_dir": str(folder),
        "log_file": str(folder / "nats-server.log"),
        "logfile_size_limit": 4 << 20,
        "logfile_max_num": 2,
        "max_payload": config.max_payload_bytes,
        "max_pending": max(config.max_client_backlog_bytes, config.max_payload_bytes),
        "max_connections": config.max_connections,
        "jetstream": {
            "store_dir": str(folder / "store"),
            "max_file_store": config.max_store_bytes,
            "max_memory_store": 0,
            "sync_interval": config.sync,
        },
        "mqtt": {
            "host": config.host,
            "port": config.port,
            "ack_wait": f"{config.ack_wait_s}s",
            "max_ack_pending": config.max_ack_pending,
        },
        "authorization": {"users": [_user(name, credentials, GRANTS[name]) for name in GRANTS]},
    }
    return json.dumps(settings, indent=2) + "\n"


def _user(name: str, credentials: Credentials, grant: Grant) -> Mapping[str, object]:
    user: dict[str, object] = {
        "user": name,
        "password": credentials.password(name),
        "allowed_connection_types": ["MQTT"],
    }
    if grant.publish is not None and grant.subscribe is not None:
        user["permissions"] = {
            "publish": {"allow": [to_subject(topic) for topic in grant.publish]},
            "subscribe": {"allow": [to_subject(topic) for topic in grant.subscribe]},
        }
    return user
