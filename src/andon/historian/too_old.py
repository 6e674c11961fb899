"""Samples that come when retention has taken their day already: counted, and set aside where people see them.

What a sender marked historical is kept, however old: ingest lets nothing else through that is older than
`max_age_days`, so the delay alone tells, also when the log is read again.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Final

import numpy as np
from numpy.typing import NDArray

from andon.engines.log.codec import Refused
from andon.engines.log.letters import letters
from andon.engines.log.port import DEAD_LETTERS, SENSORS_DATA, Log, Record
from andon.historian.retention import RetentionPolicies
from andon.kit.clock import US_PER_DAY, now_us, to_iso
from andon.kit.samples import IMPORTED, PINNED, SampleBatch, encode

REASON: Final = "older_than_retention"
_LETTER_BYTES: Final = 64 << 10


class TooOld:
    """Parts batches. `policies` gives what holds now, None as long as that is not known: then nothing is too old.

    `max_age_days`: what was older on arrival was sent as history and is kept. `count`: samples set aside so far.
    """

    def __init__(
        self,
        policies: Callable[[], RetentionPolicies | None],
        max_age_days: float = 30.0,
        clock: Callable[[], int] = now_us,
    ) -> None:
        self._policies = policies
        self._max_age = round(max_age_days * US_PER_DAY)
        self._clock = clock
        self.count = 0

    async def set_aside(self, log: Log, batch: SampleBatch, position: int, partition: int) -> SampleBatch:
        """What may be kept; the rest becomes a dead letter. UnavailableError when that cannot be written."""
        batch = self.pinned(batch)
        old = self.of(batch)
        if old is None:
            return batch
        refused = batch.take(old)
        oldest, count = int(refused.timestamps.min()), len(refused)
        detail = f"{count:,} samples, the oldest of {to_iso(oldest)}: retention has dropped their days"
        record = Record(position, encode(refused))
        made = letters(
            [Refused(record, REASON, detail)],
            stream=SENSORS_DATA,
            partition=partition,
            max_count=1,
            max_bytes=_LETTER_BYTES,
        )
        await log.append(DEAD_LETTERS, made)
        self.count += count
        return batch.take(~old)

    def pinned(self, batch: SampleBatch) -> SampleBatch:
        """The batch with what was sent as history pinned. Imports say themselves whether they are kept."""
        history = batch.received - batch.timestamps > self._max_age
        history &= ~batch.marked(IMPORTED)
        if not history.any():
            return batch
        marks = np.zeros(len(batch), np.uint8) if batch.marks is None else batch.marks
        return replace(batch, marks=np.where(history, marks | PINNED, marks).astype(np.uint8))

    def of(self, batch: SampleBatch) -> NDArray[np.bool_] | None:
        """Mask of the samples that are too old, None when there are none."""
        policies = self._policies()
        if policies is None or not len(batch):
            return None
        first_kept = policies.first_kept("raw", self._clock())
        if int(batch.timestamps.min()) >= max(first_kept.values()):
            return None
        tags, rows = np.unique(batch.tag_ids, return_inverse=True)
        of_tags = np.array([first_kept[policies.of(tag)] for tag in tags.tolist()], np.int64)
        old = (batch.timestamps < of_tags[rows]) & ~batch.marked(PINNED)
        return old if old.any() else None
