"""Every topic that Andon publishes or subscribes: built and taken apart in this one place.

`factory-plus/devices/{device_id}/data|status|commands|config`, `factory-plus/alerts/{critical|warning|info}`,
`factory-plus/system/{health|metrics|logs}`, `kaldor/loom/{loom_id}/bbw/raw|bbw/processed|status|alerts|config`,
`spBv1.0/{group_id}/{message_type}/{edge_node_id}[/{device_id}]` and `spBv1.0/STATE/{host_id}`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, cast, get_args

from andon.wire.errors import WireError

DeviceChannel = Literal["data", "status", "commands", "config"]
AlertLevel = Literal["critical", "warning", "info"]
SystemChannel = Literal["health", "metrics", "logs"]
LoomChannel = Literal["bbw/raw", "bbw/processed", "status", "alerts", "config"]
NodeMessage = Literal["NBIRTH", "NDATA", "NDEATH", "NCMD"]
DeviceMessage = Literal["DBIRTH", "DDATA", "DDEATH", "DCMD"]
SparkplugMessage = Literal[NodeMessage, DeviceMessage]

SPARKPLUG_NAMESPACE = "spBv1.0"
MAX_ID_LENGTH = 255
"""Longest id (characters) that a topic may carry; it bounds what an unknown sender can make us remember."""

_DEVICE_CHANNELS = frozenset(get_args(DeviceChannel))
_ALERT_LEVELS = frozenset(get_args(AlertLevel))
_SYSTEM_CHANNELS = frozenset(get_args(SystemChannel))
_LOOM_CHANNELS = frozenset(get_args(LoomChannel))
_NODE_MESSAGES = frozenset(get_args(NodeMessage))
_DEVICE_MESSAGES = frozenset(get_args(DeviceMessage))


@dataclass(frozen=True, slots=True)
class DeviceTopic:
    """`factory-plus/devices/{device_id}/{channel}`"""

    device_id: str
    channel: DeviceChannel


@dataclass(frozen=True, slots=True)
class AlertTopic:
    """`factory-plus/alerts/{level}`"""

    level: AlertLevel


@dataclass(frozen=True, slots=True)
class SystemTopic:
    """`factory-plus/system/{channel}`"""

    channel: SystemChannel


@dataclass(frozen=True, slots=True)
class LoomTopic:
    """`kaldor/loom/{loom_id}/{channel}`"""

    loom_id: str
    channel: LoomChannel


@dataclass(frozen=True, slots=True)
class SparkplugTopic:
    """`spBv1.0/{group_id}/{message_type}/{edge_node_id}[/{device_id}]`; device_id is None for the node's own."""

    group_id: str
    message_type: SparkplugMessage
    edge_node_id: str
    device_id: str | None = None


@dataclass(frozen=True, slots=True)
class StateTopic:
    """`spBv1.0/STATE/{host_id}`"""

    host_id: str


Topic = DeviceTopic | AlertTopic | SystemTopic | LoomTopic | SparkplugTopic | StateTopic


def device_topic(device_id: str, channel: DeviceChannel) -> str:
    """`factory-plus/devices/{device_id}/{channel}`"""
    return f"factory-plus/devices/{_checked(device_id, 'device_id')}/{channel}"


def alert_topic(level: AlertLevel) -> str:
    """`factory-plus/alerts/{level}`"""
    return f"factory-plus/alerts/{level}"


def system_topic(channel: SystemChannel) -> str:
    """`factory-plus/system/{channel}`"""
    return f"factory-plus/system/{channel}"


def loom_topic(loom_id: str, channel: LoomChannel) -> str:
    """`kaldor/loom/{loom_id}/{channel}`"""
    return f"kaldor/loom/{_checked(loom_id, 'loom_id')}/{channel}"


def node_topic(group_id: str, message_type: NodeMessage, edge_node_id: str) -> str:
    """`spBv1.0/{group_id}/{message_type}/{edge_node_id}`; WireError when an id cannot stand in a topic."""
    group, node = _checked_group(group_id), _checked(edge_node_id, "edge_node_id")
    return f"{SPARKPLUG_NAMESPACE}/{group}/{message_type}/{node}"


