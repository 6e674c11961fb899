"""The alarms in memory: points, open alarms, and what happens to them. Makes no I/O."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from andon.alarms import model
from andon.alarms.book import AlarmBook
from andon.alarms.evaluation import ThresholdEvaluator
from andon.alarms.model import AlertType, Change, Point, PointKey, Timing, Transition
from andon.alarms.records import Alarm, Comment, apply, new_alarm, restored_point
from andon.alarms.silence import SilenceWatch
from andon.kit.quality import Quality
from andon.kit.samples import SampleBatch
from andon.registry.directory import Directory


class Happening(NamedTuple):
    """Something happened to an alarm. `alarm` lives on, `then` is what it was like at that moment.

    `change` is None when only its record changed (another severity).
    """

    alarm: Alarm
    then: Alarm
    change: Change | None
    at: int


class Action(NamedTuple):
    """What an operator's action would make of an alarm; nothing holds until `AlarmEngine.take` is called."""

    alarm: Alarm
    point: Point
    change: Change
    at: int


class AlarmEngine:
    """Follows samples and time for all organisations. `now` is always this process's clock in µs UTC."""

    def __init__(self, directory: Directory, timing: Timing, *, max_age: int, offline_severity: str, now: int) -> None:
        self.book = AlarmBook()
        self._directory = directory
        self._version = -1
        self._offline_severity = offline_severity
        self._max_age = max_age
        self._limits = ThresholdEvaluator(timing, max_age)
        self._silence = SilenceWatch(timing, now)
        self._received = 0

    def restore(self, alarms: Iterable[Alarm], now: int) -> list[Happening]:
        """Take up the alarms that were open when Andon stopped; those nobody watches any more end."""
        happened = self.reconfigure(now)
        for alarm in alarms:
            self.book.put(alarm)
            point = restored_point(alarm)
            if alarm.key.alert_type is AlertType.DEVICE_OFFLINE:
                watched = self._silence.watches(alarm.key)
                self._silence.put(alarm.key, point)
            else:
                watched = self._limits.rule(alarm.key) is not None
                self._limits.restore(alarm.key, point, alarm.last_value_at or 0)
            if not watched:
                step = model.on_rule(point, None, Timing(), None, now, now)
                self._put_point(alarm.key, step.point)
                if step.change is not None:
                    happened += self._record([Transition(alarm.key, step.change, step.at, None, alarm.threshold)])
        return happened

    def remember(
        self,
        tag_ids: NDArray[np.int64],
        taken: NDArray[np.int64],
        received: NDArray[np.int64],
        stale: NDArray[np.bool_],
    ) -> None:
        """What is known from before the start: when the last sample of each tag was taken and received (0 never)."""
        live = (received > 0) & (received - taken <= self._max_age)
        self._silence.remember(tag_ids, received, stale, live)

    def reconfigure(self, now: int) -> list[Happening]:
        """Take over changed limits and devices; open alarms are judged by them at once."""
        version = self._directory.version
        if version == self._version:
            return []
        self._version = version
        result = self._limits.configure(self._directory, now)
        happened = self._record([*result.transitions, *self._silence.configure(self._directory, now)])
        return happened + self._rewrite(result.changed, now)

    def judge(self, batch: SampleBatch, now: int) -> list[Happening]:
        """Judge samples in the order in which the log has them."""
        happened = self.reconfigure(now)
        if len(batch):
            self._received = max(self._received, int(batch.received.max()))
            live = batch.received - batch.timestamps <= self._max_age
            self._silence.remember(batch.tag_ids, batch.received, batch.qualities == Quality.STALE, live)
            happened += self._record(self._limits.evaluate(batch, now))
        return happened

    def tick(self, now: int, *, behind: bool) -> list[Happening]:
        """Let time pass. `behind`: samples wait that have not been judged, so silence proves nothing yet."""
        happened = self.reconfigure(now)
        horizon = min(now, self._received) if behind else now
        return happened + self._record([*self._limits.tick(now), *self._silence.tick(now, horizon)])

    def listen_again(self, now: int) -> None:
        """The machine slept: silence counts from now."""
        self._silence.listen_again(now)

    def current(self, alarm: Alarm) -> Alarm:
        """An open alarm with the value that its signal has now."""
        if alarm.key.tag_id is None or not alarm.open:
            return alarm
        last = self._limits.last_value(alarm.key.tag_id)
        return alarm if last is None else replace(alarm, last_value=last[0], last_value_at=last[1])

    def acknowledge(self, alarm: Alarm, by: str, comment: Comment | None, now: int) -> Action | None:
        """None when it is acknowledged already."""
        return self._plan(alarm, model.acknowledge(self._point(alarm.key), now), by, comment)

    def resolve(self, alarm: Alarm, by: str, comment: Comment | None, now: int) -> Action | None:
        """None when it is over already."""
        return self._plan(alarm, model.resolve(self._point(alarm.key), now), by, comment)

    def take(self, actions: Sequence[Action]) -> list[Happening]:
        """Let operators' actions hold, now that they are stored."""
        for action in actions:
            self._put_point(action.alarm.key, action.point)
            self.book.put(action.alarm)
        return [Happening(a.alarm, replace(a.alarm), a.change, a.at) for a in actions]

    def _plan(self, alarm: Alarm, step: model.Step, by: str, comment: Comment | None) -> Action | None:
        if step.change is None:
            return None
        changed = replace(self.current(alarm), comments=alarm.comments + ((comment,) if comment else ()))
        apply(changed, Transition(alarm.key, step.change, step.at, None, None), by)
        return Action(changed, step.point, step.change, step.at)

    def _record(self, transitions: Iterable[Transition]) -> list[Happening]:
        happened: list[Happening] = []
        for transition in transitions:
            alarm = self._raised(transition) if transition.change is Change.RAISED else None
            alarm = alarm or self.book.get(transition.key)
            if alarm is None:
                continue
            if transition.change is not Change.RAISED:
                apply(alarm, transition)
            self.book.put(alarm)
            happened.append(Happening(alarm, replace(alarm), transition.change, transition.at))
        return happened

    def _raised(self, transition: Transition) -> Alarm | None:
        key = transition.key
        device = self._directory.by_uuid(key.device_uuid)
        tag = self._directory.tag(key.tag_id) if key.tag_id is not None else None
        if device is None or (tag is None and key.tag_id is not None):
            return None  # deleted a moment ago: the next `reconfigure` ends the point
        return new_alarm(transition, device, tag, tag.severity if tag else self._offline_severity)

    def _rewrite(self, keys: Iterable[PointKey], now: int) -> list[Happening]:
        """Open alarms show the limit and the severity that hold now."""
        happened: list[Happening] = []
        for key in keys:
            alarm, rule = self.book.get(key), self._limits.rule(key)
            if alarm is not None and rule is not None:
                alarm.threshold, alarm.severity = rule.threshold, rule.severity
                happened.append(Happening(alarm, replace(alarm), None, now))
        return happened

    def _point(self, key: PointKey) -> Point:
        offline = key.alert_type is AlertType.DEVICE_OFFLINE
        return self._silence.point(key) if offline else self._limits.point(key)

    def _put_point(self, key: PointKey, point: Point) -> None:
        if key.alert_type is AlertType.DEVICE_OFFLINE:
            self._silence.put(key, point)
        else:
            self._limits.put(key, point)
