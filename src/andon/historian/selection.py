"""Which signals a question is about, and which of their samples count."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import fields, replace
from typing import Final, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from andon.historian.model import Buckets, Columns
from andon.historian.service import Historian, unknown_device
from andon.kit.errors import InvalidError, NotFoundError
from andon.kit.quality import USABLE, Quality
from andon.registry.directory import DeviceInfo, TagInfo

QualityFilter = Literal["all", "usable", "good"]
"""`usable`: good, or only the clock in doubt."""

_LEAST: Final = {"usable": USABLE, "good": Quality.GOOD}
_ALL_TAGS: Final = "*"


class Series(NamedTuple):
    """One signal of one device."""

    device: DeviceInfo
    tag: TagInfo


def wanted(qualities: NDArray[np.uint8], quality: QualityFilter) -> NDArray[np.bool_]:
    """Mask of the samples that a filter lets through."""
    return np.asarray(qualities >= _LEAST.get(quality, 0))


def pick(columns: Columns, rows: NDArray[np.bool_] | NDArray[np.intp] | slice) -> Columns:
    """Some rows of columns, in their order."""
    index = np.arange(len(columns))[rows]
    texts = {new: columns.texts[old] for new, old in enumerate(index.tolist()) if old in columns.texts}
    return Columns(
        columns.timestamps[rows],
        columns.values[rows],
        columns.qualities[rows],
        columns.received[rows],
        texts if columns.texts else {},
    )


def pick_buckets(buckets: Buckets, rows: NDArray[np.bool_] | slice) -> Buckets:
    """Some of the buckets."""
    columns = {
        each.name: getattr(buckets, each.name)[rows]
        for each in fields(buckets)
        if each.name not in ("width_us", "source")
    }
    return replace(buckets, **columns)


def filtered(columns: Columns, quality: QualityFilter) -> Columns:
    """The samples that a filter lets through."""
    return columns if quality == "all" else pick(columns, wanted(columns.qualities, quality))


def primary_series(device: DeviceInfo) -> Series:
    """The device's primary signal. NotFoundError while it has none."""
    if device.primary is None:
        raise NotFoundError(
            f"device {device.device_id!r} has no tags yet",
            field="tag",
            cure="they come with the device's first samples",
        )
    return Series(device, device.primary)


def series_of_device(
    historian: Historian, organisation_id: str, device_id: str, names: Sequence[str], most: int
) -> list[Series]:
    """The named tags of a device in their order, or its primary one. NotFoundError names the device or the tag."""
    device = historian.device(organisation_id, device_id)
    if not names:
        return [primary_series(device)]
    found = (Series(device, tag) for name in names for tag in historian.tags(device, name))
    return _bounded(found, most, "tag")


def series_of_names(historian: Historian, organisation_id: str, names: Sequence[str], most: int) -> list[Series]:
    """Signals as `device:tag`, `device` (its primary tag) or `device:*` (all of them).

    NotFoundError names what there is not; InvalidError when there are more than `most`, or none.
    """
    if not names:
        raise InvalidError("no series is named", field="series", cure="add series=device-001:temperature, or more")
    found = (each for name in names for each in _series_of_name(historian, organisation_id, name))
    return _bounded(found, most, "series")


def _series_of_name(historian: Historian, organisation_id: str, name: str) -> list[Series]:
    device, tag = _split(historian, organisation_id, name)
    if tag is None:
        return [primary_series(device)]
    return [Series(device, each) for each in historian.tags(device, None if tag == _ALL_TAGS else tag)]


def _split(historian: Historian, organisation_id: str, name: str) -> tuple[DeviceInfo, str | None]:
    """Device ids and tag names may hold colons themselves: the first cut that names something is it."""
    parts = name.split(":")
    cuts = [(":".join(parts[:end]), ":".join(parts[end:]) or None) for end in range(1, len(parts) + 1)]
    found = [(device, tag) for each, tag in cuts if (device := historian.find(organisation_id, each)) is not None]
    if not found:
        raise unknown_device(name)
    return next(((device, tag) for device, tag in found if tag in (None, _ALL_TAGS) or device.tag(tag)), found[0])


def _bounded(found: Iterable[Series], most: int, field: str) -> list[Series]:
    once = list({each.tag.id: each for each in found}.values())
    if len(once) > most:
        raise InvalidError(
            f"{len(once)} series in one question; {most} are allowed (history_max_series)",
            field=field,
            cure="ask for fewer at a time",
        )
    return once


def tags_where(
    historian: Historian,
    organisation_id: str,
    *,
    devices: Sequence[str] = (),
    types: Sequence[str] = (),
    tags: Sequence[str] = (),
    unit: str | None = None,
    primary_only: bool = False,
) -> list[Series]:
    """All signals of an organisation that fit; without conditions all. NotFoundError for a device that is not there."""
    chosen = [historian.device(organisation_id, each) for each in devices] or historian.devices(organisation_id)
    return [
        Series(device, tag)
        for device in chosen
        if not types or device.type in types
        for tag in (device.tags[:1] if primary_only else device.tags)
        if (not tags or tag.name in tags) and (unit is None or tag.unit == unit)
    ]
