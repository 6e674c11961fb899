from __future__ import annotations

import itertools
import random

import pytest

from andon.simulator.machines.sensors import S1_SENSORS, Sensor, SensorSpec


def readings(spec: SensorSpec, count: int, rate: float = 0.05, seed: int = 1) -> list[tuple[float, bool]]:
    sensor = Sensor(spec, rate, random.Random(seed))
    return [sensor.next() for _ in range(count)]


def beyond(spec: SensorSpec, value: float) -> bool:
    return (spec.alert_min is not None and value < spec.alert_min) or (
        spec.alert_max is not None and value > spec.alert_max
    )


every_sensor = pytest.mark.parametrize("spec", S1_SENSORS, ids=lambda spec: spec.id)


def test_the_five_devices_have_the_units_bands_limits_and_rates_of_the_specification() -> None:
    table = {
        s.id: (s.type, s.unit, s.normal_min, s.normal_max, s.alert_min, s.alert_max, s.interval_s) for s in S1_SENSORS
    }
    assert table == {
        "device-001": ("temperature", "celsius", 20, 80, 15, 85, 2),
        "device-002": ("pressure", "psi", 10, 50, 5, 55, 3),
        "device-003": ("vibration", "hz", 0, 100, None, 120, 1),
        "device-004": ("production", "units/hour", 100, 500, 50, None, 5),
        "device-005": ("quality", "percentage", 85, 100, 80, None, 4),
    }


@every_sensor
def test_a_healthy_value_lies_in_the_normal_band_and_an_anomaly_beyond_an_alert_limit(spec: SensorSpec) -> None:
    for value, anomalous in readings(spec, 5_000):
        if anomalous:
            assert beyond(spec, value)
        else:
            assert spec.normal_min <= value <= spec.normal_max


@every_sensor
def test_one_sample_in_twenty_is_anomalous(spec: SensorSpec) -> None:
    anomalies = sum(anomalous for _, anomalous in readings(spec, 40_000))
    assert anomalies / 40_000 == pytest.approx(0.05, abs=0.006)


@every_sensor
def test_episodes_are_bounded_and_some_are_a_single_sample(spec: SensorSpec) -> None:
    lengths, run = [], 0
    for _, anomalous in readings(spec, 20_000):
        if anomalous:
            run += 1
        elif run:
            lengths.append(run)
            run = 0
    # Two episodes may touch, so a run may be longer than one episode; it still ends.
    assert 1 in lengths
    assert max(lengths) <= 12
    assert max(lengths) > 1


@every_sensor
def test_values_follow_on_each_other_instead_of_jumping_about(spec: SensorSpec) -> None:
    healthy = [value for value, _ in readings(spec, 5_000, rate=0)]
    steps = sum(abs(b - a) for a, b in itertools.pairwise(healthy)) / (len(healthy) - 1)
    spread = sum(abs(a - b) for a, b in zip(healthy, healthy[2_500:], strict=False)) / 2_500
    assert steps < 0.25 * spread
    assert len(set(healthy)) > 50


def test_no_anomaly_is_injected_at_rate_zero_and_only_anomalies_at_rate_one() -> None:
    spec = S1_SENSORS[0]
    assert not any(anomalous for _, anomalous in readings(spec, 1_000, rate=0))
    assert all(anomalous for _, anomalous in readings(spec, 1_000, rate=1))


def test_the_same_seed_gives_the_same_values() -> None:
    assert readings(S1_SENSORS[1], 100, seed=7) == readings(S1_SENSORS[1], 100, seed=7)
    assert readings(S1_SENSORS[1], 100, seed=7) != readings(S1_SENSORS[1], 100, seed=8)


def test_a_count_never_falls_below_zero_in_an_anomaly() -> None:
    production = S1_SENSORS[3]
    assert min(value for value, _ in readings(production, 20_000, rate=0.5)) >= 0


def test_a_sensor_without_alert_limits_has_no_anomalies() -> None:
    spec = SensorSpec("humidity-1", "humidity", "%", "hall", 1, 30, 60)
    assert not any(anomalous for _, anomalous in readings(spec, 1_000, rate=0.5))
