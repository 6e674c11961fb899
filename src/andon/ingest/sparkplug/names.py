"""Which registered device a Sparkplug edge node or device is."""

from __future__ import annotations

import re
from hashlib import blake2s
from typing import NamedTuple

from andon.kit.ids import DEVICE_ID_PATTERN
from andon.registry.directory import DeviceInfo, Directory

PROTOCOL = "sparkplug"

_DEVICE_ID = re.compile(DEVICE_ID_PATTERN)
_FORBIDDEN = re.compile(r"[^A-Za-z0-9_.:-]+")
_LONGEST = 91  # room for a dash and the digest within 100 characters


class EdgeName(NamedTuple):
    """Where metrics come from; `device` None for the edge node's own."""

    group: str
    node: str
    device: str | None

    @property
    def short(self) -> str:
        """The device's id, or the node's."""
        return as_device_id(self.device or self.node)

    @property
    def full(self) -> str:
        """`group:node:device`, for when two nodes have a device of the same id."""
        return as_device_id(":".join(part for part in self if part))

    @property
    def topic(self) -> str:
        """How the source is called in dead letters and among the discovered devices."""
        return "spBv1.0/" + "/".join(part for part in self if part)


def as_device_id(name: str) -> str:
    """`name` if it can be a device id, else the nearest that can, told apart by a digest."""
    if _DEVICE_ID.fullmatch(name):
        return name
    digest = blake2s(name.encode("utf-8", "replace"), digest_size=4).hexdigest()
    plain = _FORBIDDEN.sub("-", name).lstrip("_.:-")[:_LONGEST]
    return f"{plain or 'device'}-{digest}"


class NameBook:
    """Finds the device of an edge name: by its full id, or by its short id, which belongs to who came first."""

    def __init__(self, directory: Directory) -> None:
        self._directory = directory
        self._owners: dict[str, EdgeName] = {}

    def find(self, name: EdgeName) -> DeviceInfo | None:
        """The registered device, None when it is unknown."""
        organisation = self._directory.default_organisation
        device = self._directory.device(organisation, name.full)
        if device is not None:
            return device
        device = self._directory.device(organisation, name.short)
        if device is None or device.protocol != PROTOCOL:
            return None
        owner = self._owners.setdefault(device.uuid, name)
        return device if owner == name else None

    def id_to_adopt(self, name: EdgeName) -> str:
        """The short id while it is free, else the full one."""
        taken = self._directory.device(self._directory.default_organisation, name.short) is not None
        return name.full if taken else name.short
