from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
import pytest

from andon.kit.clock import now_us, parse_timestamp
from andon.kit.errors import InvalidError, UnavailableError
from andon.simulator.config import BrokerConfig
from andon.simulator.replay import ReplayProgress, replay
from simulator.mqtt_broker import Broker, eventually

DATA = Path(__file__).parents[3] / "shared" / "data"
THREE_ROWS = (
    "timestamp;pressure;flow\n2020-03-09 10:34:33;1.5;30\n2020-03-09 10:34:34;;31\n2020-03-09 10:34:35;1.7;32\n"
)


@pytest.fixture
def recording(tmp_path: Path) -> Path:
    path = tmp_path / "recording.csv"
    path.write_text(THREE_ROWS)
    return path


async def test_kept_times_are_the_recorded_ones_and_marked_historical(
    broker: Broker, observe: Any, recording: Path
) -> None:
    observer = await observe("factory-plus/#")
    done = await replay(recording, "pump-7", broker=broker.config, speed=0, timestamps="keep")
    topic = "factory-plus/devices/pump-7/data"
    await eventually(lambda: len(observer.of(topic)) == 3)
    first, second, third = (msgspec.json.decode(payload) for payload in observer.of(topic))
    assert first == {
        "deviceId": "pump-7",
        "timestamp": "2020-03-09T10:34:33.000Z",
        "values": {"pressure": 1.5, "flow": 30.0},
        "historical": True,
    }
    assert second["values"] == {"flow": 31.0}, "a hole is left out, not filled"
    assert third["timestamp"] == "2020-03-09T10:34:35.000Z"
    assert (done.rows_done, done.rows_total, done.values_sent, done.skipped) == (3, 3, 5, 0)


async def test_shifted_times_begin_now_and_keep_their_distances(broker: Broker, observe: Any, recording: Path) -> None:
    observer = await observe("factory-plus/#")
    began = now_us()
    await replay(recording, "pump-7", broker=broker.config, speed=20, timestamps="now", units={"flow": "l/min"})
    await eventually(lambda: len(observer.seen) == 3)
    bodies = [msgspec.json.decode(message.payload) for message in observer.seen]
    times = [parse_timestamp(body["timestamp"]) for body in bodies]
    assert began - 1_000 <= times[0] <= now_us()
    assert [times[1] - times[0], times[2] - times[1]] == [50_000, 50_000]
    assert all("historical" not in body for body in bodies)
    assert bodies[0]["units"] == {"flow": "l/min"}


async def test_chosen_columns_alone_are_sent(broker: Broker, observe: Any, recording: Path) -> None:
    observer = await observe("factory-plus/#")
    await replay(recording, "pump-7", broker=broker.config, speed=0, columns=["flow"])
    await eventually(lambda: len(observer.seen) == 3)
    assert msgspec.json.decode(observer.seen[0].payload)["values"] == {"flow": 30.0}


async def test_progress_is_told_after_each_row(broker: Broker, recording: Path) -> None:
    told: list[ReplayProgress] = []
    await replay(recording, "pump-7", broker=broker.config, speed=0, on_progress=told.append)
    assert [progress.rows_done for progress in told] == [1, 2, 3]
    assert told[-1].recorded_at == parse_timestamp("2020-03-09T10:34:35Z")


async def test_a_recording_without_times_is_played_at_a_given_period(
    broker: Broker, observe: Any, tmp_path: Path
) -> None:
    path = tmp_path / "bare.csv"
    path.write_text("a,b\n1,2\n3,4\n")
    observer = await observe("factory-plus/#")
    await replay(path, "d", broker=broker.config, period_s=0.02)
    await eventually(lambda: len(observer.seen) == 2)
    first, second = (parse_timestamp(msgspec.json.decode(m.payload)["timestamp"]) for m in observer.seen)
    assert second - first == 20_000
    with pytest.raises(InvalidError, match="no column of times"):
        await replay(path, "d", broker=broker.config, timestamps="keep")


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"device": "a/b"}, "device"),
        ({"device": ""}, "device"),
        ({"device": "my machine"}, "device"),
        ({"speed": -1.0}, "speed"),
        ({"speed": float("nan")}, "speed"),
        ({"timestamps": "yesterday"}, "timestamps"),
        ({"period_s": 0.0}, "period_s"),
        ({"columns": ["nothing"]}, "column"),
    ],
)
async def test_a_wrong_argument_is_named_before_anything_is_sent(
    recording: Path, change: dict[str, Any], field: str
) -> None:
    arguments: dict[str, Any] = {"device": "pump-7", "speed": 1.0} | change
    with pytest.raises(InvalidError) as caught:
        await replay(recording, broker=BrokerConfig(port=1), **arguments)
    assert caught.value.field == field
    assert caught.value.cure


async def test_without_a_broker_the_replay_does_not_begin(recording: Path, free_port: int) -> None:
    with pytest.raises(UnavailableError, match="no MQTT broker") as caught:
        await replay(recording, "pump-7", broker=BrokerConfig(port=free_port, connect_timeout_s=0.5))
    assert caught.value.cure


@pytest.mark.skipif(not DATA.is_dir(), reason="the public data sets are not on this machine")
@pytest.mark.parametrize(
    ("name", "tags"), [("nab/realKnownCause/machine_temperature_system_failure.csv", 1), ("skab/valve1/1.csv", 10)]
)
async def test_a_public_recording_plays_through_to_its_end(broker: Broker, observe: Any, name: str, tags: int) -> None:
    observer = await observe("factory-plus/#")
    done = await replay(DATA / name, "replayed", broker=broker.config, speed=0, timestamps="keep")
    assert done.rows_done == done.rows_total > 1_000
    assert done.values_sent == done.rows_done * tags
    await eventually(lambda: len(observer.seen) >= done.rows_done)
    assert len(set(observer.seen)) == done.rows_done - _repeated(DATA / name)


def _repeated(path: Path) -> int:
    """Lines of the file that are there twice (NAB has some, from a change to winter time)."""
    lines = path.read_text().splitlines()
    return len(lines) - len(set(lines))
