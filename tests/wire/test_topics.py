"""Topics: what is built is parsed back, and what is not Andon's is refused with a reason."""

from __future__ import annotations

from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from andon.wire import topics
from andon.wire.errors import WireError
from andon.wire.topics import (
    AlertTopic,
    DeviceTopic,
    LoomTopic,
    SparkplugTopic,
    StateTopic,
    SystemTopic,
    parse_topic,
    topic_matches,
)

IDS = st.text(st.characters(blacklist_characters="+#/\0", blacklist_categories=["Cs"]), min_size=1, max_size=40)
GROUPS = IDS.filter(lambda text: text != "STATE")


@pytest.mark.parametrize(
    ("topic", "parts"),
    [
        ("factory-plus/devices/device-001/data", DeviceTopic("device-001", "data")),
        ("factory-plus/devices/device-001/status", DeviceTopic("device-001", "status")),
        ("factory-plus/devices/device-001/commands", DeviceTopic("device-001", "commands")),
        ("factory-plus/devices/device-001/config", DeviceTopic("device-001", "config")),
        ("factory-plus/alerts/critical", AlertTopic("critical")),
        ("factory-plus/system/health", SystemTopic("health")),
        ("kaldor/loom/loom-001/bbw/raw", LoomTopic("loom-001", "bbw/raw")),
        ("kaldor/loom/loom-001/bbw/processed", LoomTopic("loom-001", "bbw/processed")),
        ("kaldor/loom/loom-001/status", LoomTopic("loom-001", "status")),
        ("spBv1.0/Plant/NBIRTH/edge-1", SparkplugTopic("Plant", "NBIRTH", "edge-1")),
        ("spBv1.0/Plant/DDATA/edge-1/press-1", SparkplugTopic("Plant", "DDATA", "edge-1", "press-1")),
        ("spBv1.0/STATE/andon", StateTopic("andon")),
    ],
)
def test_a_topic_is_taken_apart(topic: str, parts: object) -> None:
    assert parse_topic(topic) == parts


@pytest.mark.parametrize(
    "topic",
    [
        "",
        "/",
        "factory-plus/devices/device-001",
        "factory-plus/devices/device-001/data/extra",
        "factory-plus/devices/device-001/nothing",
        "factory-plus/alerts/loud",
        "kaldor/loom/loom-001/bbw",
        "kaldor/loom/loom-001",
        "spBv1.1/Plant/NBIRTH/edge-1",
        "$SYS/broker/uptime",
    ],
)
def test_a_topic_of_somebody_else_is_unknown(topic: str) -> None:
    with pytest.raises(WireError) as caught:
        parse_topic(topic)
    assert caught.value.reason == "unknown_topic"


@pytest.mark.parametrize(
    ("topic", "field"),
    [
        ("factory-plus/devices//data", "device_id"),
        (f"factory-plus/devices/{'x' * 256}/data", "device_id"),
        ("kaldor/loom//status", "loom_id"),
        ("spBv1.0//NBIRTH/edge-1", "group_id"),
        ("spBv1.0/Plant/NBIRTH/", "edge_node_id"),
        ("spBv1.0/Plant/DDATA/edge-1/", "device_id"),
        ("spBv1.0/STATE/", "host_id"),
    ],
)
def test_an_id_that_cannot_be_one_is_named(topic: str, field: str) -> None:
    with pytest.raises(WireError) as caught:
        parse_topic(topic)
    assert (caught.value.reason, caught.value.field) == ("invalid_topic", field)


@pytest.mark.parametrize("kind", get_args(topics.NodeMessage))
def test_topic_structure_namespace_device_id_non_associated_message_types(kind: str) -> None:
    with pytest.raises(WireError, match="message_type"):
        parse_topic(f"spBv1.0/Plant/{kind}/edge-1/press-1")


@pytest.mark.parametrize("kind", get_args(topics.DeviceMessage))
def test_topic_structure_namespace_device_id_associated_message_types(kind: str) -> None:
    with pytest.raises(WireError, match="message_type"):
        parse_topic(f"spBv1.0/Plant/{kind}/edge-1")


