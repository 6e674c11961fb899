"""The alarm state machine: when an alarm rises, returns, escalates and ends."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from andon.alarms import model
from andon.alarms.model import QUIET, TRANSITIONS, Change, Condition, Point, Rule, State, Step, Timing
from andon.kit.clock import US_PER_S

HIGH = Rule("high", 85.0, deadband=2.0)
LOW = Rule("low", 15.0, deadband=2.0)
TIMING = Timing()


def seconds(s: float) -> int:
    return int(s * US_PER_S)


def run(rule: Rule, *samples: tuple[float, float], timing: Timing = TIMING) -> tuple[Point, list[Change]]:
    """Feeds (second, value) pairs."""
    point, changes = QUIET, []
    for at, value in samples:
        point, change, _ = model.on_sample(point, rule, timing, value, seconds(at), seconds(at))
        changes += [change] if change else []
    return point, changes


def test_a_value_on_the_limit_is_no_alarm_and_above_it_is() -> None:
    assert run(HIGH, (0, 85.0))[1] == []
    assert run(HIGH, (0, 85.1))[1] == [Change.RAISED]
    assert run(LOW, (0, 15.0))[1] == []
    assert run(LOW, (0, 14.9))[1] == [Change.RAISED]


def test_inside_the_deadband_an_alarm_neither_rises_nor_returns() -> None:
    assert run(HIGH, (0, 84.0), (1, 85.0))[1] == []
    point, changes = run(HIGH, (0, 90.0), (1, 84.0), (2, 83.1))
    assert changes == [Change.RAISED]
    assert point.condition is Condition.VIOLATED
    assert run(HIGH, (0, 90.0), (1, 83.0))[1] == [Change.RAISED, Change.RETURNED]


def test_a_lasting_violation_is_one_alarm() -> None:
    assert run(HIGH, *[(i, 90.0 + i) for i in range(100)])[1] == [Change.RAISED]


def test_an_unacknowledged_alarm_that_returned_waits_and_rises_again_as_the_same() -> None:
    point, changes = run(HIGH, (0, 90.0), (1, 50.0), (2, 91.0))
    assert changes == [Change.RAISED, Change.RETURNED, Change.RERAISED]
    assert point.state is State.UNACKNOWLEDGED


def test_acknowledge_then_return_ends_the_alarm() -> None:
    point, _ = run(HIGH, (0, 90.0))
    point, change, _ = model.acknowledge(point, seconds(1))
    assert (change, point.state) == (Change.ACKNOWLEDGED, State.ACKNOWLEDGED)
    point, change, _ = model.on_sample(point, HIGH, TIMING, 50.0, seconds(2), seconds(2))
    assert (change, point.state) == (Change.CLEARED, State.NORMAL)


def test_return_then_acknowledge_ends_the_alarm() -> None:
    point, _ = run(HIGH, (0, 90.0), (1, 50.0))
    point, change, _ = model.acknowledge(point, seconds(2))
    assert (change, point.state) == (Change.CLOSED, State.NORMAL)


def test_acknowledging_twice_changes_nothing() -> None:
    once = model.acknowledge(run(HIGH, (0, 90.0))[0], 0).point
    assert model.acknowledge(once, 1) == Step(once)
    assert model.acknowledge(QUIET, 1) == Step(QUIET)


def test_the_on_delay_asks_for_an_unbroken_violation() -> None:
    rule = replace(HIGH, on_delay=seconds(10))
    assert run(rule, (0, 90.0), (5, 90.0), (6, 84.5), (7, 90.0), (12, 90.0))[1] == []
    point, changes = run(rule, (0, 90.0), (10, 90.0))
    assert changes == [Change.RAISED]
    assert point.raised_at == seconds(10)


def test_the_on_delay_also_ends_without_a_further_sample() -> None:
    rule = replace(HIGH, on_delay=seconds(10))
    point, _ = run(rule, (0, 90.0))
    assert model.on_tick(point, rule, TIMING, seconds(9)).change is None
    step = model.on_tick(point, rule, TIMING, seconds(11))
    assert (step.change, step.at) == (Change.RAISED, seconds(10))


def test_delays_do_not_count_the_time_that_a_backlog_waited() -> None:
    rule = replace(HIGH, on_delay=seconds(10))
    old, now = seconds(1000), seconds(5000)
    point = model.on_sample(QUIET, rule, TIMING, 90.0, old, now).point
    assert model.on_tick(point, rule, TIMING, now + seconds(1)).change is None


def test_a_clock_that_is_set_back_makes_no_delay_longer_than_once_more() -> None:
    rule, hour = replace(HIGH, on_delay=seconds(10), off_delay=seconds(10)), seconds(3600)

    def tick(point: Point, at: int) -> Step:
        return model.on_tick(point, rule, TIMING, at)

    start = seconds(8000)
    point = model.on_sample(QUIET, rule, TIMING, 90.0, start, start).point
    point = tick(point, start - hour).point
    assert tick(point, start - hour + seconds(9)).change is None
    raised = tick(point, start - hour + seconds(11))
    assert raised.change is Change.RAISED
    again = tick(raised.point, start - 2 * hour).point
    escalated = tick(again, start - 2 * hour + seconds(301))
    assert escalated.change is Change.ESCALATED
    point = model.on_sample(escalated.point, rule, TIMING, 50.0, start + seconds(20), start - 2 * hour).point
    point = tick(point, start - 2 * hour - seconds(100)).point
    assert tick(point, start - 2 * hour - seconds(80)).change is Change.RETURNED


def test_the_off_delay_holds_the_alarm_over_a_short_return() -> None:
    rule = replace(HIGH, off_delay=seconds(10))
    assert run(rule, (0, 90.0), (1, 50.0), (5, 50.0), (6, 90.0), (12, 50.0))[1] == [Change.RAISED]
    point, changes = run(rule, (0, 90.0), (1, 50.0), (11, 50.0))
    assert changes == [Change.RAISED, Change.RETURNED]
    point, _ = run(rule, (0, 90.0), (1, 50.0))
    step = model.on_tick(point, rule, TIMING, seconds(11))
    assert (step.change, step.at) == (Change.RETURNED, seconds(11))


def test_five_minutes_unacknowledged_escalates_once() -> None:
    point, _ = run(HIGH, (0, 90.0))
    assert model.on_tick(point, HIGH, TIMING, seconds(299)).change is None
    step = model.on_tick(point, HIGH, TIMING, seconds(300))
    assert step.change is Change.ESCALATED
    assert model.on_tick(step.point, HIGH, TIMING, seconds(900)).change is None


@pytest.mark.parametrize("quietened", ["acknowledged", "returned"])
def test_an_alarm_that_was_acknowledged_or_returned_does_not_escalate(quietened: str) -> None:
    point, _ = run(HIGH, (0, 90.0))
    if quietened == "acknowledged":
        point = model.acknowledge(point, seconds(10)).point
    else:
        point = model.on_sample(point, HIGH, TIMING, 50.0, seconds(10), seconds(10)).point
    assert model.on_tick(point, HIGH, TIMING, seconds(900)).change is None


def test_resolve_while_violated_keeps_still_until_the_value_has_returned_once() -> None:
    point = model.resolve(run(HIGH, (0, 90.0))[0], seconds(1)).point
    step = model.on_sample(point, HIGH, TIMING, 95.0, seconds(2), seconds(2))
    assert (step.change, step.point.state) == (None, State.NORMAL)
    step = model.on_sample(step.point, HIGH, TIMING, 50.0, seconds(3), seconds(3))
    step = model.on_sample(step.point, HIGH, TIMING, 90.0, seconds(4), seconds(4))
    assert step.change is Change.RAISED


def test_a_danger_that_lasts_after_resolve_is_raised_anew() -> None:
    point = model.resolve(run(HIGH, (0, 90.0))[0], seconds(1)).point
    assert model.on_sample(point, HIGH, TIMING, 90.0, seconds(300), seconds(300)).change is None
    step = model.on_sample(point, HIGH, TIMING, 90.0, seconds(301), seconds(301))
    assert (step.change, step.point.state) == (Change.RAISED, State.UNACKNOWLEDGED)
    assert model.on_tick(step.point, HIGH, TIMING, seconds(601)).change is Change.ESCALATED


@pytest.mark.parametrize("value", [84.0, 50.0])
def test_a_resolved_alarm_is_not_raised_anew_inside_the_limit(value: float) -> None:
    rule = replace(HIGH, off_delay=seconds(1000))
    point = model.resolve(run(rule, (0, 90.0))[0], seconds(1)).point
    point = model.on_sample(point, rule, TIMING, value, seconds(2), seconds(2)).point
    assert model.on_tick(point, rule, TIMING, seconds(400)).change is None
    assert model.on_sample(point, rule, TIMING, value, seconds(400), seconds(400)).change is None


def test_a_limit_that_is_moved_away_ends_the_condition_at_once() -> None:
    rule = replace(HIGH, off_delay=seconds(60))
    point, _ = run(rule, (0, 90.0))
    wider = replace(rule, threshold=91.0)
    assert model.on_rule(point, wider, TIMING, 90.0, 0, seconds(1)).change is Change.RETURNED
    assert model.on_rule(point, None, TIMING, 90.0, 0, seconds(1)).change is Change.RETURNED
    assert model.on_rule(point, replace(rule, threshold=80.0), TIMING, 90.0, 0, seconds(1)).change is None


def test_a_limit_that_is_moved_over_the_value_raises_at_once() -> None:
    tighter = replace(HIGH, threshold=40.0)
    assert model.on_rule(QUIET, tighter, TIMING, 50.0, seconds(5), seconds(6)).change is Change.RAISED
    assert model.on_rule(QUIET, tighter, TIMING, None, 0, seconds(6)).change is None


def test_a_trembling_signal_is_held_in_alarm_instead_of_flooding() -> None:
    samples = [(float(i), 90.0 if i % 2 == 0 else 50.0) for i in range(60)]
    _, changes = run(HIGH, *samples)
    assert changes.count(Change.RAISED) + changes.count(Change.RERAISED) == TIMING.chatter_count
    calm = [(60.0 + i, 50.0) for i in range(62)]
    assert run(HIGH, *samples, *calm)[1][-1] is Change.RETURNED


def test_a_point_at_peace_is_forgotten() -> None:
    point, _ = run(HIGH, (0, 90.0), (1, 50.0))
    point = model.acknowledge(point, seconds(2)).point
    assert not point.quiet
    assert model.on_tick(point, HIGH, TIMING, seconds(70)).point.quiet


operation = st.one_of(
    st.tuples(st.just("sample"), st.sampled_from([50.0, 83.0, 83.5, 84.9, 85.0, 85.1, 99.0])),
    st.tuples(st.sampled_from(["tick", "acknowledge", "resolve"]), st.just(0.0)),
)
operations = st.lists(st.tuples(operation, st.integers(1, 120).map(seconds)), max_size=60)
rules = st.builds(
    Rule,
    side=st.just("high"),
    threshold=st.just(85.0),
    deadband=st.sampled_from([0.0, 2.0]),
    on_delay=st.sampled_from([0, seconds(5), seconds(60)]),
    off_delay=st.sampled_from([0, seconds(5), seconds(60)]),
)


def advance(point: Point, rule: Rule, name: str, value: float, now: int) -> Step:
    if name == "sample":
        return model.on_sample(point, rule, TIMING, value, now, now)
    if name == "tick":
        return model.on_tick(point, rule, TIMING, now)
    return model.acknowledge(point, now) if name == "acknowledge" else model.resolve(point, now)


@settings(max_examples=500)
@given(rules, operations)
def test_whatever_happens_the_invariants_hold(rule: Rule, ops: list[tuple[tuple[str, float], int]]) -> None:
    point, now, escalations = QUIET, 0, 0
    history: list[tuple[int, float]] = []
    for (name, value), pause in ops:
        now += pause
        if name == "sample":
            history.append((now, value))
        before = point
        point, change, at = advance(point, rule, name, value, now)
        if change is None:
            assert point.state is before.state
        else:
            allowed_from, target = TRANSITIONS[change]
            assert before.state in allowed_from
            assert point.state is target
        if change in (Change.RAISED, Change.RERAISED):
            escalations = 0 if change is Change.RAISED else escalations
            assert history[-1][1] > rule.threshold  # never inside the deadband
            if before.condition in (Condition.CLEAR, Condition.PENDING_ON):  # else it was raised and resolved before
                assert all(v > rule.threshold for t, v in history if at - rule.on_delay <= t <= at)
        if change in (Change.RETURNED, Change.CLEARED):
            assert not any(v > rule.threshold for t, v in history if at - rule.off_delay <= t <= now)
        escalations += change is Change.ESCALATED
        assert escalations <= 1
        if name == "sample" and value > rule.threshold and rule.on_delay == 0:
            hidden = point.state in (State.NORMAL, State.RTN_UNACKNOWLEDGED)
            assert not hidden or point.resolved_seen is not None  # nothing dangerous goes unseen


@settings(max_examples=200)
@given(rules, operations)
def test_a_sample_that_comes_twice_changes_nothing_more(rule: Rule, ops: list[tuple[tuple[str, float], int]]) -> None:
    point, now = QUIET, 0
    for (name, value), pause in ops:
        now += pause
        point = advance(point, rule, name, value, now).point
        if name == "sample":
            again = advance(point, rule, name, value, now)
            assert again.change is None
            assert again.point == point


@settings(max_examples=100)
@given(rules, operations)
def test_the_low_side_mirrors_the_high_side(rule: Rule, ops: list[tuple[tuple[str, float], int]]) -> None:
    mirrored = replace(rule, side="low", threshold=-rule.threshold)
    high, low, now = QUIET, QUIET, 0
    for (name, value), pause in ops:
        now += pause
        high = advance(high, rule, name, value, now).point
        low = advance(low, mirrored, name, -value, now).point
        assert high == low
