"""Who watches what: a selection names devices or topics, and resolves to the tags it means today. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from andon.kit.errors import InvalidError
from andon.registry.directory import Directory, TagInfo

Kind = Literal["sensor-data", "sensor-frame", "measurement", "topic"]
"""How a selection's values are told: S1's events, frames, S2's events, or `/ws` messages."""

MAX_FILTER_LENGTH = 500
TOPIC_ROOT = "factory/device"


@dataclass(frozen=True, slots=True)
class Selection:
    """Devices (all of the organisation, or by device id) or topic filters; told as `kind`."""

    kind: Kind
    organisation_id: str
    everything: bool = False
    devices: frozenset[str] = field(default=frozenset())
    filters: frozenset[str] = field(default=frozenset())

    @property
    def empty(self) -> bool:
        """Nothing is selected."""
        return not (self.everything or self.devices or self.filters)

    def selects(self, device_id: str) -> bool:
        """Whether that device of the organisation is among the selected ones."""
        return self.everything or device_id in self.devices

    def with_devices(self, device_ids: Iterable[str]) -> Selection:
        """The same and these devices."""
        return replace(self, devices=self.devices | frozenset(device_ids))

    def without_devices(self, device_ids: Iterable[str]) -> Selection:
        """The same but for these devices; taking some away from everything is not possible."""
        return replace(self, devices=self.devices - frozenset(device_ids))

    def tags(self, directory: Directory) -> NDArray[np.int32]:
        """Ids of the selected tags, ascending; those of other organisations are never among them."""
        found = directory.tags(self.organisation_id) if self._broad else self._tags_of_devices(directory)
        if self.filters:
            matches = compile_filters(self.filters).fullmatch
            found = [tag for tag in found if matches(tag_topic(tag))]
        ids: NDArray[np.int32] = np.sort(np.fromiter((tag.id for tag in found), np.int32))
        return ids

    @property
    def _broad(self) -> bool:
        return self.everything or bool(self.filters)

    def _tags_of_devices(self, directory: Directory) -> list[TagInfo]:
        known = (directory.device(self.organisation_id, device_id) for device_id in self.devices)
        return [tag for device in known if device is not None for tag in device.tags]


def tag_topic(tag: TagInfo) -> str:
    """The topic of a tag's samples on `/ws`: `factory/device/{device_id}/{tag}`."""
    return f"{TOPIC_ROOT}/{tag.device_id}/{tag.name}"


def check_filter(text: object) -> str:
    """A topic filter as MQTT has it: `+` stands for one level, `#` at the end for the rest. InvalidError if not."""
    cure = "use a filter such as factory/device/+/temperature or factory/device/#"
    if not isinstance(text, str) or not 0 < len(text) <= MAX_FILTER_LENGTH or "\0" in text:
        raise InvalidError(f"topic must be text of 1 to {MAX_FILTER_LENGTH} characters", field="topic", cure=cure)
    levels = text.split("/")
    if any("#" in level and (level != "#" or i < len(levels) - 1) for i, level in enumerate(levels)):
        raise InvalidError("# must stand alone in the last level of a topic filter", field="topic", cure=cure)
    if any("+" in level and level != "+" for level in levels):
        raise InvalidError("+ must stand alone in its level of a topic filter", field="topic", cure=cure)
    return text


def compile_filters(filters: Iterable[str]) -> re.Pattern[str]:
    """One pattern whose `fullmatch` says whether any of the (checked) filters selects a topic."""
    return re.compile("|".join(f"(?:{_pattern(each)})" for each in sorted(filters)), re.DOTALL)


def _pattern(topic_filter: str) -> str:
    if topic_filter == "#":
        return r"(?!\$).*"
    rest = topic_filter.endswith("/#")
    levels = topic_filter.removesuffix("/#").split("/")
    body = "/".join("[^/]*" if level == "+" else re.escape(level) for level in levels)
    # MQTT 4.7.2: wildcards in the first level do not select topics that begin with $.
    guard = r"(?!\$)" if levels[0] == "+" else ""
    return guard + body + ("(?:/.*)?" if rest else "")
