"""A plant whose roles run apart is killed piece by piece and cut to pieces under load, and puts itself together again."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field

import pytest

from andon.kit.clock import US_PER_S, now_us
from support.apart import ApartAndon, Engines
from support.engines import start
from support.link import Link
from support.servers import Kafka, Mosquitto, Postgres, Redis, Server
from support.steady_load import SteadyLoad

pytestmark = [pytest.mark.failure, pytest.mark.topology, pytest.mark.kafka, pytest.mark.timeout(240)]

ROLES = ("ingest", "processing", "historian", "alerts", "realtime", "api")
ENGINES = ("kafka", "postgres", "redis", "mosquitto")
BROKER_SAVES_S = 2.0


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


def test_each_role_is_killed_and_started_again(site: Site) -> None:
    with SteadyLoad(site.andon, "killed") as load:
        for role in ROLES:
            load.goes_on()
            process = site.andon.of(role)
            process.kill()
            process.restart()
        load.goes_on()
    load.check()


def test_each_role_ends_in_peace_when_it_is_asked_to_and_is_started_again(site: Site) -> None:
    with SteadyLoad(site.andon, "asked") as load:
        for role in ROLES:
            load.goes_on()
            process = site.andon.of(role)
            assert process.stop() == 0
            process.restart()
        load.goes_on()
    load.check()


@pytest.mark.parametrize("engine", ENGINES)
def test_an_engine_is_killed_and_started_again(site: Site, engine: str) -> None:
    with SteadyLoad(site.andon, f"no-{engine}") as load:
        load.goes_on(100)
        killed = now_us()
        site.servers[engine].kill()
        time.sleep(1)
        site.servers[engine].start()
        load.goes_on()
    saved = round(BROKER_SAVES_S * US_PER_S)
    load.check(lossy=(killed - saved, killed) if engine == "mosquitto" else (0, 0))


@pytest.mark.parametrize("engine", ENGINES)
def test_the_network_to_an_engine_is_cut_and_freezes(site: Site, engine: str) -> None:
    link = site.links[engine]
    with SteadyLoad(site.andon, f"cut-{engine}") as load:
        load.goes_on(100)
        link.cut()
        time.sleep(1)
        link.heal()
        load.goes_on()
        link.freeze()
        time.sleep(4)
        link.heal()
        load.goes_on()
    load.check()
