"""Real engines as child processes: each in a folder of its own on a free port of the loopback, stopped by its id.

    with Redis(folder) as redis:
        ...  redis.url

`kill` and `start` again keep port and data, as after a crash. Used by tests and by `tools/engines.py`.
"""

from __future__ import annotations

from support.servers.base import MissingEngineError, Server, running
from support.servers.influx import Influx
from support.servers.kafka import Kafka
from support.servers.mosquitto import Mosquitto
from support.servers.postgres import Postgres, Replica, Timescale
from support.servers.redis import Redis

__all__ = [
    "Influx",
    "Kafka",
    "MissingEngineError",
    "Mosquitto",
    "Postgres",
    "Redis",
    "Replica",
    "Server",
    "Timescale",
    "running",
]
