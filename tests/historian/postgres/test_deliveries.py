"""What the log delivers at once is written as if it had come one after the other."""

from __future__ import annotations

from andon.historian.stores.postgres.deliveries import Delivery, together
from andon.kit.samples import PINNED, SampleBatch


def _delivery(partition: int, value: float, marks: int, tag: int = 1) -> Delivery:
    return Delivery(SampleBatch.from_rows([(tag, 10, value, 192, 10)]).with_marks(marks), 1, partition)


def test_the_last_of_equal_samples_counts_and_stays_pinned_if_any_was() -> None:
    batch, sources = together([_delivery(0, 1.0, PINNED), _delivery(1, 2.0, 0), _delivery(2, 3.0, 0, tag=2)])
    assert batch.values.tolist() == [2.0, 3.0]
    assert batch.marked(PINNED).tolist() == [True, False]
    assert sources.tolist() == [1, 2]


def test_without_marks_there_are_none_afterwards() -> None:
    batch, _ = together([_delivery(0, 1.0, 0), _delivery(1, 2.0, 0)])
    assert batch.values.tolist() == [2.0] and batch.marks is None
