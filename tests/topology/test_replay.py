"""`andon replay` as a user runs it: a recording of a machine becomes a device with a history."""

from __future__ import annotations

import csv
import io
import os
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import pytest

from support.running import RunningAndon, eventually

pytestmark = [pytest.mark.topology, pytest.mark.xdist_group("replay")]

ANDON = str(Path(sys.executable).with_name("andon"))
DATA = Path(__file__).parents[3] / "shared" / "data"
NAB = DATA / "nab" / "realKnownCause" / "machine_temperature_system_failure.csv"
SKAB = DATA / "skab" / "valve1" / "1.csv"
SMALL = "timestamp;pressure;flow\n2020-03-09 10:34:33;1.5;30\n2020-03-09 10:34:34;;31\n2020-03-09 10:34:35;1.7;32\n"

Series = dict[str, float]


@pytest.fixture(scope="module")
def andon(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningAndon]:
    """An Andon without a demo plant."""
    with RunningAndon(tmp_path_factory.mktemp("replay") / "data") as andon:
        yield andon


@pytest.fixture(scope="module")
def client(andon: RunningAndon) -> Iterator[httpx.Client]:
    """Signed in."""
    with andon.client() as client:
        yield client


def replay(andon: RunningAndon, file: Path, device: str, *arguments: str) -> str:
    """What the command says at its end; it must end well."""
    where = ["--data-dir", str(andon.data_dir), "--mqtt-port", str(andon.mqtt_port)]
    done = subprocess.run(
        [ANDON, "replay", str(file), "--device", device, *where, *arguments],
        env={**os.environ, "COLUMNS": "120"},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def register(client: httpx.Client, device: str, *tags: dict[str, Any]) -> None:
    """A device with these signals that is offline after a second."""
    body = {"deviceId": device, "type": "machine", "tags": list(tags), "offlineAfterSeconds": 1}
    client.post("/api/v1/devices", json=body).raise_for_status()


def history(client: httpx.Client, device: str) -> dict[str, Series]:
    """By signal, then by time: everything that is stored of a device."""
    span = {"from": "1990-01-01T00:00:00Z", "to": "now"}
    text = client.get(f"/api/v1/devices/{device}/export", params=span).text
    found: dict[str, Series] = {}
    for row in csv.DictReader(io.StringIO(text)):
        found.setdefault(row["tag"], {})[row["timestamp"]] = float(row["value"])
    return found


def recorded(file: Path, time_column: str, delimiter: str) -> dict[str, Series]:
    """The same, of the file: where it has a time twice, the later row counts."""
    found: dict[str, Series] = {}
    with file.open() as lines:
        for row in csv.DictReader(lines, delimiter=delimiter):
            at = datetime.fromisoformat(row.pop(time_column)).replace(tzinfo=UTC)
            stamp = at.strftime("%Y-%m-%dT%H:%M:%S.000Z")
            for name, value in row.items():
                if value:
                    found.setdefault(name, {})[stamp] = float(value)
    return found


def arrives(client: httpx.Client, device: str, wanted: dict[str, Series]) -> None:
    """Fails when the history does not come to be exactly that."""
    eventually(
        lambda: history(client, device) == wanted, within_s=30, what=f"the whole recording in {device}'s history"
    )


def alarms(client: httpx.Client, device: str) -> list[Any]:
    """Every alarm that there ever was of a device."""
    span = {"status": "all", "deviceId": device}
    found: list[Any] = client.get("/api/v1/alerts", params=span).json()["data"]["alerts"]
    return found


def test_a_recording_of_an_unknown_device_is_adopted_with_all_its_rows(
    andon: RunningAndon, client: httpx.Client, tmp_path: Path
) -> None:
    file = tmp_path / "small.csv"
    file.write_text(SMALL)
    said = replay(andon, file, "pump-7", "--speed", "0", "--timestamps", "keep")
    assert "5 values of 3 rows" in said
    assert "100%" in said
    found = client.get("/api/v1/devices/discovered").json()["data"]["discovered"]
    pump = next(each for each in found if each["deviceId"] == "pump-7")
    assert {signal["name"]: signal["count"] for signal in pump["signals"]} == {"pressure": 2, "flow": 3}
    client.post(f"/api/v1/devices/discovered/{pump['key']}/adopt", json={}).raise_for_status()
    arrives(client, "pump-7", recorded(file, "timestamp", ";"))
    assert alarms(client, "pump-7") == []


def test_a_recording_plays_as_if_it_were_now_and_raises_alarms(
    andon: RunningAndon, client: httpx.Client, tmp_path: Path
) -> None:
    file = tmp_path / "now.csv"
    file.write_text(SMALL)
    register(client, "pump-8", {"name": "pressure", "alertMax": 1.6})
    assert "2 values of 3 rows" in replay(andon, file, "pump-8", "--speed", "10", "--column", "pressure")
    raised = eventually(lambda: alarms(client, "pump-8"), what="the alarm of the last value")
    assert raised[-1]["value"] == 1.7
    assert list(history(client, "pump-8")) == ["pressure"]


@pytest.mark.skipif(not NAB.exists(), reason="the recordings are not beside the repository")
def test_a_machines_temperature_of_months_is_a_history_without_alarms(
    andon: RunningAndon, client: httpx.Client
) -> None:
    register(client, "furnace-7", {"name": "value", "unit": "celsius", "alertMax": 100, "alertMin": 10})
    said = replay(andon, NAB, "furnace-7", "--speed", "0", "--timestamps", "keep")
    assert "22695 values of 22695 rows are with the broker; 0 rows skipped" in said
    wanted = recorded(NAB, "timestamp", ",")
    assert max(wanted["value"].values()) > 100
    arrives(client, "furnace-7", wanted)

    # A device that was live and falls silent later than the recording shows when silence has been judged.
    register(client, "witness", {"name": "value"})
    client.post("/api/v1/devices/witness/samples", json={"samples": [{"value": 1.0}]}).raise_for_status()
    eventually(lambda: alarms(client, "witness"), what="the alarm of the device that fell silent")
    assert alarms(client, "furnace-7") == []


@pytest.mark.skipif(not SKAB.exists(), reason="the recordings are not beside the repository")
def test_an_experiment_with_many_signals_arrives_whole(andon: RunningAndon, client: httpx.Client) -> None:
    register(client, "testbed-1", {"name": "Pressure", "unit": "bar"})
    replay(andon, SKAB, "testbed-1", "--speed", "0", "--timestamps", "keep")
    wanted = recorded(SKAB, "datetime", ";")
    assert len(wanted) >= 8
    arrives(client, "testbed-1", wanted)
    assert alarms(client, "testbed-1") == []


def test_without_a_broker_it_says_so_in_one_line(andon: RunningAndon, tmp_path: Path) -> None:
    file = tmp_path / "small.csv"
    file.write_text(SMALL)
    command = [ANDON, "replay", str(file), "--device", "p", "--mqtt-port", "1", "--data-dir", str(tmp_path / "none")]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 1
    assert len(done.stderr.strip().splitlines()) == 1
    assert "start Andon first" in done.stderr
