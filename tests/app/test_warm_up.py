"""What live state is given: what comes now as it is, what was imported as of the time when it was taken."""

from __future__ import annotations

from andon.app.warm_up import as_of_then
from andon.engines.livestate.memory import MemoryLiveState
from andon.kit.clock import US_PER_DAY, now_us
from andon.kit.samples import IMPORTED, SampleBatch, concatenate


def test_an_import_makes_no_device_look_alive() -> None:
    now = now_us()
    old = SampleBatch.from_rows([(1, now - 9 * US_PER_DAY, 5.0, 192, now)]).with_marks(IMPORTED)
    live = SampleBatch.from_rows([(2, now - 10, 6.0, 192, now)])
    state = MemoryLiveState()
    state.apply(as_of_then(concatenate([old, live])))
    first, second = state.current(1), state.current(2)
    assert first is not None
    assert second is not None
    assert (first.value, first.received) == (5.0, now - 9 * US_PER_DAY)
    assert second.received == now


def test_an_imported_sample_shows_only_where_nothing_newer_is() -> None:
    now = now_us()
    state = MemoryLiveState()
    state.apply(SampleBatch.from_rows([(1, now, 6.0, 192, now)]))
    state.apply(as_of_then(SampleBatch.from_rows([(1, now - US_PER_DAY, 5.0, 192, now)]).with_marks(IMPORTED)))
    current = state.current(1)
    assert current is not None
    assert current.value == 6.0
