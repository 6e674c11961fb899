"""`andon import` and `andon export` against a real Andon: progress, resuming after kill -9 of either, errors."""

from __future__ import annotations

import csv
import os
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pyarrow.parquet as pq
import pytest

from support.running import PASSWORD, RunningAndon, eventually

pytestmark = [pytest.mark.xdist_group("import"), pytest.mark.topology]

ANDON = Path(sys.executable).with_name("andon")


@pytest.fixture(scope="module")
def plant(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningAndon]:
    with RunningAndon(tmp_path_factory.mktemp("import") / "data") as andon:
        yield andon


@pytest.fixture(scope="module")
def client(plant: RunningAndon) -> Iterator[httpx.Client]:
    with plant.client() as client:
        yield client


def andon(*arguments: str | Path, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run a command to its end."""
    return subprocess.run(
        [ANDON, *map(str, arguments)], env=_environment(environment), capture_output=True, text=True, timeout=100
    )


def _environment(more: dict[str, str]) -> dict[str, str]:
    return {**os.environ, "ANDON_ADMIN_PASSWORD": PASSWORD, "ANDON_TOKEN": "", **more}


def recording(path: Path, rows: int, columns: int = 1) -> Path:
    """A value a minute from 2014 on: the row's number, and ten times it in each further column."""
    names = ["value"] if columns == 1 else [f"signal{i}" for i in range(columns)]
    lines = [",".join(["timestamp", *names])]
    for row in range(rows):
        minutes, days = row % 1440, row // 1440
        stamp = f"2014-{1 + days // 28:02}-{1 + days % 28:02} {minutes // 60:02}:{minutes % 60:02}:00"
        lines.append(",".join([stamp, *(str(row * 10**i) for i in range(columns))]))
    path.write_text("\n".join(lines) + "\n")
    return path


def values(client: httpx.Client, device: str, tag: str = "value") -> list[float]:
    """All that history has of a tag."""
    found: list[float] = []
    params: dict[str, Any] = {"from": "2013-01-01T00:00:00Z", "to": "2016-01-01T00:00:00Z", "limit": 10_000, "tag": tag}
    while True:
        body = client.get(f"/api/v1/devices/{device}/history", params=params).raise_for_status().json()
        found += [reading["value"] for reading in body["data"]["readings"]]
        if not body["meta"]["nextCursor"]:
            return found
        params["cursor"] = body["meta"]["nextCursor"]


def test_a_recording_becomes_history_of_a_new_device(plant: RunningAndon, client: httpx.Client, tmp_path: Path) -> None:
    done = andon("import", recording(tmp_path / "a.csv", 3000, 2), "--device", "rec-1", "--url", plant.url)
    assert done.returncode == 0, done.stderr
    assert "6000 samples of 3000 rows imported into rec-1: 2014-01-01T00:00:00.000Z to 2014-01-03T01:59" in done.stdout
    assert values(client, "rec-1", "signal0") == list(range(3000))
    assert values(client, "rec-1", "signal1") == list(range(0, 30_000, 10))
    device = client.get("/api/v1/devices/rec-1").json()["data"]
    assert (device["type"], device["status"]) == ("sensor", "offline"), "an import makes no device look alive"
    assert client.get("/api/v1/alerts", params={"deviceId": "rec-1"}).json()["data"]["alerts"] == []
    assert list((plant.data_dir / "history").rglob("2014-01-01*/*.parquet")) or list(
        (plant.data_dir / "history").rglob("*2014-01-01*.parquet")
    ), "sealed"


def test_importing_the_same_file_again_doubles_nothing(
    plant: RunningAndon, client: httpx.Client, tmp_path: Path
) -> None:
    file = recording(tmp_path / "a.csv", 500)
    for _ in range(2):
        assert andon("import", file, "--device", "rec-2", "--url", plant.url).returncode == 0
    assert values(client, "rec-2") == list(range(500))


def test_an_import_that_was_killed_goes_on_where_it_was(
    plant: RunningAndon, client: httpx.Client, tmp_path: Path
) -> None:
    file = recording(tmp_path / "b.csv", 10_000)
    command = ["import", file, "--device", "rec-3", "--url", plant.url, "--part-rows", "50"]
    process = subprocess.Popen([ANDON, *map(str, command)], env=_environment({}), stderr=subprocess.DEVNULL)

    def some_parts() -> bool:
        listed = client.get("/api/v1/imports").json()["data"]["imports"]
        return any(each["deviceId"] == "rec-3" and each["parts"] >= 5 for each in listed)

    eventually(some_parts, within_s=60, what="some parts")
    process.send_signal(signal.SIGKILL)
    process.wait(10)
    (before,) = [
        each for each in client.get("/api/v1/imports").json()["data"]["imports"] if each["deviceId"] == "rec-3"
    ]
    assert before["status"] == "open"
    assert before["parts"] < 200, "it was killed on the way"
    done = andon(*command)
    assert done.returncode == 0, done.stderr
    assert "parts were there already" in done.stdout
    assert values(client, "rec-3") == list(range(10_000))
    (after,) = [each for each in client.get("/api/v1/imports").json()["data"]["imports"] if each["deviceId"] == "rec-3"]
    assert (after["id"], after["status"], after["parts"], after["samples"]) == (before["id"], "finished", 200, 10_000)


def test_an_import_outlives_the_death_of_the_server(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = str(free.getsockname()[1])
    file = recording(tmp_path / "c.csv", 10_000)
    server = RunningAndon(tmp_path / "data", "--port", port).start()
    try:
        command = ["import", str(file), "--device", "rec-4", "--url", server.url, "--part-rows", "50"]
        process = subprocess.Popen([ANDON, *command], env=_environment({}), stdout=subprocess.PIPE, text=True)
        with server.client() as client:

            def some_parts() -> bool:
                return any(each["parts"] >= 5 for each in client.get("/api/v1/imports").json()["data"]["imports"])

            eventually(some_parts, within_s=60, what="some parts")
        server.kill()
        assert process.poll() is None
        server = RunningAndon(tmp_path / "data", "--port", port).start()
        output, _ = process.communicate(timeout=100)
        assert process.returncode == 0
        assert "10000 rows imported" in output
        with server.client() as client:
            assert values(client, "rec-4") == list(range(10_000))
    finally:
        server.kill()


def test_what_cannot_be_is_one_clear_line(plant: RunningAndon, tmp_path: Path) -> None:
    file = recording(tmp_path / "a.csv", 5)
    bad = tmp_path / "bad.csv"
    bad.write_text("timestamp,value\n2014-01-01 00:00:00,1\n2014-01-01 00:00:01,one\n2014-01-01 00:00:02,3\n")
    url = ("--url", plant.url)
    for arguments, expected in (
        ([bad, "--device", "x", *url], "row 2, column 'value': 'one' is not a number; correct the cell"),
        ([file, "--device", "my machine", *url], "a device id has"),
        ([file, "--device", "nobody", "--no-create", *url], "there is no device 'nobody'"),
        ([file, "--device", "x", "--column", "speed", *url], "a.csv has no column 'speed'; choose of value"),
        ([file, "--device", "x", "--timezone", "Mars/Olympus", *url], "there is no time zone 'Mars/Olympus'"),
        ([file, "--device", "x", "--unit", "celsius", *url], "'celsius' names no unit"),
        ([tmp_path / "none.csv", "--device", "x", *url], "none.csv is no file"),
        ([file, "--device", "x", "--url", "ftp://x"], "'ftp://x' is no address"),
    ):
        done = andon("import", *arguments)
        assert done.returncode == 1, done.stdout
        (line,) = done.stderr.splitlines()
        assert line.startswith("andon: ")
        assert expected in line
    wrong = andon("import", file, "--device", "x", *url, ANDON_ADMIN_PASSWORD="wrong password")
    assert wrong.returncode == 1
    assert wrong.stderr.startswith("andon: user name or password is wrong")
    nobody = andon("import", file, "--device", "x", *url, ANDON_ADMIN_PASSWORD="")
    assert nobody.stderr.startswith("andon: nobody is signed in")


def test_a_token_signs_in_too(plant: RunningAndon, client: httpx.Client, tmp_path: Path) -> None:
    token = client.headers["authorization"].removeprefix("Bearer ")
    file = recording(tmp_path / "a.csv", 5)
    done = andon("import", file, "--device", "rec-5", "--url", plant.url, ANDON_TOKEN=token, ANDON_ADMIN_PASSWORD="")
    assert done.returncode == 0, done.stderr
    assert values(client, "rec-5") == list(range(5))


def test_an_export_can_be_imported_again(plant: RunningAndon, client: httpx.Client, tmp_path: Path) -> None:
    file = recording(tmp_path / "a.csv", 200, 3)
    assert andon("import", file, "--device", "rec-6", "--url", plant.url, "--unit", "signal0=bar").returncode == 0
    span = ("--from", "2014-01-01", "--to", "2015-01-01", "--url", plant.url)
    for ending in ("csv", "parquet"):
        out = tmp_path / f"out.{ending}"
        done = andon("export", out, "--device", "rec-6", *span)
        assert done.returncode == 0, done.stderr
        # The number of rows is an estimate: a correction counts twice until its file is merged.
        assert re.match(rf"about \d+ rows, {out.stat().st_size} bytes written to {re.escape(str(out))}\n", done.stdout)
        client.delete("/api/v1/devices/rec-6").raise_for_status()
        client.post("/api/v1/devices", json={"deviceId": "rec-6", "type": "sensor"}).raise_for_status()
        again = andon("import", out, "--device", "rec-6", "--url", plant.url)
        assert again.returncode == 0, again.stderr
        assert "600 samples" in again.stdout
        assert values(client, "rec-6", "signal2") == list(range(0, 20_000, 100))
    assert pq.read_table(tmp_path / "out.parquet").num_rows == 600
    assert next(csv.reader((tmp_path / "out.csv").open())) == ["timestamp", "device", "tag", "value", "unit", "quality"]


def test_an_export_that_fails_leaves_nothing_behind(plant: RunningAndon, tmp_path: Path) -> None:
    for arguments, expected in (
        ([tmp_path / "a.docx", "--device", "x"], "'docx' is no format"),
        ([tmp_path / "a.csv", "--device", "nobody"], "there is no device 'nobody'"),
        ([tmp_path / "a.csv"], "nothing is chosen"),
        ([tmp_path / "no" / "a.csv", "--type", "sensor"], "cannot be written"),
    ):
        done = andon("export", *arguments, "--url", plant.url)
        assert done.returncode == 1
        assert expected in done.stderr
    assert list(tmp_path.iterdir()) == []
