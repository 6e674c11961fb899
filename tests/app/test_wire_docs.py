"""The pages about MQTT and live events say what the code does: no topic, event or field more, none less."""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any, get_args

import pytest

import andon.realtime
from andon.alarms.records import LIFECYCLE
from andon.alarms.schemas import Alert
from andon.engines.broker.credentials import DEVICE, GRANTS
from andon.ingest.mqtt_source import FAMILIES
from andon.kit.limits import Limits
from andon.realtime import messages, render, websocket
from andon.realtime.config_push import config_body
from andon.realtime.conversation import Conversation
from andon.realtime.frames import Reading
from andon.registry.directory import DeviceInfo, TagInfo
from andon.wire import topics
from andon.wire.json_messages import decode_device_data, decode_device_status, decode_loom_raw

DOCS = Path(__file__).parents[2] / "docs" / "reference"
MQTT = (DOCS / "mqtt.md").read_text("utf-8")
LIVE = (DOCS / "live-events.md").read_text("utf-8")


def rows(text: str, heading: str) -> list[dict[str, str]]:
    """Rows of all tables whose first column is called `heading`, by column."""
    found, columns = [], []
    for line in text.splitlines():
        cells = [cell.strip().strip("`") for cell in line.strip().strip("|").split("|")] if line.startswith("|") else []
        if not cells:
            columns = []
        elif not columns:
            columns = cells
        elif columns[0] == heading and not set(cells[0]) <= {"-"}:
            found.append(dict(zip(columns, cells, strict=True)))
    return found


def examples(text: str, name: str) -> list[Any]:
    """The JSON blocks marked with a name."""
    blocks = [json.loads(block) for block in re.findall(rf"```json {name}\n(.*?)```", text, re.DOTALL)]
    assert blocks, f"there is no example called {name}"
    return blocks


def shape(value: Any) -> Any:
    """Field names at every depth; values do not matter."""
    return {name: shape(part) for name, part in value.items()} if isinstance(value, dict) else None


# MQTT

TOPICS = {row["topic"]: row for row in rows(MQTT, "topic")}


def known_topics() -> Iterator[str]:
    """All topics of the code, with names in braces where ids stand."""
    for channel in get_args(topics.DeviceChannel):
        yield topics.device_topic("{deviceId}", channel)
    for level in get_args(topics.AlertLevel):
        yield topics.alert_topic(level)
    for system in get_args(topics.SystemChannel):
        yield topics.system_topic(system)
    for loom in get_args(topics.LoomChannel):
        yield topics.loom_topic("{loomId}", loom)
    for node in get_args(topics.NodeMessage):
        yield topics.node_topic("{group}", node, "{edgeNode}")
    for device in get_args(topics.DeviceMessage):
        yield topics.edge_device_topic("{group}", device, "{edgeNode}", "{device}")
    yield topics.state_topic("{hostId}")


def granted(filters: tuple[str, ...] | None, topic: str) -> str:
    """`yes` when a filter selects the topic."""
    return "yes" if any(topics.topic_matches(each, topic) for each in filters or ()) else "no"


def test_the_page_lists_exactly_the_topics_there_are() -> None:
    assert sorted(TOPICS) == sorted(known_topics())


@pytest.mark.parametrize("topic", list(known_topics()))
def test_the_page_says_what_a_device_may_publish_and_read(topic: str) -> None:
    row, grant = TOPICS[topic], GRANTS[DEVICE]
    assert row["device publishes"] == granted(grant.publish, topic)
    assert row["device subscribes"] == granted(grant.subscribe, topic)


def test_the_page_says_at_which_qos_andon_reads() -> None:
    for topic, qos in (each for family in FAMILIES.values() for each in family):
        if topic == "spBv1.0/#":
            assert f"subscribes `{topic}` at QoS {qos}" in MQTT
            continue
        (found,) = [row for name, row in TOPICS.items() if topics.topic_matches(topic, name) and "Andon reads" in row]
        assert found["Andon reads"] == str(qos)
    assert sum("Andon reads" in row for row in TOPICS.values()) == sum(len(each) for each in FAMILIES.values()) - 1


def test_the_documented_messages_are_understood() -> None:
    for message in examples(MQTT, "readings"):
        found = decode_device_data(json.dumps(message).encode())
        assert found.device_id == message["deviceId"]
    for message in examples(MQTT, "loom"):
        assert decode_loom_raw(json.dumps(message).encode()).bbw_value == message["bbw_value"]
    for message in examples(MQTT, "status"):
        assert decode_device_status(json.dumps(message).encode()).status == message["status"]
    for message in examples(MQTT, "alert"):
        Alert.model_validate(message)


