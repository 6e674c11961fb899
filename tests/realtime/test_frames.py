"""Coalescing: the newest sample of each tag, and what a client that was away is owed."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from andon.kit.samples import Row, SampleBatch
from andon.realtime.frames import LatestTable

MAX_TAGS = 40
rows = st.lists(
    st.tuples(
        st.integers(0, MAX_TAGS + 3),
        st.integers(1, 20),
        st.one_of(st.floats(-10, 10), st.sampled_from(["on", "off"])),
        st.sampled_from([0, 64, 192]),
        st.just(1),
    ),
    max_size=40,
)
ALL = np.arange(MAX_TAGS, dtype=np.int32)


def newest(batches: list[list[Row]]) -> dict[int, tuple[int, float | str, int]]:
    """What the table should hold, the slow and obvious way."""
    held: dict[int, tuple[int, float | str, int]] = {}
    for batch in batches:
        for tag, at, value, quality, _ in batch:
            if tag < MAX_TAGS and at >= held.get(tag, (0,))[0]:
                held[tag] = (at, value, quality)
    return held


@given(st.lists(rows, max_size=6))
def test_the_newest_timestamp_wins_however_samples_are_cut_into_batches(batches: list[list[Row]]) -> None:
    table = LatestTable(MAX_TAGS)
    for batch in batches:
        table.apply(SampleBatch.from_rows(batch))
    readings = table.readings(table.owed(ALL, 0))
    shown = {each.tag_id: (each.at, each.value if each.text is None else each.text, each.quality) for each in readings}
    assert shown == newest(batches)


@given(st.lists(rows, min_size=1, max_size=6), st.data())
def test_owed_is_what_changed_since_and_nothing_else(batches: list[list[Row]], data: st.DataObject) -> None:
    table = LatestTable(MAX_TAGS)
    seen_after = data.draw(st.integers(0, len(batches) - 1))
    marks = [table.change]
    changed: list[set[int]] = []
    for batch in batches:
        changed.append(set(table.apply(SampleBatch.from_rows(batch)).tolist()))
        marks.append(table.change)
    expected = set().union(*changed[seen_after:])
    assert set(table.owed(ALL, marks[seen_after]).tolist()) == expected


def test_a_correction_of_the_newest_sample_is_a_change() -> None:
    table = LatestTable(MAX_TAGS)
    table.apply(SampleBatch.from_rows([(1, 5, 1.0, 192, 5)]))
    seen = table.change
    table.apply(SampleBatch.from_rows([(1, 5, 2.0, 192, 6)]))
    assert [each.value for each in table.readings(table.owed(ALL, seen))] == [2.0]


def test_a_late_sample_changes_nothing() -> None:
    table = LatestTable(MAX_TAGS)
    table.apply(SampleBatch.from_rows([(1, 5, 1.0, 192, 5)]))
    seen = table.change
    table.apply(SampleBatch.from_rows([(1, 4, 2.0, 192, 6)]))
    assert len(table.owed(ALL, seen)) == 0


def test_unknown_names_the_tags_without_a_value() -> None:
    table = LatestTable(MAX_TAGS)
    table.apply(SampleBatch.from_rows([(1, 5, 1.0, 192, 5)]))
    assert table.unknown(np.array([1, 2, 30, MAX_TAGS + 5], np.int32)).tolist() == [2, 30]
