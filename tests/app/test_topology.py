"""What a process needs to run some roles: said in one line before anything starts."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from andon.app.roles import ROLES, in_order
from andon.app.settings import Settings, load_settings
from andon.app.topology import ALL_ROLES, Topology
from andon.engines.broker.address import BrokerAddress
from andon.kit.errors import StartError

ANDON = str(Path(sys.executable).with_name("andon"))
SHARED = {
    "log_url": "kafka://127.0.0.1:9092",
    "database_url": "postgresql://andon@127.0.0.1/andon",
    "redis_url": "redis://127.0.0.1",
    "mqtt_url": "mqtt://127.0.0.1",
    "historian": "postgres",
}

APART = {
    "ANDON_LOG_URL": "kafka://127.0.0.1:1",
    "ANDON_MQTT_URL": "mqtt://127.0.0.1:1",
    "ANDON_INGEST_PORT": "0",
}
"""Settings of engines that are not there."""


def database_in(folder: Path) -> dict[str, str]:
    return {"ANDON_DATABASE_URL": f"sqlite:///{folder / 'shared.db'}"}


def settings(tmp_path: Path, **more: Any) -> Settings:
    return load_settings(data_dir=tmp_path, **more)


def test_all_roles_together_share_nothing(tmp_path: Path) -> None:
    found = Topology.of(settings(tmp_path), ALL_ROLES)
    assert found.alone and found.roles == set(ALL_ROLES)
    assert Topology.of(settings(tmp_path), set(ALL_ROLES) - {"simulator"}).alone


@pytest.mark.parametrize(
    ("role", "needed"),
    [
        ("ingest", ("log_url", "database_url", "mqtt_url")),
        ("processing", ("log_url", "database_url", "redis_url")),
        ("historian", ("log_url", "database_url")),
        ("alerts", ("log_url", "database_url", "redis_url")),
        ("realtime", ("log_url", "database_url", "redis_url", "mqtt_url")),
        ("api", ("log_url", "database_url", "redis_url")),
        ("simulator", ("mqtt_url",)),
        ("broker", ()),
    ],
)
def test_a_role_that_runs_apart_says_what_it_misses(tmp_path: Path, role: str, needed: tuple[str, ...]) -> None:
    whole = {name: value for name, value in SHARED.items() if name in needed or name == "historian"}
    assert not Topology.of(settings(tmp_path, **whole), [role]).alone
    for missing in needed:
        rest = {name: value for name, value in whole.items() if name != missing}
        with pytest.raises(StartError, match=f"{role} needs ANDON_{missing.upper()}") as refused:
            Topology.of(settings(tmp_path, **rest), [role])
        assert refused.value.field == missing and "://" in (refused.value.cure or "")


def test_a_broker_of_ones_own_is_enough_for_those_beside_it(tmp_path: Path) -> None:
    assert Topology.of(settings(tmp_path), ["broker", "simulator"]).roles == {"broker", "simulator"}


def test_an_outside_broker_stands_in_for_our_own(tmp_path: Path) -> None:
    found = Topology.of(settings(tmp_path, mqtt_url="mqtt://127.0.0.1"), ALL_ROLES)
    assert "broker" not in found.roles and found.alone


def test_history_in_files_is_read_where_it_is_written(tmp_path: Path) -> None:
    embedded = settings(tmp_path, **{**SHARED, "historian": "embedded"})
    with pytest.raises(StartError, match="another process's files"):
        Topology.of(embedded, ["processing"])
    assert Topology.of(embedded, ["processing", "historian"]).reaches_history(embedded)
    assert not Topology.of(embedded, ["api"]).reaches_history(embedded)
    shared = settings(tmp_path, **SHARED)
    assert Topology.of(shared, ["api"]).reaches_history(shared)
    assert not Topology.of(shared, ["ingest"]).reaches_history(shared)


def test_edge_is_the_simulator_for_now(tmp_path: Path) -> None:
    assert Topology.of(settings(tmp_path, mqtt_url="mqtt://127.0.0.1"), ["edge"]).roles == {"simulator"}


def test_an_unknown_role_is_named_with_those_that_there_are(tmp_path: Path) -> None:
    with pytest.raises(StartError, match="no role 'ingset'") as refused:
        Topology.of(settings(tmp_path), ["ingset"])
    assert "ingest" in (refused.value.cure or "")


def test_a_shard_is_one_of_those_that_there_are(tmp_path: Path) -> None:
    with pytest.raises(StartError, match="shard 2"):
        Topology.of(settings(tmp_path, **SHARED, ingest_shards=2, ingest_shard=2), ["ingest"])


def test_every_role_is_in_both_tables() -> None:
    assert set(ROLES) == set(ALL_ROLES)


def test_roles_start_after_what_they_need_that_is_here() -> None:
    assert in_order({"api", "alerts", "ingest"}) == ["alerts", "ingest", "api"]
    assert in_order({"realtime"}) == ["realtime"]
    assert in_order(ALL_ROLES)[0] == "broker"


@pytest.mark.parametrize(
    ("arguments", "environment", "said"),
    [
        (["api"], {}, "ANDON_LOG_URL"),
        (["ingest"], {"ANDON_LOG_URL": "kafka://127.0.0.1:1", "ANDON_DATABASE_URL": "sqlite://"}, "ANDON_MQTT_URL"),
        (["nonsense"], {}, "nonsense"),
        (["simulator"], {"ANDON_MQTT_URL": "http://127.0.0.1"}, "mqtt://"),
        (["ingest"], {**APART, "ANDON_DATABASE_URL": "mysql://andon:secret@127.0.0.1/andon"}, "ANDON_DATABASE_URL"),
        (["ingest"], {**APART, "ANDON_LOG_URL": "kafka://127.0.0.1:1?nonsense=1"}, "nonsense"),
        (["ingest"], {"ANDON_HISTORIAN": "paper"}, "'influx'"),
    ],
)
def test_it_is_one_line_and_exit_code_2(
    tmp_path: Path, arguments: list[str], environment: dict[str, str], said: str
) -> None:
    done = subprocess.run(
        [ANDON, "run", *arguments, "--data-dir", str(tmp_path / "data")],
        env={**os.environ, **database_in(tmp_path), **environment},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 2, done.stderr
    assert len(done.stderr.strip().splitlines()) == 1 and said in done.stderr
    assert not (tmp_path / "data").exists()


@pytest.mark.parametrize("away", [{}, {"ANDON_DATABASE_URL": "postgresql://andon@127.0.0.1:1/andon"}])
def test_who_waits_for_an_engine_can_be_stopped(tmp_path: Path, away: dict[str, str]) -> None:
    process = subprocess.Popen(
        [ANDON, "run", "ingest", "--data-dir", str(tmp_path / "data")],
        env={**os.environ, **database_in(tmp_path), **APART, **away},
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stderr is not None
    assert "waiting for" in process.stderr.readline()
    process.terminate()
    _, said = process.communicate(timeout=60)
    assert (process.returncode, said) == (0, "")


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("mqtt://u:p%40ss@plant:1884", BrokerAddress("plant", 1884, "u", "p@ss")),
        ("mqtt://plant", BrokerAddress("plant", 1883, "", "")),
        ("mqtts://u:p@plant?version=5", BrokerAddress("plant", 8883, "u", "p", mqtt5=True, tls=True)),
        ("mqtt://[::1]:1883/", BrokerAddress("::1", 1883, "", "")),
    ],
)
def test_a_brokers_address_is_read_from_its_url(url: str, expected: BrokerAddress) -> None:
    assert BrokerAddress.parse(url) == expected


@pytest.mark.parametrize(
    "url", ["plant:1883", "http://plant", "mqtt://", "mqtt://plant:x", "mqtt://p/topic", "mqtt://p?version=4"]
)
def test_what_is_no_brokers_address_is_said_without_its_password(url: str) -> None:
    with pytest.raises(StartError) as refused:
        BrokerAddress.parse(url.replace("//", "//user:secret@") if "@" not in url else url)
    assert "secret" not in str(refused.value)
