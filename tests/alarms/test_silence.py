"""Devices that go silent: when that is an alarm, and when it only looks like one."""

from __future__ import annotations

from alarms.plant import NOW, batch, device, directory, row, seconds, tag
from andon.alarms.model import Change, Condition, Point, State, Timing
from andon.alarms.silence import SilenceWatch, offline_key
from andon.kit.quality import Quality
from andon.kit.samples import Row
from andon.registry.directory import Directory

KEY = offline_key("uuid-press-1")


def watch(found: Directory | None = None, started: float = 0) -> SilenceWatch:
    made = SilenceWatch(Timing(), NOW + seconds(started))
    made.configure(found or directory(device(tag(1), tag(2, name="speed"))), NOW)
    return made


def hear(made: SilenceWatch, *rows: Row) -> None:
    samples = batch(*rows)
    live = samples.received - samples.timestamps <= seconds(300)
    made.remember(samples.tag_ids, samples.received, samples.qualities == Quality.STALE, live)


def tick(made: SilenceWatch, at: float, horizon: float | None = None) -> list[Change]:
    limit = at if horizon is None else horizon
    return [t.change for t in made.tick(NOW + seconds(at), NOW + seconds(limit))]


def test_a_device_is_offline_when_it_was_silent_for_longer_than_its_limit() -> None:
    made = watch()
    hear(made, row(1, 0, 1.0))
    assert tick(made, 30) == []
    found = made.tick(NOW + seconds(31), NOW + seconds(31))
    assert [(t.key, t.change, t.value, t.threshold) for t in found] == [(KEY, Change.RAISED, 31.0, 30.0)]
    assert tick(made, 32) == []


def test_any_signal_of_a_device_is_a_sign_of_life_also_a_late_or_bad_one() -> None:
    made = watch()
    hear(made, row(1, 0, 1.0))
    hear(made, row(2, -4000, 1.0, Quality.BAD, late=4025.0))
    assert tick(made, 54) == []


def test_the_alarm_returns_when_the_device_is_heard_again() -> None:
    made = watch()
    hear(made, row(1, 0, 1.0))
    tick(made, 40)
    hear(made, row(1, 41, 1.0))
    assert tick(made, 42) == [Change.RETURNED]


def test_a_device_that_was_never_heard_is_unknown_not_offline() -> None:
    assert tick(watch(), 10_000) == []


def test_a_recording_that_ends_is_no_outage() -> None:
    made = watch()
    hear(made, row(1, -4000, 1.0, late=4000.0), row(2, -3999, 1.0, late=3999.0))
    assert tick(made, 10_000) == []


def test_a_device_that_was_heard_live_is_watched_also_when_history_comes() -> None:
    made = watch()
    hear(made, row(1, 0, 1.0))
    hear(made, row(1, -4000, 1.0, late=4010.0))
    assert tick(made, 39) == []
    assert tick(made, 41) == [Change.RAISED]


def test_a_restart_gives_every_device_its_full_time() -> None:
    made = watch(started=1000)
    hear(made, row(1, 0, 1.0))
    assert tick(made, 1029) == []
    assert tick(made, 1031) == [Change.RAISED]


def test_an_offline_alarm_outlives_a_restart_until_the_device_is_heard() -> None:
    made = watch(started=1000)
    hear(made, row(1, 0, 1.0))
    made.put(KEY, Point(condition=Condition.VIOLATED, state=State.ACKNOWLEDGED))
    assert tick(made, 1005) == []
    assert tick(made, 1050) == []
    hear(made, row(1, 1051, 1.0))
    assert tick(made, 1052) == [Change.CLEARED]


def test_being_behind_does_not_make_devices_silent() -> None:
    made = watch()
    hear(made, row(1, 0, 1.0))
    assert tick(made, 500, horizon=10) == []


def test_a_suspended_machine_does_not_make_devices_silent() -> None:
    made = watch()
    hear(made, row(1, 0, 1.0))
    made.listen_again(NOW + seconds(500))
    assert tick(made, 520) == []
    assert tick(made, 531) == [Change.RAISED]


def test_a_clock_that_is_set_back_hides_no_silence() -> None:
    made = watch()
    hear(made, row(1, 7200, 1.0))
    assert tick(made, 7201) == []
    assert tick(made, 3600) == []
    assert tick(made, 3629) == []
    assert tick(made, 3631) == [Change.RAISED]
    hear(made, row(1, 3640, 1.0))
    assert tick(made, 3641) == [Change.RETURNED]


def test_a_source_that_died_makes_its_device_offline_at_once() -> None:
    made = watch()
    hear(made, row(1, 0, 1.0), row(2, 0, 1.0))
    hear(made, row(1, 5, 1.0, Quality.STALE), row(2, 5, 1.0, Quality.STALE))
    assert tick(made, 6) == [Change.RAISED]
    hear(made, row(1, 8, 1.0))
    assert tick(made, 9) == [Change.RETURNED]


def test_one_stale_signal_among_live_ones_is_no_death() -> None:
    made = watch()
    hear(made, row(1, 0, 1.0), row(2, 0, 1.0))
    hear(made, row(1, 5, 1.0, Quality.STALE))
    assert tick(made, 6) == []


def test_a_device_that_is_disabled_or_deleted_is_no_longer_watched() -> None:
    for after in (directory(device(tag(1), status="disabled")), directory()):
        made = watch()
        hear(made, row(1, 0, 1.0))
        tick(made, 40)
        found = made.configure(after, NOW + seconds(41))
        assert [t.change for t in found] == [Change.RETURNED]
        assert tick(made, 100) == []


def test_five_minutes_of_silence_that_nobody_acknowledged_escalate() -> None:
    made = watch()
    hear(made, row(1, 0, 1.0))
    tick(made, 31)
    assert tick(made, 330) == []
    assert tick(made, 331) == [Change.ESCALATED]
