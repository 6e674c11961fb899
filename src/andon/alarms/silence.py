"""Devices that have gone silent: when anything last came from each, and the offline alarm's points.

Silence is counted by receive time. A device that was never heard is unknown, not offline, and so is one of which only
history came: a recording that ends is no outage. A source that says that it died (all its signals turn stale) is
offline at once.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from andon.alarms import model
from andon.alarms.model import QUIET, AlertType, Point, PointKey, Rule, Timing, Transition
from andon.kit.clock import US_PER_S
from andon.registry.directory import DeviceInfo, Directory

TagIds = NDArray[np.int32] | NDArray[np.int64]

# The condition is yes or no: 1 silent, 0 heard.
_RULE = Rule("high", 0.5)
_SILENT, _HEARD = 1.0, 0.0


def offline_key(device_uuid: str) -> PointKey:
    """The point that stands for a device's silence."""
    return PointKey(device_uuid, None, AlertType.DEVICE_OFFLINE)


class SilenceWatch:
    """Holds one point for each device; makes no I/O.

    Silence before `started_at` does not count, so neither a restart nor a suspended machine makes devices
    offline that only could not be heard.
    """

    def __init__(self, timing: Timing, started_at: int) -> None:
        self._timing = timing
        self._grace_from = started_at
        self._devices: dict[str, DeviceInfo] = {}
        self._points: dict[str, Point] = {}  # by device UUID, where something is going on
        # By tag id: when its last sample was received, 0 never; and whether that one said that it is stale.
        self._heard = np.zeros(64, np.int64)
        self._stale = np.zeros(64, np.bool_)
        self._live = np.zeros(64, np.bool_)  # whether anything but history ever came
        # The watched devices, each with a stretch of `_tags` that begins at its `_starts`.
        self._watched: list[DeviceInfo] = []
        self._tags = np.zeros(0, np.int64)
        self._starts = np.zeros(0, np.int64)
        self._allowed = np.zeros(0, np.int64)

    def point(self, key: PointKey) -> Point:
        """How a point stands."""
        return self._points.get(key.device_uuid, QUIET)

    def put(self, key: PointKey, point: Point) -> None:
        """Set how a point stands: after an operator's action, or when restoring."""
        if point.quiet:
            self._points.pop(key.device_uuid, None)
        else:
            self._points[key.device_uuid] = point

    def watches(self, key: PointKey) -> bool:
        """Whether the device is there and enabled."""
        info = self._devices.get(key.device_uuid)
        return info is not None and info.status != "disabled"

    def listen_again(self, now: int) -> None:
        """Nothing could be heard for a while, through no fault of the devices: silence counts from now."""
        self._grace_from = now

    def configure(self, directory: Directory, now: int) -> list[Transition]:
        """Take over the registry's devices. A device that is gone or disabled is no longer watched."""
        self._reach(directory.max_tag_id)
        organisations = directory.organisations()
        self._devices = {info.uuid: info for each in organisations for info in directory.devices(each)}
        self._watched = [i for i in self._devices.values() if i.status != "disabled" and i.tags]
        sizes = [len(info.tags) for info in self._watched]
        self._starts = np.cumsum([0, *sizes[:-1]]) if sizes else np.zeros(0, np.int64)
        self._tags = np.array([tag.id for info in self._watched for tag in info.tags], np.int64)
        self._allowed = np.array([round(i.offline_after_s * US_PER_S) for i in self._watched], np.int64)
        transitions: list[Transition] = []
        for uuid, point in list(self._points.items()):
            if not self.watches(offline_key(uuid)):
                step = model.on_rule(point, None, self._timing, None, now, now)
                self._take(uuid, step, None, None, transitions)
        return transitions

    def remember(
        self, tag_ids: TagIds, received: NDArray[np.int64], stale: NDArray[np.bool_], live: NDArray[np.bool_]
    ) -> None:
        """Note who sent what when; `received` 0 means never. Also for what is known from before the start.

        Stale samples are no sign of life: they are the host's word that the source is lost. Those that are not `live`
        came so late that they are history.
        """
        inside = (tag_ids > 0) & (tag_ids < len(self._heard))
        if not inside.all():
            tag_ids, received, stale, live = tag_ids[inside], received[inside], stale[inside], live[inside]
        self._stale[tag_ids] = stale
        self._live[tag_ids[live]] = True
        if stale.any():
            tag_ids, received = tag_ids[~stale], received[~stale]
        np.maximum.at(self._heard, tag_ids, received)

    def tick(self, now: int, horizon: int) -> list[Transition]:
        """Judge all devices. `horizon` is up to when everything received has been seen: `now`, or less while
        this consumer is behind, for its own lateness is not the devices' silence."""
        if not self._watched:
            return []
        # A clock that was set back has left times behind that are still to come: nobody would be silent until then.
        np.minimum(self._heard, now, out=self._heard)
        self._grace_from = min(self._grace_from, now)
        times, stale = self._heard[self._tags], self._stale[self._tags]
        heard = np.maximum.reduceat(times, self._starts)
        dead = np.logical_and.reduceat(stale | (times == 0), self._starts) & (
            (heard > 0) | np.logical_or.reduceat(stale, self._starts)
        )
        silent = dead | ((heard > 0) & (horizon - np.maximum(heard, self._grace_from) > self._allowed))
        silent &= np.logical_or.reduceat(self._live[self._tags], self._starts)
        fine = ~silent & (heard > 0) & (horizon - heard <= self._allowed)
        transitions: list[Transition] = []
        columns = zip(self._watched, silent.tolist(), fine.tolist(), heard.tolist(), strict=True)
        for info, is_silent, is_fine, last in columns:
            point = self._points.get(info.uuid)
            if point is None and not is_silent:
                continue
            silence = max(horizon - last, 0) / US_PER_S
            for step in self._steps(point or QUIET, is_silent, is_fine, now):
                self._take(info.uuid, step, silence, info.offline_after_s, transitions)
        return transitions

    def _steps(self, point: Point, silent: bool, fine: bool, now: int) -> Iterator[model.Step]:
        if silent or fine:
            step = model.on_sample(point, _RULE, self._timing, _SILENT if silent else _HEARD, now, now)
            yield step
            point = step.point
        yield model.on_tick(point, _RULE, self._timing, now)

    def _take(
        self,
        uuid: str,
        step: model.Step,
        silence: float | None,
        allowed: float | None,
        transitions: list[Transition],
    ) -> None:
        key = offline_key(uuid)
        self.put(key, step.point)
        if step.change is not None:
            transitions.append(Transition(key, step.change, step.at, silence, allowed))

    def _reach(self, highest: int) -> None:
        if highest >= len(self._heard):
            added = 2 * highest - len(self._heard) + 1
            self._heard = np.concatenate([self._heard, np.zeros(added, np.int64)])
            self._stale = np.concatenate([self._stale, np.zeros(added, np.bool_)])
            self._live = np.concatenate([self._live, np.zeros(added, np.bool_)])
