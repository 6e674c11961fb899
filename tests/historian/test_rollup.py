"""Rollups are what a dictionary and a calculator would give, however the samples were divided before."""

from __future__ import annotations

import math
from collections.abc import Sequence
from fractions import Fraction

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from andon.historian.model import Buckets
from andon.historian.rollup import TierRows, by_tag, coarser, merge, rollup
from andon.historian.stores.columnar.sorting import sorted_unique
from andon.kit.quality import USABLE, Quality
from andon.kit.samples import Row, SampleBatch

NUMBERS = st.one_of(
    st.just(math.nan),
    st.just(math.inf),
    st.integers(-1000, 1000).map(lambda cents: cents / 100),
    st.floats(1e-30, 1e30),
    st.floats(-1e30, -1e-30),
    st.integers(-5, 5).map(lambda step: 1e9 + step / 1000),
)
ROWS = st.tuples(
    st.integers(1, 3),
    st.integers(-200, 1_000),
    st.one_of(NUMBERS, st.just("text")),
    st.sampled_from([0, 20, 64, 68, 192]),
    st.just(0),
)
SAMPLES = st.lists(ROWS, max_size=60).map(lambda rows: {(row[0], row[1]): row for row in rows})
Samples = dict[tuple[int, int], Row]


def batch(samples: Samples) -> SampleBatch:
    return sorted_unique(SampleBatch.from_rows(list(samples.values())))


def expected(rows: Sequence[Row], start: int) -> dict[str, object]:
    """What one row of a tier says of samples in the order of time."""
    used = [
        (value, at)
        for _, at, value, quality, _ in rows
        if isinstance(value, float) and math.isfinite(value) and quality >= USABLE
    ]
    values = [Fraction(value) for value, _ in used]
    mean = sum(values) / len(values) if values else None
    return {
        "counts": len(used),
        "totals": len(rows),
        "goods": sum(row[3] >= Quality.GOOD for row in rows),
        "minima": float(min(values)) if values else None,
        "maxima": float(max(values)) if values else None,
        "means": None if mean is None else float(mean),
        "m2s": 0.0 if mean is None else float(sum((value - mean) ** 2 for value in values)),
        "firsts": used[0][0] if used else None,
        "first_ats": used[0][1] if used else start,
        "lasts": used[-1][0] if used else None,
        "last_ats": used[-1][1] if used else start,
        "qualities": min(row[3] for row in rows),
    }


