"""Where each tag's samples lie: measurement, series and field, which may change in the course of time. Pure.

A device that is moved, or changes its type, goes on in another series. What was taken before stays where it is, and
late samples of that time go there too: each moment of a tag has exactly one place, so that a correction replaces.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

import msgspec

from andon.historian.stores.influx.names import (
    UNREGISTERED,
    clean,
    field_name,
    key,
    measurement_key,
    measurement_name,
)
from andon.registry.directory import Directory

TAGS: Final = ("organisation", "location", "device_id", "tag_id")
"""The tags that a series may have, in the order of the columns of `Place.tags`."""


class Place(NamedTuple):
    """A measurement, the values of `TAGS` (empty: the series does not have it), and a field."""

    measurement: str
    tags: tuple[str, str, str, str]
    field: str

    @property
    def head(self) -> str:
        """The beginning of a line."""
        tags = sorted((name, value) for name, value in zip(TAGS, self.tags, strict=True) if value)
        return measurement_key(self.measurement) + "".join(f",{name}={key(value)}" for name, value in tags)


class Stretch(NamedTuple):
    """From `since` (µs UTC, inclusive) until the next stretch a tag's samples lie at `place`."""

    since: int
    place: Place


Describe = Callable[[int], Place]
"""Where the samples of a tag that are taken now belong, by the registry."""


@dataclass(frozen=True, slots=True)
class Whereabouts:
    """All stretches of one tag, oldest first; the first one begins with time."""

    tag_id: int
    stretches: tuple[Stretch, ...]

    def at(self, moment: int) -> Place:
        """Where a sample of that moment lies."""
        return self.stretches[bisect_right(self.stretches, moment, key=lambda stretch: stretch.since) - 1].place

    def between(self, start: int, end: int) -> list[tuple[Place, int, int]]:
        """The places of a range, each with its part of it, oldest first."""
        found = []
        for index, stretch in enumerate(self.stretches):
            later = self.stretches[index + 1].since if index + 1 < len(self.stretches) else end
            low, high = max(start, stretch.since), min(end, later)
            if low < high:
                found.append((stretch.place, low, high))
        return found

    def moved(self, since: int, place: Place) -> Whereabouts:
        """From `since` on it lies at another place."""
        kept = tuple(stretch for stretch in self.stretches if stretch.since < since)
        return Whereabouts(self.tag_id, (*kept, Stretch(since, place)))


BEGINNING: Final = -(1 << 62)


def settled(tag_id: int, place: Place) -> Whereabouts:
    """A tag that has always been at one place."""
    return Whereabouts(tag_id, (Stretch(BEGINNING, place),))


def encode(where: Whereabouts) -> str:
    """As it is kept in the database."""
    return msgspec.json.encode(where.stretches).decode()


def decode(tag_id: int, text: str) -> Whereabouts:
    """What `encode` wrote. ValueError when it is not that."""
    return Whereabouts(tag_id, msgspec.json.decode(text, type=tuple[Stretch, ...]))


def unregistered(tag_id: int) -> Place:
    """Where samples of a tag belong that the registry does not know."""
    return Place(UNREGISTERED, ("", "", "", str(tag_id)), "value")


def by_directory(directory: Directory) -> Describe:
    """Measurement: the device's type; tags: organisation, location and device id; field: the tag's name."""

    known: dict[int, Place] = {}
    version = -1

    def describe(tag_id: int) -> Place:
        nonlocal version
        if version != directory.version:
            version = directory.version
            known.clear()
        if tag_id not in known:
            known[tag_id] = look_up(tag_id)
        return known[tag_id]

    def look_up(tag_id: int) -> Place:
        tag = directory.tag(tag_id)
        device = directory.by_uuid(tag.device_uuid) if tag is not None else None
        if tag is None or device is None:
            return unregistered(tag_id)
        return place_of(device.type, device.organisation_id, device.location, device.device_id, tag.name)

    return describe


def place_of(device_type: str, organisation: str, location: str, device_id: str, tag: str) -> Place:
    """Where the samples of a device's tag belong."""
    tags = (clean(organisation), clean(location), clean(device_id), "")
    return Place(measurement_name(device_type), tags, field_name(tag))


class Group(NamedTuple):
    """Tags that one query answers: the same measurement and field; each has its own series."""

    measurement: str
    field: str
    tag_ids: Mapping[tuple[str, ...], int]  # by the values of `TAGS`


def grouped(wheres: Iterable[Whereabouts], start: int, end: int) -> tuple[list[Group], list[Whereabouts]]:
    """Groups of those that lie at one place during the whole range, and the others, which need queries of their own."""
    groups: dict[tuple[str, str], dict[tuple[str, ...], int]] = {}
    others = []
    for where in wheres:
        places = where.between(start, end)
        if len(places) == 1:
            place = places[0][0]
            groups.setdefault((place.measurement, place.field), {})[place.tags] = where.tag_id
        elif places:
            others.append(where)
    return [Group(measurement, field, tags) for (measurement, field), tags in groups.items()], others


def parts_of(items: Sequence[str], size: int) -> list[Sequence[str]]:
    """The items in parts of at most `size`."""
    return [items[at : at + size] for at in range(0, len(items), size)]
