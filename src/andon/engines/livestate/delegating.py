"""A live state whose answers come from one in memory; what is taken in goes further than that."""

from __future__ import annotations

from andon.engines.livestate.memory import MemoryLiveState
from andon.engines.livestate.port import Current, CurrentColumns, TagIds, Window, WindowStats
from andon.engines.livestate.snapshot import LiveColumns
from andon.kit.samples import SampleBatch


class Delegating:
    """The reading half of `LiveState`. A subclass says which state in memory answers."""

    @property
    def memory(self) -> MemoryLiveState:
        """The state that answers at present."""
        raise NotImplementedError

    def warm(self, batch: SampleBatch) -> None:
        """See `LiveState.warm`: for this process alone."""
        self.memory.warm(batch)

    def restore(self, columns: LiveColumns) -> None:
        """See `LiveState.restore`: for this process alone."""
        self.memory.restore(columns)

    def current(self, tag_id: int) -> Current | None:
        """See `LiveState.current`."""
        return self.memory.current(tag_id)

    def columns(self, tag_ids: TagIds) -> CurrentColumns:
        """See `LiveState.columns`."""
        return self.memory.columns(tag_ids)

    def current_many(self, tag_ids: TagIds) -> list[Current | None]:
        """See `LiveState.current_many`."""
        return self.memory.current_many(tag_ids)

    def stats(self, tag_id: int, window: Window, now: int) -> WindowStats | None:
        """See `LiveState.stats`."""
        return self.memory.stats(tag_id, window, now)

    def stats_many(self, tag_ids: TagIds, window: Window, now: int) -> list[WindowStats | None]:
        """See `LiveState.stats_many`."""
        return self.memory.stats_many(tag_ids, window, now)

    def samples_since(self, since: int, until: int | None = None) -> int:
        """See `LiveState.samples_since`."""
        return self.memory.samples_since(since, until)

    def forget(self, tag_id: int) -> None:
        """See `LiveState.forget`."""
        self.memory.forget(tag_id)
