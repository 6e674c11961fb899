"""A plant whose roles run apart is killed piece by piece and cut apart under load, and puts itself together again."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import Any

import httpx
import pytest

from andon.kit.clock import US_PER_S, now_us
from support.apart import ApartAndon, Engines
from support.engines import start
from support.link import Link
from support.running import eventually
from support.servers import Kafka, Mosquitto, Postgres, Redis, Server
from support.steady_load import SteadyLoad

pytestmark = [
    *(pytest.mark.failure, pytest.mark.topology, pytest.mark.kafka, pytest.mark.timeout(600)),
    pytest.mark.xdist_group("apart"),  # all its engines are its own: five minutes beside the others of Kafka, not after
]

ROLES = ("ingest", "processing", "historian", "alerts", "realtime", "api")
ENGINES = ("kafka", "postgres", "redis", "mosquitto")
BROKER_SAVES_S = 2.0
POISON: tuple[tuple[bytes | None, bytes | None], ...] = (
    (b"\x00\xff garbage", b"neighbour"),
    (b"", b"neighbour"),
    (None, b"neighbour"),  # a tombstone
    (b"{", None),
    (b"[1, 2", b"\xff\xfe"),
    (b'"text"', b"neighbour"),
    (b'{"deviceId": 7, "value": {}}', b"neighbour"),
    (b'{"deviceId": "neighbour", "value": "NaN", "timestamp": "yesterday"}', b"neighbour"),
    (b'{"deviceId": "neighbour", "value": ' + b"[" * 3_000_000, b"neighbour"),
)
"""(payload, key) of records that are no samples."""


@dataclass
class Site:
    """The plant, its engines, and the network between them."""

    andon: ApartAndon
    servers: dict[str, Server] = field(default_factory=dict)
    links: dict[str, Link] = field(default_factory=dict)


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """Running; its engines may be killed and its links cut."""
    with ExitStack() as stack:
        links = {name: stack.enter_context(Link()) for name in ENGINES}
        servers: dict[str, Server] = {
            "kafka": stack.enter_context(start(Kafka, advertised=links["kafka"].port)),
            "postgres": stack.enter_context(start(Postgres)),
            "redis": stack.enter_context(start(Redis)),
            "mosquitto": stack.enter_context(start(Mosquitto)),
        }
        for name, server in servers.items():
            links[name].target = server.port
        mosquitto = servers["mosquitto"]
        assert isinstance(mosquitto, Mosquitto)
        engines = Engines(
            {
                "ANDON_LOG_URL": f"kafka://127.0.0.1:{links['kafka'].port}",
                "ANDON_DATABASE_URL": f"postgresql://andon@127.0.0.1:{links['postgres'].port}/postgres",
                "ANDON_HISTORIAN": "postgres",
                "ANDON_REDIS_URL": f"redis://127.0.0.1:{links['redis'].port}/0",
                "ANDON_MQTT_URL": f"mqtt://127.0.0.1:{links['mosquitto'].port}",
            },
            mosquitto,
        )
        andon = stack.enter_context(ApartAndon(tmp_path_factory.mktemp("apart"), engines))
        yield Site(andon, servers, links)


def test_roles_that_are_killed_or_asked_to_end_take_their_work_up_again(site: Site) -> None:
    with SteadyLoad(site.andon, "roles") as load:
        for killed, asked in zip(ROLES, ROLES[1:] + ROLES[:1], strict=True):
            load.goes_on()
            site.andon.of(killed).kill()
            assert site.andon.of(asked).stop() == 0
            site.andon.start()
        load.goes_on()
    load.check()


def noticed(site: Site, engine: str, load: SteadyLoad) -> None:
    """Wait until an engine that does not answer is noticed."""
    if engine == "kafka":  # appends wait for it, and are refused in the end
        before = load.refused
        eventually(lambda: load.refused > before, within_s=60, what="a refusal")
    elif engine == "mosquitto":
        time.sleep(3)  # nobody misses it for longer than that
    else:
        eventually(lambda: site.andon.health() != "healthy", within_s=60, what="a complaint")


@pytest.mark.parametrize("engine", ENGINES)
def test_an_engine_is_killed_and_the_network_to_it_is_cut_and_freezes(site: Site, engine: str) -> None:
    server, link = site.servers[engine], site.links[engine]
    with SteadyLoad(site.andon, f"no-{engine}") as load:
        load.goes_on(50)
        killed = now_us()
        server.kill()
        server.start()
        load.goes_on()
        link.cut()
        time.sleep(0.5)
        link.heal()
        load.goes_on()
        link.freeze()
        noticed(site, engine, load)
        if engine == "kafka":
            link.forget()  # by now its clients have given those connections up
        else:
            link.heal()
        load.goes_on()
    saved = round(BROKER_SAVES_S * US_PER_S)
    load.check(lossy=(killed - saved, killed) if engine == "mosquitto" else (0, 0))


def test_who_stands_by_takes_over_from_one_that_is_killed(site: Site) -> None:
    """Alarms, and a shard of ingest, are one process's work at a time; historians share the partitions of the log."""
    first = [site.andon.of(role) for role in ("alerts", "historian", "ingest")]
    _, _, ingest = site.andon.add_all(["alerts"], ["historian"], ["ingest"])
    stand_by = f"{ingest.urls['ingest']}/health"
    eventually(
        lambda: httpx.get(stand_by, timeout=20).json()["status"] == "healthy", what="health of who lacks nothing"
    )
    with SteadyLoad(site.andon, "standby") as load:
        load.goes_on()
        for process in first:
            process.kill()
        load.alarms_go_on()
    load.check()


def test_what_nobody_can_read_on_kafka_is_set_aside_and_its_neighbours_are_stored(site: Site) -> None:
    """Other programs write to the topic too."""
    from confluent_kafka import Producer

    producer = Producer({"bootstrap.servers": f"127.0.0.1:{site.links['kafka'].port}", "message.max.bytes": 4 << 20})
    with site.andon.client() as client:
        body = {"deviceId": "neighbour", "type": "counter", "location": "line", "unit": "units"}
        client.post("/api/v1/devices", json=body).raise_for_status()
        good = []
        for payload, key in POISON:
            good.append(float(len(good)))
            message = {"deviceId": "neighbour", "timestamp": now_us(), "sensorType": "counter", "value": good[-1]}
            for each in (payload, json.dumps(message).encode(), payload):
                producer.produce("sensors-data", each, key=key)
        assert producer.flush(30) == 0

        def stored() -> list[float]:
            history = client.get("/api/v1/devices/neighbour/history", params={"from": "-1h", "to": "+1h"})
            return [each["value"] for each in history.raise_for_status().json()["data"]["readings"]]

        eventually(lambda: stored() == good, within_s=60, what="what came between the poison")

        def set_aside() -> list[dict[str, Any]] | None:
            answer = client.get("/api/v1/system/dead-letters", params={"limit": 500})
            if answer.status_code == 503:
                return None  # what it was to be asked over has died meanwhile, and is made again
            letters = answer.raise_for_status().json()["data"]["deadLetters"]
            found = [each for each in letters if each["topic"].startswith("sensors-data")]
            return found if len(found) >= 2 * len(POISON) else None

        letters = eventually(set_aside, within_s=60, what="the dead letters")
        assert len(letters) == 2 * len(POISON), "each is set aside once"
        assert all(letter["reason"] and letter["detail"] for letter in letters), letters
    assert site.andon.health() == "healthy"
