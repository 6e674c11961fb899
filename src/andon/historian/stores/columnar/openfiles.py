"""Files of history, opened once and kept open while they are used; the newest parts are kept in memory as well."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, Final, Protocol, TypeVar

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from andon.historian.stores.columnar.catalogue import Entry
from andon.historian.stores.columnar.fresh import Summing
from andon.historian.stores.columnar.gate import ArchivedFileError, Gate
from andon.historian.stores.columnar.partfile import PartFile
from andon.historian.stores.columnar.sortedfile import NewerFormatError
from andon.historian.stores.columnar.sorting import byte_size, of_tags
from andon.historian.stores.columnar.tierfile import TierFile
from andon.kit.errors import UnavailableError
from andon.kit.samples import PINNED, SampleBatch

Place = tuple[Path | str, Any]
"""Where a file lies: a path or URI, and the pyarrow filesystem that has it (None: this machine's)."""

T = TypeVar("T")

ALWAYS: Final = (np.iinfo(np.int64).min, np.iinfo(np.int64).max)


class Part(Protocol):
    """What gives the samples of one part."""

    def read_many(
        self, tag_ids: NDArray[np.int32] | None, start: int, end: int, *, to_sum: bool = False
    ) -> SampleBatch:
        """The samples of some tags (None: of all) in a range, by tag, then time.

        `to_sum`: of when they arrived and of texts nothing need be right.
        """
        ...


class MemoryPart(Summing):
    """A part that was sealed a moment ago, still in memory."""

    def __init__(self, batch: SampleBatch) -> None:
        super().__init__(batch)
        self.bytes = byte_size(batch)

    def read_many(
        self, tag_ids: NDArray[np.int32] | None, start: int, end: int, *, to_sum: bool = False
    ) -> SampleBatch:
        """See `Part.read_many`."""
        if tag_ids is not None:
            return of_tags(self.batch, tag_ids, start, end)
        within = (self.batch.timestamps >= start) & (self.batch.timestamps < end)
        return self.batch if within.all() else self.batch.take(within)


class OpenFiles:
    """Least recently used ones are let go of; a query that still uses one keeps it open."""

    def __init__(self, place: Callable[[Entry], Place], limit: int, recent_bytes: int, gate: Gate) -> None:
        self._place = place
        self._gate = gate
        self._limit = limit
        self._recent_bytes = recent_bytes
        self._lock = threading.Lock()
        self._open: OrderedDict[int, PartFile | TierFile] = OrderedDict()
        self._recent: OrderedDict[int, MemoryPart] = OrderedDict()

    def part(self, entry: Entry) -> Part:
        """The samples of a raw part, from memory if it is new. UnavailableError when it cannot be read."""
        recent = self.recent(entry)
        return recent if recent is not None else self.file(entry)

    def recent(self, entry: Entry) -> MemoryPart | None:
        """A part that is still in memory."""
        return self._recent.get(entry.id)

    def samples(
        self, entry: Entry, tags: NDArray[np.int32] | None, start: int, end: int, *, to_sum: bool = False
    ) -> SampleBatch:
        """Samples of a raw part, by tag, then time; those of a pinned part bear the mark. See `Part.read_many`."""
        part = self.part(entry)
        found = self._guarded(entry, lambda: part.read_many(tags, start, end, to_sum=to_sum))
        return found.with_marks(PINNED if entry.pinned else 0)

    def file(self, entry: Entry) -> PartFile:
        """A raw part's file."""
        found = self._opened(entry, PartFile.open)
        assert isinstance(found, PartFile)
        return found

    def look(self, entry: Entry) -> None:
        """Open a raw part anew. UnavailableError when it is not there."""
        self._guarded(entry, lambda: PartFile.open(*self._place(entry)).close())

    def tier(self, entry: Entry) -> TierFile:
        """A tier's file."""
        found = self._opened(entry, TierFile.open)
        assert isinstance(found, TierFile)
        return found

    def remember(self, entry: Entry, batch: SampleBatch) -> None:
        """Keep a new part's samples in memory, as long as there is room for them."""
        part = MemoryPart(batch)
        with self._lock:
            self._recent[entry.id] = part
            while self._recent and sum(each.bytes for each in self._recent.values()) > self._recent_bytes:
                self._recent.popitem(last=False)

    def forget(self, entries: Iterable[Entry]) -> None:
        """These files are no longer history."""
        with self._lock:
            for entry in entries:
                self._open.pop(entry.id, None)
                self._recent.pop(entry.id, None)

    def _opened(self, entry: Entry, open_file: Callable[[Path | str, Any], PartFile | TierFile]) -> PartFile | TierFile:
        with self._lock:
            found = self._open.get(entry.id)
            if found is not None:
                self._open.move_to_end(entry.id)
                return found
        opened = self._guarded(entry, lambda: open_file(*self._place(entry)))
        with self._lock:
            self._open[entry.id] = opened
            while len(self._open) > self._limit:
                self._open.popitem(last=False)
        return opened

    def _guarded(self, entry: Entry, work: Callable[[], T]) -> T:
        if entry.archive is None:
            return _guarded(entry, work)
        try:
            return self._gate.run(entry.archive, work)
        except ArchivedFileError as error:
            error.day = entry.day
            raise


def _guarded(entry: Entry, work: Callable[[], T]) -> T:
    try:
        return work()
    except NewerFormatError as error:
        raise UnavailableError(
            f"the history file {entry.path} cannot be read: {error}", cure="start the newer version that wrote it"
        ) from error
    except (OSError, ValueError, pa.ArrowException) as error:
        raise UnavailableError(
            f"the history file {entry.path} cannot be read: {error}",
            cure="restore the file from a backup, or check the disk that holds it",
        ) from error