def edge_device_topic(group_id: str, message_type: DeviceMessage, edge_node_id: str, device_id: str) -> str:
    """`spBv1.0/{group_id}/{message_type}/{edge_node_id}/{device_id}`; WireError when an id cannot stand in a topic."""
    group, node = _checked_group(group_id), _checked(edge_node_id, "edge_node_id")
    return f"{SPARKPLUG_NAMESPACE}/{group}/{message_type}/{node}/{_checked(device_id, 'device_id')}"


def state_topic(host_id: str) -> str:
    """`spBv1.0/STATE/{host_id}`"""
    return f"{SPARKPLUG_NAMESPACE}/STATE/{_checked(host_id, 'host_id')}"


def parse_topic(topic: str) -> Topic:
    """The parts of a topic. WireError (`unknown_topic`, `invalid_topic`) when it is none of Andon's."""
    levels = topic.split("/")
    match levels:
        case ["factory-plus", "devices", device_id, channel] if channel in _DEVICE_CHANNELS:
            return DeviceTopic(_checked(device_id, "device_id"), cast(DeviceChannel, channel))
        case ["kaldor", "loom", loom_id, *rest] if (path := "/".join(rest)) in _LOOM_CHANNELS:
            return LoomTopic(_checked(loom_id, "loom_id"), cast(LoomChannel, path))
        case ["spBv1.0", *rest]:
            return _parse_sparkplug(topic, rest)
        case ["factory-plus", "alerts", level] if level in _ALERT_LEVELS:
            return AlertTopic(cast(AlertLevel, level))
        case ["factory-plus", "system", channel] if channel in _SYSTEM_CHANNELS:
            return SystemTopic(cast(SystemChannel, channel))
    raise WireError("unknown_topic", f"topic {topic[:200]!r} is not one that Andon knows")


def _parse_sparkplug(topic: str, levels: list[str]) -> SparkplugTopic | StateTopic:
    match levels:
        case ["STATE", host_id]:
            return StateTopic(_checked(host_id, "host_id"))
        case [group, kind, node] if kind in _NODE_MESSAGES:
            message = cast(SparkplugMessage, kind)
            return SparkplugTopic(_checked_group(group), message, _checked(node, "edge_node_id"))
        case [group, kind, node, device] if kind in _DEVICE_MESSAGES:
            message = cast(SparkplugMessage, kind)
            node = _checked(node, "edge_node_id")
            return SparkplugTopic(_checked_group(group), message, node, _checked(device, "device_id"))
    raise WireError(
        "invalid_topic",
        f"topic {topic[:200]!r} is not spBv1.0/group_id/message_type/edge_node_id[/device_id] with the device's id "
        "on device messages alone",
    )


def _checked_group(group_id: str) -> str:
    if group_id == "STATE":
        raise WireError("invalid_topic", "group_id must not be STATE: that word belongs to the host", "group_id")
    return _checked(group_id, "group_id")


def _checked(identifier: str, field: str) -> str:
    if not identifier:
        raise WireError("invalid_topic", f"{field} is empty", field)
    if len(identifier) > MAX_ID_LENGTH:
        raise WireError("invalid_topic", f"{field} has more than {MAX_ID_LENGTH} characters", field)
    if any(char in identifier for char in "+#/\0"):
        raise WireError("invalid_topic", f"{field} {identifier[:40]!r} must not contain + # / or NUL", field)
    return identifier


def topic_matches(pattern: str, topic: str) -> bool:
    """Whether an MQTT topic filter (`+` one level, `#` the rest) selects a topic (MQTT 3.1.1, section 4.7)."""
    wanted, levels = pattern.split("/"), topic.split("/")
    if topic.startswith("$") and wanted[0] in ("+", "#"):
        return False
    for i, level in enumerate(wanted):
        if level == "#":
            return i == len(wanted) - 1
        if i >= len(levels) or level not in ("+", levels[i]):
            return False
    return len(wanted) == len(levels)
