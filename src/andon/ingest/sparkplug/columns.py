"""Messages of numbers on their way into columns, without a look at each of them."""

from __future__ import annotations

from array import array
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from andon.ingest.batch import BatchBuilder
from andon.ingest.sparkplug.bindings import Binding
from andon.ingest.timing import TimePolicy
from andon.kit.quality import Quality
from andon.wire.errors import WireError
from andon.wire.sparkplug.numbers import Numbers, NumberSource


class _Plan(NamedTuple):
    """Where the numbers of one source go. `rows`: those that have a tag, None when all have."""

    bindings: list[Binding]
    rows: NDArray[np.intp] | None
    tags: array[int]
    qualities: array[int]
    factors: tuple[NDArray[np.float64], NDArray[np.float64]] | None


class NumberColumns:
    """Writes the numbers of one device. `settle` before its bindings are used or changed elsewhere."""

    _MOST = 4

    def __init__(self) -> None:
        self._plans: dict[NumberSource, _Plan | None] = {}
        self._latest: tuple[_Plan, NDArray[np.float64]] | None = None

    def write(self, numbers: Numbers, received: int, policy: TimePolicy, out: BatchBuilder) -> bool:
        """Add them as samples; False when they have to be looked at one by one, and none was added."""
        plan = self._plan(numbers.source)
        if plan is None or not _in_time(numbers.times, received, policy):
            return False
        times, values = numbers.times, numbers.values
        if plan.rows is not None:
            values = values[plan.rows]
            times = times if isinstance(times, int) else times[plan.rows]
        if not np.isfinite(values).all():
            return False
        if plan.factors is not None:
            values = values * plan.factors[0] + plan.factors[1]
        if self._latest is not None and self._latest[0] is not plan:
            self.settle()
        self._latest = (plan, values)
        out.add_columns(plan.tags, times, values, plan.qualities, received)
        return True

    def settle(self) -> None:
        """Tell the bindings the last values."""
        if self._latest is not None:
            plan, values = self._latest
            for binding, value in zip(plan.bindings, values.tolist(), strict=True):
                binding.last = value
            self._latest = None

    def forget(self) -> None:
        """The bindings change."""
        self.settle()
        self._plans.clear()

    def _plan(self, source: NumberSource) -> _Plan | None:
        if source not in self._plans:
            if len(self._plans) >= self._MOST:
                del self._plans[next(iter(self._plans))]
            self._plans[source] = _plan(source)
        return self._plans[source]


def _in_time(times: int | NDArray[np.int64], received: int, policy: TimePolicy) -> bool:
    """Whether all times are those of live samples: that the first and the last are is enough."""
    try:
        for each in (times,) if isinstance(times, int) else (int(times.min()), int(times.max())):
            policy.check(each, received, Quality.GOOD)
    except WireError:
        return False
    return True


def _plan(source: NumberSource) -> _Plan | None:
    """None when a text is among them, or nothing has a tag."""
    bound = [(row, each.binding) for row, each in enumerate(source.definitions) if each.binding is not None]
    bindings: list[Binding] = [binding for _, binding in bound]
    if not bindings or any(binding.is_text for binding in bindings):
        return None
    rows = np.array([row for row, _ in bound], np.intp)
    qualities = np.minimum(source.qualities[rows], np.uint8(Quality.GOOD))
    factors = np.array([binding.factors or (1.0, 0.0) for binding in bindings])
    return _Plan(
        bindings,
        None if len(rows) == len(source.definitions) else rows,
        array("i", [binding.tag_id for binding in bindings]),
        array("B", qualities.tobytes()),
        (factors[:, 0], factors[:, 1]) if any(binding.factors for binding in bindings) else None,
    )
