"""The open alarms in memory: at most one for each point."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from andon.alarms.model import PointKey, State
from andon.alarms.records import SEVERITIES, Alarm

_LEVEL_RANK = {"info": 0, "warning": 1, "critical": 2}
_STATE_RANK = {State.UNACKNOWLEDGED: 0, State.RTN_UNACKNOWLEDGED: 1, State.ACKNOWLEDGED: 2, State.NORMAL: 3}


class AlarmBook:
    """Open alarms by point; those over leave it. Bounded by the number of points."""

    def __init__(self) -> None:
        self._alarms: dict[PointKey, Alarm] = {}

    def __len__(self) -> int:
        return len(self._alarms)

    def get(self, key: PointKey) -> Alarm | None:
        """The open alarm at a point."""
        return self._alarms.get(key)

    def by_id(self, organisation_id: str) -> dict[int, Alarm]:
        """An organisation's open alarms by id; one that is not stored yet has none."""
        return {alarm.id: alarm for alarm in self.of(organisation_id) if alarm.id is not None}

    def put(self, alarm: Alarm) -> None:
        """Keep an alarm while it is open, drop it when it is over."""
        if alarm.open:
            self._alarms[alarm.key] = alarm
            return
        known = self._alarms.get(alarm.key)
        if known is not None and known.id == alarm.id:  # else a later one at the same point is open
            del self._alarms[alarm.key]

    def of(self, organisation_id: str) -> Iterable[Alarm]:
        """An organisation's open alarms."""
        return (alarm for alarm in self._alarms.values() if alarm.organisation_id == organisation_id)

    def listed(self, organisation_id: str) -> list[Alarm]:
        """An organisation's open alarms, those that need somebody first, then by severity, then newest."""
        return sorted(self.of(organisation_id), key=_urgency)

    def severity_counts(self, organisation_id: str) -> dict[str, int]:
        """Number of open alarms by severity; every severity is there."""
        counts = Counter(alarm.severity for alarm in self.of(organisation_id))
        return {severity: counts[severity] for severity in SEVERITIES}

    def device_levels(self, organisation_id: str) -> dict[str, tuple[str, int]]:
        """Worst level and number of open alarms by device id.

        An alarm whose condition has returned and that only waits for its acknowledgement counts as `info`.
        """
        levels: dict[str, tuple[str, int]] = {}
        for alarm in self.of(organisation_id):
            level = "info" if alarm.state is State.RTN_UNACKNOWLEDGED else alarm.level
            worst, count = levels.get(alarm.device_id, ("info", 0))
            levels[alarm.device_id] = (max(worst, level, key=_LEVEL_RANK.__getitem__), count + 1)
        return levels


def _urgency(alarm: Alarm) -> tuple[int, int, int]:
    return (_STATE_RANK[alarm.state], SEVERITIES.index(alarm.severity), -alarm.triggered_at)
