"""Sample batches: columns in, the same columns out, whatever is in them."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from andon.kit.quality import Quality
from andon.kit.samples import IMPORTED, PINNED, Row, SampleBatch, concatenate, decode, encode

INT64 = st.integers(min_value=-(2**63), max_value=2**63 - 1)
ROWS = st.lists(
    st.tuples(
        st.integers(min_value=0, max_value=2**31 - 1),
        INT64,
        st.one_of(st.floats(), st.text(max_size=20)),
        st.integers(min_value=0, max_value=255),
        INT64,
    ),
    max_size=30,
)


def same(left: list[Row], right: list[Row]) -> bool:
    """Equality in which NaN equals NaN."""
    return [_comparable(row) for row in left] == [_comparable(row) for row in right]


def _comparable(row: Row) -> tuple[object, ...]:
    value = row[2]
    return (*row[:2], "NaN!" if isinstance(value, float) and math.isnan(value) else value, *row[3:])


@given(ROWS)
def test_rows_survive_the_columns(rows: list[Row]) -> None:
    assert same(list(SampleBatch.from_rows(rows).rows()), rows)


@given(ROWS)
def test_rows_survive_the_log(rows: list[Row]) -> None:
    assert same(list(decode(encode(SampleBatch.from_rows(rows))).rows()), rows)


@given(st.lists(ROWS, max_size=5))
def test_batches_are_joined_in_order(groups: list[list[Row]]) -> None:
    joined = concatenate([SampleBatch.from_rows(rows) for rows in groups])
    assert same(list(joined.rows()), [row for rows in groups for row in rows])


@given(ROWS, st.data())
def test_a_selection_keeps_each_text_with_its_sample(rows: list[Row], data: st.DataObject) -> None:
    picked = data.draw(st.lists(st.integers(0, max(len(rows) - 1, 0)), max_size=10) if rows else st.just([]))
    batch = SampleBatch.from_rows(rows)
    assert same(list(batch.take(np.array(picked, np.intp)).rows()), [rows[i] for i in picked])
    mask = np.array([i in picked for i in range(len(rows))], np.bool_)
    assert same(list(batch.take(mask).rows()), [row for i, row in enumerate(rows) if i in picked])


@given(ROWS, st.data())
def test_a_record_that_is_cut_short_is_refused(rows: list[Row], data: st.DataObject) -> None:
    encoded = encode(SampleBatch.from_rows([row for row in rows if not isinstance(row[2], str)]))
    cut = data.draw(st.integers(0, len(encoded) - 1))
    with pytest.raises(ValueError, match="sample batch"):
        decode(encoded[:cut])


def test_bytes_of_something_else_are_refused() -> None:
    with pytest.raises(ValueError, match="not an encoded sample batch"):
        decode(b'{"value": 1}')


def test_decoded_columns_do_not_copy_the_record() -> None:
    record = encode(SampleBatch.from_rows([(1, 2, 3.0, 192, 4)]))
    batch = decode(record)
    assert not batch.values.flags.owndata
    assert not batch.values.flags.writeable


def test_good_samples_and_those_with_only_the_clock_in_doubt_are_usable() -> None:
    qualities = (Quality.GOOD, Quality.UNCERTAIN_CLOCK, Quality.UNCERTAIN, Quality.STALE, Quality.BAD)
    rows: list[Row] = [(1, 0, 1.0, quality, 0) for quality in qualities]
    assert SampleBatch.from_rows(rows).usable().tolist() == [True, True, False, False, False]


def test_an_empty_batch_is_a_batch() -> None:
    assert len(SampleBatch.empty()) == 0
    assert len(decode(encode(SampleBatch.empty()))) == 0
    assert len(concatenate([])) == 0


def test_marks_go_with_their_samples_through_the_log_and_selections() -> None:
    live = SampleBatch.from_rows([(1, 0, 1.0, 192, 0)])
    old = SampleBatch.from_rows([(1, 1, 2.0, 192, 0), (2, 1, "text", 192, 0)]).with_marks(IMPORTED + PINNED)
    joined = decode(encode(concatenate([live, old, live])))
    assert joined.marks is not None
    assert joined.marks.tolist() == [0, 3, 3, 0]
    assert joined.marked(PINNED).tolist() == [False, True, True, False]
    assert list(joined.live().rows()) == list(concatenate([live, live]).rows())
    picked = joined.take(np.array([2, 0]))
    assert (picked.marks is not None and picked.marks.tolist(), dict(picked.texts)) == ([3, 0], {0: "text"})


def test_a_batch_without_marks_is_all_live() -> None:
    batch = SampleBatch.from_rows([(1, 0, 1.0, 192, 0)])
    assert batch.live() is batch
    assert not batch.marked(IMPORTED).any()
    assert batch.with_marks(0).marks is None
    assert concatenate([batch, batch]).marks is None


def test_marks_that_do_not_fit_their_batch_are_refused() -> None:
    batch = SampleBatch.from_rows([(1, 0, 1.0, 192, 0)])
    other = SampleBatch.from_rows([(1, 0, 1.0, 192, 0)] * 2).with_marks(IMPORTED)
    tail = encode(other)[len(encode(other.with_marks(0))) :]
    with pytest.raises(ValueError, match="sample batch of 1 has 2 marks"):
        decode(encode(batch) + tail)
