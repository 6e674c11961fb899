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
from support.running import eventually
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


def test_a_role_that_is_killed_takes_up_its_work_when_it_is_started_again(site: Site) -> None:
    with SteadyLoad(site.andon, "killed") as load:
        for role in ROLES:
            load.goes_on()
            process = site.andon.of(role)
            process.kill()
            process.restart()
        load.goes_on()
    load.check()


def test_a_role_that_is_asked_to_end_leaves_nothing_undone(site: Site) -> None:
    with SteadyLoad(site.andon, "asked") as load:
        for pair in zip(ROLES[::2], ROLES[1::2], strict=True):
            load.goes_on()
            processes = [site.andon.of(role) for role in pair]
            assert [process.stop() for process in processes] == [0, 0]
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
        link.heal()
        load.goes_on()
    saved = round(BROKER_SAVES_S * US_PER_S)
    load.check(lossy=(killed - saved, killed) if engine == "mosquitto" else (0, 0))


def test_who_stands_by_takes_over_from_one_that_is_killed(site: Site) -> None:
    """Alarms are one process's work at a time, by a lease; historians share the partitions of the log."""
    first = [site.andon.of(role) for role in ("alerts", "historian")]
    site.andon.add_all(["alerts"], ["historian"])
    with SteadyLoad(site.andon, "standby") as load:
        load.goes_on()
        for process in first:
            process.kill()
        load.alarms_go_on()
        site.andon.start()
        load.goes_on()
    load.check()
