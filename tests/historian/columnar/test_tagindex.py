"""The index of tags says which rows to read, and nothing is read to learn it."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from andon.historian.stores.columnar.packed import pack, unpack
from andon.historian.stores.columnar.tagindex import TagIndex, TagIndexBuilder
from historian.columnar.samples import BATCHES, TIMES

INTEGERS = st.integers(-(2**63), 2**63 - 1)


@given(st.integers(1, 4).flatmap(lambda width: st.lists(st.tuples(*[INTEGERS] * width))), st.integers(1, 4))
def test_columns_of_any_numbers_survive_packing(rows, width) -> None:
    width = len(rows[0]) if rows else width
    columns = [np.array([row[at] for row in rows], np.int64) for at in range(width)]
    assert [column.tolist() for column in unpack(pack(columns), width)] == [column.tolist() for column in columns]


@given(BATCHES, st.lists(st.integers(0, 10), max_size=4), TIMES, TIMES, st.integers(1, 30), st.integers(1, 12))
def test_the_ranges_of_tags_are_where_their_rows_are(batch, tags, start, end, size, most) -> None:
    builder = TagIndexBuilder()
    for at in range(0, len(batch), size):
        builder.add(batch.tag_ids[at : at + size], batch.timestamps[at : at + size])
    index = TagIndex.from_metadata(builder.build().metadata())
    assert index.rows == len(batch)
    assert index.tags_of(np.arange(len(batch))).tolist() == batch.tag_ids.tolist()
    found = [row for first, last in index.ranges(np.array(tags, np.int32), start, end) for row in range(first, last)]
    wanted = np.isin(batch.tag_ids, tags)
    assert found == sorted(set(found))
    assert wanted[found].all()
    within = wanted & (batch.timestamps >= start) & (batch.timestamps < end)
    assert set(np.flatnonzero(within).tolist()) <= set(found)
    chunks = list(index.chunks(most))
    assert [row for first, last in chunks for row in range(first, last)] == list(range(len(batch)))
    for first, last in chunks:
        assert last - first <= most
        cuts_a_tag = last < len(batch) and batch.tag_ids[last - 1] == batch.tag_ids[last]
        assert not cuts_a_tag or len(set(batch.tag_ids[first:last].tolist())) == 1


@pytest.mark.parametrize(
    "rows", [[(2, 5), (1, 6)], [(1, 5), (1, 5)], [(1, 6), (1, 5)]], ids=["tags", "a key twice", "times"]
)
@pytest.mark.parametrize("together", [True, False])
def test_rows_that_are_not_sorted_are_refused(rows, together) -> None:
    builder = TagIndexBuilder()
    with pytest.raises(ValueError, match="sorted"):
        for each in [rows] if together else [rows[:1], rows[1:]]:
            builder.add(np.array([tag for tag, _ in each], np.int32), np.array([at for _, at in each], np.int64))


def test_a_damaged_index_is_a_value_error() -> None:
    with pytest.raises(ValueError, match="damaged"):
        TagIndex.from_metadata({"andon.tags": "rubbish"})