# Live events


def tag(number: int, name: str) -> TagInfo:
    limits = Limits(20, 80, 15, 85)
    return TagInfo(number, "o", "u", "d", name, "celsius", "number", 1, number == 1, limits, 0.5, 0, 0, "medium", 2)


ONE = DeviceInfo("u", "o", "d", "D", "loom", "l", "mqtt", "active", 30, "e", (), "UTC", (tag(1, "temperature"),), 0)
TWO = replace(ONE, tags=(tag(1, "temperature"), tag(2, "fan")))
READINGS = {name: Reading(number, 0, 1.0, 192, None, 1) for number, name in ((1, "temperature"), (2, "fan"))}
ALERT = {"id": "alert-001"}
ROW = messages.frame_row(messages.row_prefix(tag(1, "t")), tag(1, "t"), READINGS["fan"])
BODIES = {
    "sensor-data": messages.sensor_data(TWO, READINGS, (None, None)),
    "sensor-frame": messages.frame(
        1, [messages.frame_row(messages.row_prefix(tag(1, "t")), tag(1, "t"), READINGS["fan"])]
    ),
    "alert-triggered": messages.alarm_triggered(ALERT, 0),
    "alert-changed": messages.alarm_changed(ALERT, 0),
    "device-status": messages.device_status(ONE, "offline", 0, 0),
    "measurement-update": messages.measurement(TWO, READINGS),
    "status-change": messages.status_change(ONE, "offline", 0),
    "error": messages.encode(messages.notice("c", "m", "cure")),
    "topic": messages.topic_message(tag(1, "t"), READINGS["fan"]),
}


@pytest.mark.parametrize("name", BODIES)
def test_a_documented_body_has_the_fields_that_are_sent(name: str) -> None:
    (example,) = examples(LIVE, name)
    assert shape(example) == shape(json.loads(BODIES[name]))


def test_a_row_of_a_frame_has_as_many_fields_as_the_page_says() -> None:
    (example,) = examples(LIVE, "sensor-frame")
    assert len(example["samples"][0]) == len(json.loads(BODIES["sensor-frame"])["samples"][0])


def test_the_documented_configuration_is_what_devices_are_told() -> None:
    (example,) = examples(MQTT, "configuration")
    assert shape(example) == shape(config_body(ONE))


async def test_the_page_lists_exactly_the_events_that_clients_may_send() -> None:
    service = SimpleNamespace(fanout=SimpleNamespace(deliver=lambda *_: None))
    answer = await Conversation(service).handle(SimpleNamespace(), "nothing", None)  # type: ignore[arg-type]
    known = answer["error"]["cure"].removeprefix("use one of ").split(", ")
    assert sorted(row["event"] for row in rows(LIVE, "event") if "payload" in row) == sorted(known)


def sent_events() -> set[str]:
    """Names of the events in all calls that send one, read from the source."""
    found: set[str] = set()
    for path in Path(andon.realtime.__path__[0]).glob("*.py"):
        for call in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(call, ast.Call):
                found |= _named(call)
    return found


def _named(call: ast.Call) -> set[str]:
    function = ast.unparse(call.func)
    if function == "socketio_event":
        name = call.args[0]
    elif function == "self._tell" and len(call.args) == 3:
        name = call.args[1]
    else:
        return set()
    match ast.unparse(name):
        case "event":
            return set()  # `_tell` passes on what it was called with
        case "_EVENTS[kind]":
            return set(render._EVENTS.values())
        case "f'alert-{event.lifecycle}'":
            return {f"alert-{each}" for each in LIFECYCLE.values()}
    assert isinstance(name, ast.Constant), f"an event whose name this test cannot read: {ast.unparse(call)}"
    return {name.value}


def test_the_page_lists_exactly_the_events_that_the_server_sends() -> None:
    assert {row["event"] for row in rows(LIVE, "event") if "when" in row} == sent_events()


def test_the_page_lists_the_actions_answers_and_close_codes_of_ws() -> None:
    assert [row["action"] for row in rows(LIVE, "action")] == list(websocket._ACTIONS)
    source = Path(websocket.__file__).read_text("utf-8")
    assert {row["answer"] for row in rows(LIVE, "answer")} == set(re.findall(r'"event": "(\w+)"', source))
    codes = {row["error code"]: int(row["close code"]) for row in rows(LIVE, "close code")}
    assert codes == websocket._CLOSE_CODES