@given(GROUPS, st.sampled_from(get_args(topics.NodeMessage)), IDS)
def test_topic_structure_of_the_node(group: str, kind: topics.NodeMessage, node: str) -> None:
    assert parse_topic(topics.node_topic(group, kind, node)) == SparkplugTopic(group, kind, node)


@given(GROUPS, st.sampled_from(get_args(topics.DeviceMessage)), IDS, IDS)
def test_topic_structure_of_a_device(group: str, kind: topics.DeviceMessage, node: str, device: str) -> None:
    built = topics.edge_device_topic(group, kind, node, device)
    assert parse_topic(built) == SparkplugTopic(group, kind, node, device)


@given(IDS, st.sampled_from(get_args(topics.DeviceChannel)), st.sampled_from(get_args(topics.LoomChannel)))
def test_what_is_built_is_parsed_back(
    identifier: str, channel: topics.DeviceChannel, loom_channel: topics.LoomChannel
) -> None:
    assert parse_topic(topics.device_topic(identifier, channel)) == DeviceTopic(identifier, channel)
    assert parse_topic(topics.loom_topic(identifier, loom_channel)) == LoomTopic(identifier, loom_channel)
    assert parse_topic(topics.state_topic(identifier)) == StateTopic(identifier)


def test_alert_and_system_topics_are_parsed_back() -> None:
    for level in get_args(topics.AlertLevel):
        assert parse_topic(topics.alert_topic(level)) == AlertTopic(level)
    for channel in get_args(topics.SystemChannel):
        assert parse_topic(topics.system_topic(channel)) == SystemTopic(channel)


@pytest.mark.parametrize("identifier", ["", "a/b", "a+", "#", "nul\0", "x" * 256])
def test_topic_structure_namespace_valid_ids(identifier: str) -> None:
    """valid-group-id, valid-edge-node-id, valid-device-id: none may hold what MQTT gives a meaning to."""
    for build in (
        lambda: topics.device_topic(identifier, "data"),
        lambda: topics.loom_topic(identifier, "status"),
        lambda: topics.node_topic(identifier, "NBIRTH", "edge-1"),
        lambda: topics.node_topic("Plant", "NBIRTH", identifier),
        lambda: topics.edge_device_topic("Plant", "DBIRTH", "edge-1", identifier),
        lambda: topics.state_topic(identifier),
    ):
        with pytest.raises(WireError, match="_id"):
            build()


def test_a_group_cannot_be_called_state() -> None:
    with pytest.raises(WireError, match="STATE"):
        topics.node_topic("STATE", "NBIRTH", "edge-1")


@given(st.text(max_size=60))
def test_any_text_is_parsed_or_refused(topic: str) -> None:
    try:
        parse_topic(topic)
    except WireError as error:
        assert error.reason in ("unknown_topic", "invalid_topic")


@pytest.mark.parametrize(
    ("pattern", "topic", "selected"),
    [
        ("factory/device/+/temperature", "factory/device/device-001/temperature", True),
        ("factory/device/+/temperature", "factory/device/device-001/pressure", False),
        ("factory/device/+", "factory/device/device-001/pressure", False),
        ("factory/#", "factory/device/device-001/pressure", True),
        ("factory/#", "factory", True),
        ("#", "factory/device", True),
        ("#", "$SYS/uptime", False),
        ("+/uptime", "$SYS/uptime", False),
        ("$SYS/#", "$SYS/uptime", True),
        ("factory/device", "factory/device", True),
        ("factory/device", "factory/device/", False),
        ("factory/+", "factory/", True),
        ("factory/#/device", "factory/x/device", False),
        ("factory/device/+/+", "factory/device/one", False),
    ],
)
def test_a_filter_selects_as_mqtt_says(pattern: str, topic: str, selected: bool) -> None:
    assert topic_matches(pattern, topic) is selected
