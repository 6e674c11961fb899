"""Devices that have gone silent: when anything last came from each, and the offline alarm's points.

Silence is counted by receive time. A device that was never heard is unknown, not offline. A source that says
that it died (all its signals turn stale) is offline at once.
"""

from __future__ import annotations

from dataclasses import dataclass

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


@dataclass(slots=True)
class _Device:
    info: DeviceInfo
    point: Point = QUIET


class SilenceWatch:
    """Holds one point for each device; makes no I/O.

    Silence before `started_at` does not count, so neither a restart nor a suspended machine makes devices
    offline that only could not be heard.
    """

    def __init__(self, timing: Timing, started_at: int) -> None:
        self._timing = timing
        self._grace_from = started_at
        self._devices: dict[str, _Device] = {}
        # By tag id: when its last sample was received, 0 never; and whether that one said that it is stale.
        self._heard = np.zeros(64, np.int64)
        self._stale = np.zeros(64, np.bool_)
        # The watched devices, each with a stretch of `_tags` that begins at its `_starts`.
        self._watched: list[_Device] = []
        self._tags = np.zeros(0, np.int64)
        self._starts = np.zeros(0, np.int64)
        self._allowed = np.zeros(0, np.int64)

    def keys(self) -> list[PointKey]:
        """The points at which something is going on."""
        return [offline_key(uuid) for uuid, device in self._devices.items() if not device.point.quiet]

    def point(self, key: PointKey) -> Point:
        """How a point stands."""
        device = self._devices.get(key.device_uuid)
        return device.point if device else QUIET

    def put(self, key: PointKey, point: Point) -> None:
        """Set how a point stands: after an operator's action, or when restoring."""
        device = self._devices.get(key.device_uuid)
        if device is not None:
            device.point = point

    def listen_again(self, now: int) -> None:
        """Nothing could be heard for a while, through no fault of the devices: silence counts from now."""
        self._grace_from = now

    def silence_s(self, device_uuid: str, horizon: int) -> float:
        """Seconds since anything last came from a device."""
        device = self._devices[device_uuid]
        heard = max((int(self._heard[tag.id]) for tag in device.info.tags), default=0)
        return max(horizon - heard, 0) / US_PER_S

    def configure(self, directory: Directory, now: int) -> list[Transition]:
        """Take over the registry's devices. A device that is gone or disabled is no longer watched."""
        self._reach(directory.max_tag_id)
        before, self._devices = self._devices, {}
        for organisation_id in directory.organisations():
            for info in directory.devices(organisation_id):
                device = before.get(info.uuid) or _Device(info)
                device.info = info
                self._devices[info.uuid] = device
        self._watched = [d for d in self._devices.values() if d.info.status != "disabled" and d.info.tags]
        sizes = [len(device.info.tags) for device in self._watched]
        self._starts = np.cumsum([0, *sizes[:-1]]) if sizes else np.zeros(0, np.int64)
        self._tags = np.array([tag.id for device in self._watched for tag in device.info.tags], np.int64)
        self._allowed = np.array([round(d.info.offline_after_s * US_PER_S) for d in self._watched], np.int64)
        watched = {device.info.uuid for device in self._watched}
        transitions: list[Transition] = []
        for uuid, device in {**before, **self._devices}.items():
            if uuid not in watched:
                self._take(device, model.on_rule(device.point, None, self._timing, None, now, now), None, transitions)
        return transitions

    def remember(self, tag_ids: TagIds, received: NDArray[np.int64], stale: NDArray[np.bool_]) -> None:
        """Note who sent what when; `received` 0 means never. Also for what is known from before the start.

        Stale samples are no sign of life: they are the host's word that the source is lost.
        """
        inside = (tag_ids > 0) & (tag_ids < len(self._heard))
        if not inside.all():
            tag_ids, received, stale = tag_ids[inside], received[inside], stale[inside]
        self._stale[tag_ids] = stale
        if stale.any():
            tag_ids, received = tag_ids[~stale], received[~stale]
        np.maximum.at(self._heard, tag_ids, received)

    def tick(self, now: int, horizon: int) -> list[Transition]:
        """Judge all devices. `horizon` is up to when everything received has been seen: `now`, or less while
        this consumer is behind, for its own lateness is not the devices' silence."""
        if not self._watched:
            return []
        times, stale = self._heard[self._tags], self._stale[self._tags]
        heard = np.maximum.reduceat(times, self._starts)
        dead = np.logical_and.reduceat(stale | (times == 0), self._starts) & (
            (heard > 0) | np.logical_or.reduceat(stale, self._starts)
        )
        silent = dead | ((heard > 0) & (horizon - np.maximum(heard, self._grace_from) > self._allowed))
        fine = ~silent & (heard > 0) & (horizon - heard <= self._allowed)
        transitions: list[Transition] = []
        for device, is_silent, is_fine in zip(self._watched, silent.tolist(), fine.tolist(), strict=True):
            if is_silent or (is_fine and device.point is not QUIET):
                self._judge(device, _SILENT if is_silent else _HEARD, now, horizon, transitions)
            if device.point is not QUIET:
                step = model.on_tick(device.point, _RULE, self._timing, now)
                self._take(device, step, horizon, transitions)
        return transitions

    def _judge(self, device: _Device, value: float, now: int, horizon: int, transitions: list[Transition]) -> None:
        step = model.on_sample(device.point, _RULE, self._timing, value, now, now)
        self._take(device, step, horizon, transitions)

    def _take(self, device: _Device, step: model.Step, horizon: int | None, transitions: list[Transition]) -> None:
        device.point = QUIET if step.point.quiet else step.point
        if step.change is not None:
            info = device.info
            silence = self.silence_s(info.uuid, horizon) if horizon is not None else None
            key = offline_key(info.uuid)
            transitions.append(Transition(key, step.change, step.at, silence, info.offline_after_s))

    def _reach(self, highest: int) -> None:
        if highest >= len(self._heard):
            added = 2 * highest - len(self._heard) + 1
            self._heard = np.concatenate([self._heard, np.zeros(added, np.int64)])
            self._stale = np.concatenate([self._stale, np.zeros(added, np.bool_)])
