"""Limits against batches of samples: what is judged, in which order, and that nothing is overlooked."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from alarms.plant import LIMITS, NOW, batch, device, directory, row, seconds, tag
from andon.alarms import model
from andon.alarms.evaluation import ThresholdEvaluator
from andon.alarms.model import QUIET, AlertType, Change, Point, PointKey, State, Timing, Transition
from andon.alarms.rules import watched_points
from andon.kit.limits import Limits
from andon.kit.quality import Quality
from andon.kit.samples import Row
from andon.registry.directory import TagInfo

TIMING = Timing()
HIGH = PointKey("uuid-press-1", 1, AlertType.THRESHOLD_EXCEEDED)
LOW = PointKey("uuid-press-1", 1, AlertType.THRESHOLD_BELOW)


def evaluator(*tags: TagInfo) -> ThresholdEvaluator:
    made = ThresholdEvaluator(TIMING)
    made.configure(directory(device(*tags)), NOW)
    return made


def judge(made: ThresholdEvaluator, *rows: Row) -> list[tuple[PointKey, Change]]:
    return [(t.key, t.change) for t in made.evaluate(batch(*rows), NOW)]


def test_both_sides_are_watched() -> None:
    made = evaluator(tag(1))
    assert judge(made, row(1, 0, 86.0)) == [(HIGH, Change.RAISED)]
    assert judge(made, row(1, 1, 14.0)) == [(HIGH, Change.RETURNED), (LOW, Change.RAISED)]


def test_a_transition_carries_the_value_the_limit_and_the_time_of_the_sample() -> None:
    found = evaluator(tag(1)).evaluate(batch(row(1, 5, 86.0)), NOW)
    assert found == [Transition(HIGH, Change.RAISED, NOW + seconds(5), 86.0, 85.0)]


def test_a_spike_inside_a_batch_raises_and_returns() -> None:
    made = evaluator(tag(1))
    assert judge(made, row(1, 0, 50.0), row(1, 1, 99.0), row(1, 2, 50.0)) == [
        (HIGH, Change.RAISED),
        (HIGH, Change.RETURNED),
    ]


def test_samples_of_a_batch_count_in_order_of_their_time() -> None:
    made = evaluator(tag(1))
    assert judge(made, row(1, 2, 50.0), row(1, 0, 50.0), row(1, 1, 99.0)) == [
        (HIGH, Change.RAISED),
        (HIGH, Change.RETURNED),
    ]


def test_a_sample_older_than_the_last_one_judged_changes_nothing() -> None:
    made = evaluator(tag(1))
    judge(made, row(1, 10, 50.0))
    assert judge(made, row(1, 9, 99.0)) == []


@pytest.mark.parametrize("quality", [Quality.BAD, Quality.STALE, Quality.UNCERTAIN])
def test_a_value_that_is_not_good_neither_raises_nor_returns(quality: Quality) -> None:
    made = evaluator(tag(1))
    assert judge(made, row(1, 0, 99.0, quality)) == []
    judge(made, row(1, 1, 99.0))
    assert judge(made, row(1, 2, 50.0, quality)) == []


def test_a_good_value_of_a_device_with_a_wrong_clock_is_judged() -> None:
    assert judge(evaluator(tag(1)), row(1, 0, 99.0, Quality.UNCERTAIN_CLOCK)) == [(HIGH, Change.RAISED)]


def test_samples_that_arrive_five_minutes_late_are_history_and_raise_nothing() -> None:
    made = evaluator(tag(1))
    assert judge(made, row(1, 0, 99.0, late=301.0)) == []
    assert judge(made, row(1, 1, 99.0, late=299.0)) == [(HIGH, Change.RAISED)]


def test_text_and_unknown_tags_are_passed_over() -> None:
    made = evaluator(tag(1))
    assert judge(made, row(1, 0, "99"), row(77, 0, 99.0), row(2_000_000, 0, 99.0), row(-3, 0, 99.0)) == []
    assert judge(made, row(1, 1, math.nan)) == []


def test_a_tag_without_limits_has_no_alarm() -> None:
    assert judge(evaluator(tag(1, limits=Limits(20.0, 80.0))), row(1, 0, 1e9)) == []


def test_new_limits_judge_the_last_value_at_once() -> None:
    made = evaluator(tag(1))
    judge(made, row(1, 0, 60.0))
    tighter = tag(1, limits=replace(LIMITS, alert_max=50.0))
    result = made.configure(directory(device(tighter)), NOW + seconds(1))
    assert result.transitions == [Transition(HIGH, Change.RAISED, NOW, 60.0, 50.0)]
    assert result.changed == [HIGH]
    wider = tag(1, limits=replace(LIMITS, alert_max=70.0))
    result = made.configure(directory(device(wider)), NOW + seconds(2))
    assert [t.change for t in result.transitions] == [Change.RETURNED]


@pytest.mark.parametrize("how", ["limit removed", "device disabled", "device deleted"])
def test_an_alarm_ends_when_nothing_watches_it_any_more(how: str) -> None:
    made = evaluator(tag(1))
    judge(made, row(1, 0, 99.0))
    after = {
        "limit removed": directory(device(tag(1, limits=Limits()))),
        "device disabled": directory(device(tag(1), status="disabled")),
        "device deleted": directory(device(tag(1))),
    }[how]
    if how == "device deleted":
        after.remove("uuid-press-1")
    assert [t.change for t in made.configure(after, NOW).transitions] == [Change.RETURNED]
    assert judge(made, row(1, 1, 99.0)) == []


def test_limits_that_stay_the_same_change_nothing() -> None:
    made = evaluator(tag(1))
    judge(made, row(1, 0, 99.0))
    result = made.configure(directory(device(tag(1, name="renamed"))), NOW)
    assert result.transitions == [] and result.changed == []
    assert judge(made, row(1, 1, 99.0)) == []


def test_tags_may_come_at_any_time() -> None:
    made = evaluator(tag(1))
    judge(made, row(1, 0, 99.0))
    made.configure(directory(device(tag(1), tag(500, name="other"))), NOW)
    assert [change for _, change in judge(made, row(500, 1, 99.0), row(1, 1, 99.0))] == [Change.RAISED]


def test_a_restored_alarm_is_not_raised_again_and_returns() -> None:
    made = evaluator(tag(1))
    made.restore(HIGH, Point(condition=model.Condition.VIOLATED, state=State.ACKNOWLEDGED), NOW)
    assert judge(made, row(1, -1, 50.0)) == []
    assert judge(made, row(1, 1, 99.0)) == []
    assert judge(made, row(1, 2, 50.0)) == [(HIGH, Change.CLEARED)]


def test_a_limit_that_stays_violated_after_resolve_is_seen_again() -> None:
    made = evaluator(tag(1))
    judge(made, row(1, 0, 99.0))
    made.put(HIGH, model.resolve(made.point(HIGH), NOW - seconds(300)).point)
    assert judge(made, row(1, 1, 99.0)) == [(HIGH, Change.RAISED)]


values = st.sampled_from([10.0, 15.0, 16.0, 50.0, 83.0, 84.0, 85.0, 86.0, 120.0])
streams = st.lists(st.tuples(st.sampled_from([1, 2, 3]), values, st.integers(0, 40)), max_size=80)


def by_hand(tags: list[TagInfo], rows: list[Row]) -> list[Transition]:
    """The same samples one by one through the state machine."""
    points: dict[PointKey, Point] = {}
    found: list[Transition] = []
    owner = device(*tags)
    for tag_id, at, value, _, _ in rows:
        for watched in watched_points(tags[tag_id - 1], owner):
            point = points.get(watched.key, QUIET)
            step = model.on_sample(point, watched.rule, TIMING, float(value), at, NOW)
            points[watched.key] = step.point
            if step.change:
                found.append(Transition(watched.key, step.change, step.at, float(value), watched.rule.threshold))
    return found


@settings(max_examples=150)
@given(streams, st.integers(1, 30), st.sampled_from([0.0, 2.0]), st.sampled_from([0.0, 5.0]))
def test_however_samples_are_cut_into_batches_no_transition_is_lost_or_added(
    stream: list[tuple[int, float, int]], size: int, deadband: float, delay: float
) -> None:
    names = ("a", "b", "c")
    tags = [
        tag(i + 1, name=name, deadband=deadband, on_delay_s=delay, off_delay_s=delay) for i, name in enumerate(names)
    ]
    made = evaluator(*tags)
    rows, at = [], 0
    for tag_id, value, pause in stream:
        at += pause
        rows.append(row(tag_id, at, value))
    expected = by_hand(tags, rows)
    found: list[Transition] = []
    for start in range(0, len(rows), size):
        found += made.evaluate(batch(*rows[start : start + size]), NOW)
    assert found == expected
    open_now: set[PointKey] = set()
    for transition in found:  # never two open alarms at one point
        if transition.change is Change.RAISED:
            assert transition.key not in open_now
            open_now.add(transition.key)
