"""The newest records of a stream in memory, so that live readers do not touch the disk."""

from __future__ import annotations

from collections.abc import Sequence

from andon.engines.log.port import Record


def within(records: Sequence[Record], max_records: int, max_bytes: int) -> list[Record]:
    """The leading records that fit both limits, at least one."""
    taken: list[Record] = []
    size = 0
    for record in records[:max_records]:
        size += len(record.payload)
        if taken and size > max_bytes:
            break
        taken.append(record)
    return taken


class Tail:
    """A window on the end of one stream, bounded in bytes and records."""

    def __init__(self, max_bytes: int, max_records: int) -> None:
        self._max_bytes = max_bytes
        self._max_records = max_records
        self._records: list[Record] = []
        self._bytes = 0

    def extend(self, first: int, payloads: Sequence[bytes]) -> None:
        """Add records from position `first` on, and drop the oldest that no longer fit."""
        self._records.extend(Record(first + i, payload) for i, payload in enumerate(payloads))
        self._bytes += sum(map(len, payloads))
        if self._bytes > self._max_bytes or len(self._records) > self._max_records:
            self._drop()

    def read(self, after: int, max_records: int, max_bytes: int) -> list[Record] | None:
        """Records after a position, or None when the window does not reach back that far."""
        if not self._records or after + 1 < self._records[0].position:
            return None
        start = after + 1 - self._records[0].position
        return within(self._records[start : start + max_records], max_records, max_bytes)

    def _drop(self) -> None:
        # A quarter goes at once, so that the list is not shifted for every record.
        keep_bytes, keep_records = self._max_bytes * 3 // 4, self._max_records * 3 // 4
        gone = max(len(self._records) - keep_records, 0)
        size = self._bytes - sum(len(r.payload) for r in self._records[:gone])
        while gone < len(self._records) and size > keep_bytes:
            size -= len(self._records[gone].payload)
            gone += 1
        del self._records[:gone]
        self._bytes = size
