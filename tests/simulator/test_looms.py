from __future__ import annotations

import numpy as np
import pytest

from andon.simulator.machines.looms import BAD, GOOD, UNCERTAIN, LoomFleet, LoomTelemetry

NOON = 1_750_000_000.0


def run(fleet: LoomFleet, seconds: int) -> list[LoomTelemetry]:
    everyone = np.arange(fleet.count)
    return [fleet.advance(everyone, NOON + second) for second in range(seconds)]


def test_a_healthy_fleet_weaves_near_its_nominal_width() -> None:
    history = run(LoomFleet(20, faults_per_day=0, seed=1), 300)
    width = np.stack([row.width for row in history])
    assert np.abs(width - 1_600).max() < 6
    assert width.std(axis=0).mean() > 0.05, "a real sensor is not a straight line"


def test_a_loss_of_tension_widens_the_beam_for_minutes_and_then_ends() -> None:
    history = run(LoomFleet(30, faults_per_day=300, seed=2), 900)
    width = np.stack([row.width for row in history])
    tension = np.stack([row.tension for row in history])
    away = np.abs(width - 1_600) > 10
    assert away.any()
    assert away.mean() < 0.6
    assert np.corrcoef(width.ravel(), tension.ravel())[0, 1] < -0.9
    assert (away.any(axis=0) & ~away.all(axis=0)).any()


def test_width_and_temperature_move_slowly() -> None:
    history = run(LoomFleet(20, faults_per_day=12, seed=3), 300)
    width = np.stack([row.width for row in history])
    temperature = np.stack([row.temperature for row in history])
    assert np.abs(np.diff(width, axis=0)).max() < 3
    assert np.abs(np.diff(temperature, axis=0)).max() < 1


def test_vibration_comes_in_bursts_that_fade() -> None:
    vibration = np.stack([row.vibration for row in run(LoomFleet(200, faults_per_day=0, seed=4), 600)])
    quiet = np.median(vibration)
    assert 1 < quiet < 5
    loom = int(vibration[:550].max(axis=0).argmax())
    peak = int(vibration[:550, loom].argmax())
    assert vibration[peak, loom] > quiet + 3
    assert vibration[peak + 40 : peak + 45, loom].mean() < vibration[peak, loom] / 2


def test_a_loom_at_rest_does_not_vibrate_and_makes_no_picks() -> None:
    history = run(LoomFleet(60, seed=5), 600)
    resting = np.stack([~row.running for row in history])
    picks = np.stack([row.picks_per_minute for row in history])
    assert resting.any()
    assert not resting.all(axis=0).any()
    assert (picks[resting] == 0).all()
    assert (picks[~resting] > 500).all()
    vibration = np.stack([row.vibration for row in history])
    assert np.median(vibration[resting]) < 0.3


def test_wear_grows_slowly_and_service_makes_a_loom_new() -> None:
    fleet = LoomFleet(4, wear_days=0.005, seed=6)  # worn out in seven minutes
    wear = np.stack([row.wear for row in run(fleet, 900)])
    steps = np.diff(wear, axis=0)
    assert (steps[steps > 0] < 0.05).all()
    assert (steps < -0.5).any(), "a service sets wear back"
    assert wear.max() <= 1


def test_lost_echoes_lower_the_quality() -> None:
    quality = np.stack([row.quality for row in run(LoomFleet(100, seed=7), 600)])
    assert set(np.unique(quality)) == {BAD, UNCERTAIN, GOOD}
    assert (quality == GOOD).mean() > 0.9


def test_the_looms_of_one_slice_advance_alone() -> None:
    fleet = LoomFleet(6, seed=8)
    before = fleet.advance(np.array([4]), NOON)
    fleet.advance(np.array([1, 2]), NOON)
    assert before.looms.tolist() == [4]
    assert np.abs(fleet.advance(np.array([4]), NOON + 1).width - before.width) < 3


def test_the_same_seed_gives_the_same_fleet() -> None:
    one, two = (run(LoomFleet(3, seed=9), 20)[-1] for _ in range(2))
    assert one.width.tolist() == two.width.tolist()


@pytest.mark.parametrize("count", [0, 1])
def test_an_empty_fleet_and_a_single_loom_work(count: int) -> None:
    assert len(run(LoomFleet(count), 2)[-1].width) == count
