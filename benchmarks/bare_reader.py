"""The least that any server does with what comes over MQTT: receive, decode, append to the log, acknowledge.

The same broker, client, decoders, log and load generator as Andon has or is measured with, and nothing between them:
no devices, checks, alarms, history or screens. Run as a process: `python -m benchmarks.bare_reader '{"kind": …}'`
prints one JSON line with the seconds it took and the values that were stored.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import uvloop

from andon.engines.broker.client import ClientConfig, MqttClient
from andon.engines.broker.config import BrokerConfig
from andon.engines.broker.credentials import DEVICE, SERVER
from andon.engines.broker.embedded import EmbeddedBroker
from andon.engines.broker.mqtt_protocol import Ack
from andon.engines.log.embedded import EmbeddedLog
from andon.engines.log.limits import LogLimits
from andon.engines.log.port import SENSORS_DATA
from andon.kit.samples import encode
from benchmarks.bare import DECODERS
from benchmarks.plant import module

TOPICS = {"json1": "factory-plus/devices/+/data", "sparkplug60": "spBv1.0/#"}
SILENT_S = 3.0
AT_ONCE = 1_000
"""Messages in one record of the log."""
HELD = 50_000
"""Messages that may wait; above, nothing more is read."""


class Inbox:
    """What was received and is not stored yet."""

    def __init__(self) -> None:
        self.payloads: list[bytes] = []
        self.acks: list[Ack] = []
        self.filled = asyncio.Event()

    def receive(self, _topic: str, payload: bytes, _qos: int, _retain: bool, ack: Ack | None) -> None:
        """As MqttClient calls it."""
        self.payloads.append(payload)
        if ack is not None:
            self.acks.append(ack)
        self.filled.set()

    async def take(self) -> tuple[list[bytes], list[Ack]]:
        """All there is, or nothing when nothing comes any more."""
        try:
            await asyncio.wait_for(self.filled.wait(), SILENT_S)
        except TimeoutError:
            return [], []
        self.filled.clear()
        taken = self.payloads, self.acks
        self.payloads, self.acks = [], []
        return taken


async def _store(inbox: Inbox, client: MqttClient, log: EmbeddedLog, kind: str, expected: int) -> tuple[int, float]:
    """(values stored, when the last of them was), once all are there or nothing comes any more."""
    decode, values, last = DECODERS[kind], 0, time.perf_counter()
    while values < expected:
        payloads, acks = await inbox.take()
        if not payloads:
            if values:
                break
            continue  # the generator has yet to start
        if len(payloads) > HELD:
            client.pause()
        batches = [decode(payloads[at : at + AT_ONCE]) for at in range(0, len(payloads), AT_ONCE)]
        await log.append(SENSORS_DATA, [encode(batch) for batch in batches])
        for ack in acks:
            ack()
        client.resume()
        values, last = values + sum(map(len, batches)), time.perf_counter()
    return values, last


async def run(options: dict[str, Any]) -> dict[str, float]:
    """`kind`, `qos`, `expected` values; `load`: options of the generator but for the address of the broker."""
    with TemporaryDirectory(prefix="andon-bench-") as folder:
        broker = EmbeddedBroker(BrokerConfig(Path(folder), port=0))
        log = EmbeddedLog.open(Path(folder) / "log.db", LogLimits(min_free_bytes=0))
        await broker.start()
        inbox = Inbox()
        login = ("bare", "127.0.0.1", broker.port, SERVER, broker.credentials.password(SERVER))
        client = MqttClient(ClientConfig(*login, [(TOPICS[options["kind"]], options["qos"])]), inbox.receive)
        client.start()
        await client.wait_connected(10)
        sender = {"port": broker.port, "username": DEVICE, "password": broker.credentials.password(DEVICE)}
        load = {**sender, "client_id": "load", "kind": options["kind"], "qos": options["qos"], **options["load"]}
        storing = asyncio.create_task(_store(inbox, client, log, options["kind"], options["expected"]))
        published = await module("mqtt_load", load)
        ended = time.perf_counter()
        async with asyncio.timeout(60):
            values, last = await storing
        await client.stop()
        await broker.stop()
        await log.close()
    return {"values": values, "seconds": published["seconds"] + max(0.0, last - ended)}


if __name__ == "__main__":
    print(json.dumps(uvloop.run(run(json.loads(sys.argv[1])))), flush=True)
