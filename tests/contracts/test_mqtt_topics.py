"""Topics and messages of the documents (monitoring §4.1, looms, Factory+), to the letter, on a live plant."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from andon.engines.broker.credentials import DEVICE
from andon.kit.clock import US_PER_S, now_us, parse_timestamp
from andon.wire.sparkplug.messages import rebirth_command
from andon.wire.sparkplug.payload import decode
from support.mqtt_watch import REFUSED, Heard, MqttWatch
from support.running import RunningAndon

pytestmark = [pytest.mark.xdist_group("demo"), pytest.mark.topology]

ISO = re.compile(r"^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}\.\d{3}Z$")
FIVE = {
    "device-001": ("temperature", "celsius", 2),
    "device-002": ("pressure", "psi", 3),
    "device-003": ("vibration", "hz", 1),
    "device-004": ("production", "units/hour", 5),
    "device-005": ("quality", "percentage", 4),
}
LOOM = "kaldor/loom/loom-002"
EDGE = "edge-press-1"
SEVERITIES = {"critical": "critical", "high": "warning", "medium": "warning", "low": "info"}


@pytest.fixture(scope="module")
def watch(demo: RunningAndon) -> Iterator[MqttWatch]:
    """Everything that goes over the broker, seen by the server's user."""
    with MqttWatch(demo, "factory-plus/#", "kaldor/#", "spBv1.0/#") as watch:
        assert REFUSED not in watch.granted
        yield watch


@pytest.fixture(scope="module")
def alerts(demo: RunningAndon) -> Iterator[MqttWatch]:
    """Alerts, acknowledged one by one."""
    with MqttWatch(demo, "factory-plus/alerts/+", qos=1, client_id="watch-alerts") as watch:
        yield watch