def check(rows: TierRows, samples: Samples, width: int) -> None:
    groups: dict[tuple[int, int], list[Row]] = {}
    for (tag, at), row in sorted(samples.items()):
        groups.setdefault((tag, at // width * width), []).append(row)
    assert list(zip(rows.tag_ids.tolist(), rows.starts.tolist(), strict=True)) == sorted(groups)
    for index, ((_, start), held) in enumerate(sorted(groups.items())):
        compare({name: getattr(rows, name)[index].item() for name in expected(held, start)}, expected(held, start))


def compare(got: dict[str, object], wanted: dict[str, object]) -> None:
    scale = max(abs(float(wanted[name] or 0)) for name in ("minima", "maxima"))  # type: ignore[arg-type]
    for name, want in wanted.items():
        have = got[name]
        if want is None:
            assert math.isnan(have), name
        elif name == "means":
            assert math.isclose(have, want, rel_tol=1e-12, abs_tol=scale * 1e-13), name
        elif name in ("m2s", "sds"):
            power = 2 if name == "m2s" else 1
            assert math.isclose(have, want, rel_tol=1e-9, abs_tol=(scale * 1e-13) ** power * 100), name
        else:
            assert have == want, name


@given(SAMPLES, st.sampled_from([1, 7, 60, 5_000]))
@settings(max_examples=200)
def test_a_rollup_is_what_a_dictionary_would_give(samples: Samples, width: int) -> None:
    check(rollup(batch(samples), width), samples, width)


@given(st.lists(SAMPLES, max_size=4), st.sampled_from([7, 60, 5_000]))
@settings(max_examples=200)
def test_rollups_of_different_samples_are_merged_as_if_they_had_been_one(parts: list[Samples], width: int) -> None:
    every: Samples = {}
    rows = []
    for part in parts:
        new = {key: row for key, row in part.items() if key not in every}
        every |= new
        rows.append(rollup(batch(new), width))
    check(merge(rows), every, width)


@given(SAMPLES, st.sampled_from([7, 60, 5_000]))
@settings(max_examples=100)
def test_the_rows_of_a_tag_become_one_that_begins_where_the_first_does(samples: Samples, width: int) -> None:
    rows = by_tag(rollup(batch(samples), width))
    assert rows.tag_ids.tolist() == sorted({tag for tag, _ in samples})
    for index, tag in enumerate(rows.tag_ids.tolist()):
        held = [row for (of, _), row in sorted(samples.items()) if of == tag]
        wanted = expected(held, held[0][1] // width * width)
        compare({name: getattr(rows, name)[index].item() for name in wanted}, wanted)


@given(SAMPLES, st.lists(st.integers(-30, 110), min_size=2, max_size=8, unique=True).map(sorted))
@settings(max_examples=200)
def test_coarser_buckets_are_those_of_the_samples(samples: Samples, steps: list[int]) -> None:
    width = 10
    edges = np.array(steps, np.int64) * width
    found = coarser(rollup(batch(samples), width), edges, [3, 1, 9])
    assert [len(each) for each in found[2:]] == [0]
    for tag, buckets in zip((3, 1), found, strict=False):
        check_buckets(buckets, {key: row for key, row in samples.items() if key[0] == tag}, edges)


def check_buckets(buckets: Buckets, samples: Samples, edges: np.ndarray) -> None:
    slots: dict[int, list[Row]] = {}
    for (_, at), row in sorted(samples.items()):
        slot = int(np.searchsorted(edges, at, "right")) - 1
        if 0 <= slot < len(edges) - 1:
            slots.setdefault(int(edges[slot]), []).append(row)
    assert buckets.starts.tolist() == sorted(slots)
    for index, start in enumerate(sorted(slots)):
        wanted = expected(slots[start], start)
        count, m2 = wanted["counts"], wanted.pop("m2s")
        assert isinstance(count, int)
        assert isinstance(m2, float)
        wanted["sds"] = None if not count else math.sqrt(m2 / (count - 1)) if count > 1 else 0.0
        wanted["good_shares"] = wanted.pop("goods") / wanted.pop("totals")  # type: ignore[operator]
        del wanted["first_ats"], wanted["last_ats"]
        compare({name: getattr(buckets, name)[index].item() for name in wanted}, wanted)


def test_buckets_of_equal_width_say_so_and_others_do_not() -> None:
    rows = rollup(batch({(1, 5): (1, 5, 1.0, 192, 0)}), 10)
    assert coarser(rows, np.array([0, 10, 20]), [1])[0].width_us == 10
    assert coarser(rows, np.array([0, 10, 30]), [1])[0].width_us == 0


def test_small_deviations_from_a_large_value_are_not_lost() -> None:
    values = 1e12 + np.arange(1000) % 2 * 0.5
    samples = {(1, at): (1, at, value, 192, 0) for at, value in enumerate(values.tolist())}
    rows = merge([rollup(batch({k: v for k, v in samples.items() if k[1] % 3 == part}), 10_000) for part in range(3)])
    assert rows.means.tolist() == [1e12 + 0.25]
    assert math.isclose(rows.m2s[0], 1000 * 0.25**2, rel_tol=1e-6)


def test_numbers_at_the_end_of_what_a_double_holds_have_a_mean_but_no_deviation() -> None:
    samples = {(1, at): (1, at, value, 192, 0) for at, value in enumerate([1.7e308, -1.7e308, 1.7e308, 1.7e308])}
    halves = [rollup(batch({k: v for k, v in samples.items() if k[1] // 2 == half}), 100) for half in (0, 1)]
    for rows in (rollup(batch(samples), 100), merge(halves)):
        assert math.isclose(rows.means[0], 0.85e308)
        assert math.isnan(rows.m2s[0])


def test_equal_values_have_exactly_that_mean_and_no_deviation() -> None:
    samples = {(1, at): (1, at, 0.1, 192, 0) for at in range(1000)}
    rows = rollup(batch(samples), 10_000)
    assert (rows.means[0], rows.m2s[0]) == (0.1, 0.0)


def test_nothing_gives_nothing() -> None:
    assert len(rollup(SampleBatch.empty(), 60)) == 0
    assert len(merge([])) == 0
    assert len(merge([TierRows.empty(), TierRows.empty()])) == 0
    assert len(coarser(TierRows.empty(), np.array([0, 1]), [1])[0]) == 0