@pytest.fixture(scope="module")
def born(watch: MqttWatch) -> MqttWatch:
    """The press has been asked for its births."""
    command = rebirth_command("Andon-Demo", EDGE, now_us() // 1000)
    births = f"spBv1.0/+/DBIRTH/{EDGE}/+"
    before = len(watch.of(births))
    watch.publish(command.topic, command.payload)
    watch.wait(births, count=before + 1)
    return watch


def at(body: dict[str, Any], key: str = "timestamp") -> int:
    """The message's time in µs."""
    return parse_timestamp(body[key])


# Devices


@pytest.mark.parametrize("name", FIVE)
def test_a_device_sends_the_documents_message_and_nothing_else(watch: MqttWatch, name: str) -> None:
    kind, unit, _ = FIVE[name]
    body = watch.wait(f"factory-plus/devices/{name}/data")[0].body
    assert list(body) == ["deviceId", "timestamp", "sensorType", "value", "unit", "location", "status"]
    assert (body["deviceId"], body["sensorType"], body["unit"], body["status"]) == (name, kind, unit, "active")
    assert ISO.match(body["timestamp"])
    assert isinstance(body["value"], int | float) and not isinstance(body["value"], bool)
    assert body["location"]


@pytest.mark.parametrize("name", FIVE)
def test_a_device_sends_at_the_documents_interval(watch: MqttWatch, name: str) -> None:
    interval = FIVE[name][2]
    enough = 4 if interval < 3 else 2
    times = [at(heard.body) for heard in watch.wait(f"factory-plus/devices/{name}/data", count=enough)]
    gap = (times[-1] - times[0]) / (len(times) - 1) / US_PER_S
    assert gap == pytest.approx(interval, rel=0.1)


def test_a_devices_status_is_retained(demo: RunningAndon) -> None:
    with MqttWatch(demo, "factory-plus/devices/device-001/status", client_id="late") as late:
        (heard,) = late.wait("#")
    assert heard.retain
    assert (heard.body["deviceId"], heard.body["status"]) == ("device-001", "online")


# Looms


def test_a_loom_sends_a_row_of_the_documents_table(watch: MqttWatch) -> None:
    body = watch.wait(f"{LOOM}/bbw/raw")[0].body
    columns = ["time", "loom_id", "sensor_id", "bbw_value", "temperature", "vibration", "quality_flag", "metadata"]
    assert list(body) == columns
    assert ISO.match(body["time"])
    assert (body["loom_id"], body["sensor_id"]) == ("loom-002", "loom-002-bbw")
    assert all(isinstance(body[name], float) for name in ("bbw_value", "temperature", "vibration"))
    assert body["quality_flag"] in (0, 1, 2)
    assert isinstance(body["metadata"], dict)


def test_a_looms_telemetry_comes_once_a_second(watch: MqttWatch) -> None:
    times = [at(heard.body, "time") for heard in watch.wait(f"{LOOM}/bbw/raw", count=4)]
    assert (times[-1] - times[0]) / (len(times) - 1) / US_PER_S == pytest.approx(1, rel=0.1)


def test_a_looms_status_is_retained(demo: RunningAndon) -> None:
    with MqttWatch(demo, f"{LOOM}/status", client_id="late") as late:
        (heard,) = late.wait("#")
    assert heard.retain
    assert heard.body["loom_id"] == "loom-002"
    assert heard.body["status"] in ("running", "stopped")


def test_a_looms_processed_width_is_published(watch: MqttWatch) -> None:
    body = watch.wait(f"{LOOM}/bbw/processed")[0].body
    assert (body["loom_id"], body["unit"]) == ("loom-002", "mm")
    assert isinstance(body["bbw_mean"], float)
    assert body["samples"] >= 1


def test_a_looms_alert_is_on_its_own_topic_too(watch: MqttWatch, demo_client: httpx.Client) -> None:
    push(demo_client, "loom-003", 1700.0)
    heard = watch.wait("kaldor/loom/loom-003/alerts", lambda heard: heard.body["lifecycle"] == "triggered")[0]
    assert (heard.body["deviceId"], heard.body["value"], heard.body["threshold"]) == ("loom-003", 1700.0, 1615)
    assert watch.wait("factory-plus/alerts/warning", lambda other: other.body["id"] == heard.body["id"])


# Alerts and the system


@pytest.fixture
def measured(demo_client: httpx.Client) -> Iterator[str]:
    """A device of our own with an upper limit of 50."""
    body = {"deviceId": "topic-1", "type": "temperature", "unit": "celsius", "alertMax": 50}
    demo_client.post("/api/v1/devices", json=body).raise_for_status()
    yield "topic-1"
    demo_client.delete("/api/v1/devices/topic-1").raise_for_status()


def push(client: httpx.Client, device: str, value: float) -> None:
    """A sample of now."""
    answer = client.post(f"/api/v1/devices/{device}/samples", json={"samples": [{"value": value}]})
    assert answer.json()["data"]["accepted"] == 1, answer.text


@pytest.mark.parametrize("severity", SEVERITIES)
def test_an_alert_is_on_the_topic_of_its_level(
    alerts: MqttWatch, demo_client: httpx.Client, measured: str, severity: str
) -> None:
    demo_client.put(f"/api/v1/devices/{measured}/config", json={"severity": severity}).raise_for_status()
    push(demo_client, measured, 58.5)
    topic = f"factory-plus/alerts/{SEVERITIES[severity]}"

    def ours(heard: Heard) -> bool:
        return heard.body["deviceId"] == measured and heard.body["severity"] == severity

    heard = alerts.wait(topic, ours)[0]
    assert (heard.qos, heard.retain) == (1, False)
    body = heard.body
    assert (body["type"], body["value"], body["threshold"], body["status"]) == ("high_temperature", 58.5, 50, "active")
    assert {"id", "message", "triggeredAt", "acknowledgedAt", "resolvedAt"} <= set(body)
    push(demo_client, measured, 20.0)
    assert alerts.wait(topic, lambda heard: ours(heard) and heard.body["lifecycle"] == "resolved")


def test_the_systems_health_is_published(watch: MqttWatch) -> None:
    body = watch.wait("factory-plus/system/health")[0].body
    assert body["status"] in ("healthy", "degraded")
    assert ISO.match(body["timestamp"][:23] + "Z")
    assert {"database", "broker"} <= set(body["dependencies"])


def test_the_systems_metrics_are_published(watch: MqttWatch) -> None:
    body = watch.wait("factory-plus/system/metrics")[0].body
    assert {"totalDevices", "activeDevices", "activeAlertsCount", "dataPointsLastHour", "systemHealth"} <= set(body)


def test_andons_warnings_are_published(watch: MqttWatch, measured: str) -> None:
    signals = {"values": {"temperature": 20.0, "a\nb": 1.0}}  # a tag cannot be called so
    watch.publish(f"factory-plus/devices/{measured}/data", signals, qos=1)
    body = watch.wait("factory-plus/system/logs", lambda heard: "signals" in heard.body["message"])[0].body
    assert {"timestamp", "level", "logger", "message", "fields"} == set(body)
    assert (body["level"], body["logger"]) == ("warning", "andon.ingest.registration")


# Configuration


@pytest.mark.parametrize(
    ("device", "topic"),
    [("device-002", "factory-plus/devices/device-002/config"), ("loom-001", "kaldor/loom/loom-001/config")],
)
def test_a_changed_configuration_is_pushed_and_retained(
    demo: RunningAndon, demo_client: httpx.Client, watch: MqttWatch, device: str, topic: str
) -> None:
    path = f"/api/v1/devices/{device}"
    before = demo_client.get(path).json()["data"]
    changed = before["limits"]["normalMax"] - 0.5
    demo_client.put(f"{path}/config", json={"normalMax": changed}).raise_for_status()
    tag = before["primaryTag"]
    heard = watch.wait(topic, lambda heard: heard.body["tags"][tag]["normalMax"] == changed)[0]
    assert heard.body["deviceId"] == device
    assert heard.body["tags"][tag]["unit"] == before["unit"]
    with MqttWatch(demo, topic, qos=1, user=DEVICE, client_id="asleep") as late:
        (kept,) = late.wait("#")
    assert (kept.qos, kept.retain) == (1, True)
    assert kept.body == heard.body
    demo_client.put(f"{path}/config", json={"normalMax": changed + 0.5}).raise_for_status()


# Sparkplug B


def test_the_host_says_that_it_is_there(demo: RunningAndon) -> None:
    with MqttWatch(demo, "spBv1.0/STATE/andon", user=DEVICE, client_id="edge") as edge:
        (heard,) = edge.wait("#")
    assert heard.retain
    assert heard.body.keys() == {"online", "timestamp"}
    assert heard.body["online"] is True
    assert abs(heard.body["timestamp"] / 1000 - now_us() / US_PER_S) < 3600


def test_a_rebirth_is_answered_with_the_nodes_birth(born: MqttWatch) -> None:
    payload = decode(born.wait(f"spBv1.0/Andon-Demo/NBIRTH/{EDGE}")[-1].payload)
    metrics = {metric.name: metric for metric in payload.metrics}
    assert payload.seq == 0
    assert 0 <= metrics["bdSeq"].value <= 255
    assert metrics["Node Control/Rebirth"].value is False


def test_the_devices_birth_has_sixty_metrics_with_aliases(born: MqttWatch) -> None:
    payload = decode(born.wait(f"spBv1.0/Andon-Demo/DBIRTH/{EDGE}/press-1")[-1].payload)
    assert payload.seq == 1
    assert len(payload.metrics) == 60
    assert len({metric.name for metric in payload.metrics}) == 60
    assert len({metric.alias for metric in payload.metrics} - {None}) == 60
    assert all(metric.datatype and metric.timestamp_ms for metric in payload.metrics)
    units = [metric for metric in payload.metrics if "engUnit" in metric.properties]
    assert all(isinstance(metric.properties["engUnit"].value, str) for metric in units)
    assert len(units) > 30


def test_data_names_its_metrics_by_alias_alone(born: MqttWatch) -> None:
    birth = decode(born.wait(f"spBv1.0/Andon-Demo/DBIRTH/{EDGE}/press-1")[-1].payload)
    aliases = {metric.alias for metric in birth.metrics}
    everything, topic = f"spBv1.0/Andon-Demo/+/{EDGE}/#", f"spBv1.0/Andon-Demo/DDATA/{EDGE}/press-1"
    start = max(index for index, each in enumerate(born.of(everything)) if "/DBIRTH/" in each.topic)
    before = sum(each.topic == topic for each in born.of(everything)[:start])
    born.wait(topic, count=before + 3)
    data = [decode(each.payload) for each in born.of(everything)[start + 1 :]]
    assert [payload.seq for payload in data] == list(range(2, 2 + len(data)))
    for payload in data:
        assert payload.metrics
        assert all(metric.name is None and metric.alias in aliases for metric in payload.metrics)


# What a device may not do


@pytest.mark.parametrize(
    "topic_filter",
    [
        "#",
        "factory-plus/#",
        "factory-plus/devices/+/data",
        "factory-plus/devices/device-001/status",
        "factory-plus/alerts/#",
        "factory-plus/system/logs",
        "kaldor/loom/+/bbw/raw",
        "kaldor/loom/loom-001/alerts",
        "spBv1.0/#",
        "spBv1.0/+/DDATA/#",
    ],
)
def test_a_device_does_not_hear_others(demo: RunningAndon, topic_filter: str) -> None:
    with MqttWatch(demo, topic_filter, user=DEVICE, client_id="curious") as device:
        assert device.granted == [REFUSED]


@pytest.mark.parametrize(
    "topic_filter",
    [
        "factory-plus/devices/device-001/commands",
        "factory-plus/devices/device-001/config",
        "kaldor/loom/loom-001/config",
        "spBv1.0/Andon-Demo/NCMD/edge-press-1",
        "spBv1.0/Andon-Demo/DCMD/edge-press-1/press-1",
    ],
)
def test_a_device_hears_what_is_for_devices(demo: RunningAndon, topic_filter: str) -> None:
    with MqttWatch(demo, topic_filter, user=DEVICE, client_id="obedient") as device:
        assert device.granted == [0]


def test_a_device_cannot_speak_for_the_server(demo: RunningAndon, watch: MqttWatch) -> None:
    forged = {"forged": True}
    for number, topic in enumerate(
        (
            "factory-plus/alerts/critical",
            "factory-plus/system/health",
            "factory-plus/devices/device-001/config",
            "factory-plus/devices/device-001/commands",
            "kaldor/loom/loom-001/alerts",
            "kaldor/loom/loom-001/config",
            "spBv1.0/STATE/andon",
            "spBv1.0/Andon-Demo/NCMD/edge-press-1",
        ),
        start=1,
    ):
        with MqttWatch(demo, "spBv1.0/STATE/andon", user=DEVICE, client_id="forger") as device:
            device.publish(topic, forged)
        with MqttWatch(demo, "spBv1.0/STATE/andon", user=DEVICE, client_id="honest") as device:
            device.publish("kaldor/loom/loom-999/status", {"status": "marker"})
            watch.wait("kaldor/loom/loom-999/status", count=number)
        assert not [heard for heard in watch.of(topic) if b"forged" in heard.payload], topic
