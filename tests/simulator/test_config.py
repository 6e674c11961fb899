from __future__ import annotations

import tomllib
from pathlib import Path

import pytest

import andon.simulator
from andon.kit.errors import InvalidError
from andon.simulator.config import ENVIRONMENT, SimulatorConfig

SAMPLE = Path(andon.simulator.__file__).parent / "sample.toml"


def write(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "plant.toml"
    path.write_text(text, encoding="utf-8")
    return path


def test_without_a_file_the_demo_plant_is_simulated() -> None:
    config = SimulatorConfig.load(None, {})
    assert [device.id for device in config.devices] == [f"device-00{n}" for n in range(1, 6)]
    assert (config.looms.count, config.anomaly_rate, config.health_port) == (10, 0.05, 3001)


def test_the_sample_file_says_every_setting_with_its_default() -> None:
    assert SimulatorConfig.load(SAMPLE, {}) == SimulatorConfig(seed=SimulatorConfig.load(SAMPLE, {}).seed)
    raw = tomllib.loads(SAMPLE.read_text(encoding="utf-8").replace("# username", "username"))
    assert set(raw) >= set(SimulatorConfig.__struct_fields__) - {"seed"}


def test_the_environment_wins_over_the_file(tmp_path: Path) -> None:
    path = write(tmp_path, '[broker]\nhost = "broker.plant"\nport = 1884\n[looms]\ncount = 3\n')
    config = SimulatorConfig.load(path, {"ANDON_SIM_BROKER_PORT": "1999", "ANDON_SIM_SPARKPLUG": "false"})
    assert (config.broker.host, config.broker.port, config.looms.count) == ("broker.plant", 1999, 3)
    assert config.press.enabled is False


def test_every_environment_variable_reaches_its_setting() -> None:
    values = {
        name: "5" if name.endswith("VERSION") else "info" if name.endswith("LEVEL") else "1" for name in ENVIRONMENT
    }
    config = SimulatorConfig.load(None, values)
    assert (config.broker.password, config.broker.mqtt_version, config.broker.tls) == ("1", "5", True)
    assert (config.looms.count, config.seed, config.anomaly_rate, config.health_host) == (1, 1, 1.0, "1")


def test_a_password_of_digits_or_a_truth_word_stays_text() -> None:
    for secret in ("1", "true", "0042"):
        config = SimulatorConfig.load(None, {"ANDON_SIM_BROKER_PASSWORD": secret})
        assert config.broker.password == secret


def test_the_password_is_not_in_the_text_form() -> None:
    config = SimulatorConfig.load(None, {"ANDON_SIM_BROKER_PASSWORD": "hush-hush"})
    assert "hush-hush" not in repr(config)


@pytest.mark.parametrize(
    ("text", "field"),
    [
        ("[broker]\nport = 99999", "broker.port"),
        ("[broker]\nprt = 1", "broker.prt"),
        ("anomaly_rate = 1.5", "anomaly_rate"),
        ("looms = 10", "looms"),
        ('[looms]\ncount = "many"', "looms.count"),
        ("colour = 1", "colour"),
    ],
)
def test_a_wrong_setting_is_named_with_its_cure(tmp_path: Path, text: str, field: str) -> None:
    with pytest.raises(InvalidError) as caught:
        SimulatorConfig.load(write(tmp_path, text), {})
    assert caught.value.field == field
    assert caught.value.cure and field in caught.value.cure


def test_a_wrong_environment_value_names_the_variable() -> None:
    with pytest.raises(InvalidError, match=r"looms\.count") as caught:
        SimulatorConfig.load(None, {"ANDON_SIM_LOOMS": "ten"})
    assert caught.value.cure and "ANDON_SIM_LOOMS" in caught.value.cure


def test_a_file_that_is_missing_or_broken_is_said_so(tmp_path: Path) -> None:
    with pytest.raises(InvalidError, match="cannot be read"):
        SimulatorConfig.load(tmp_path / "absent.toml", {})
    with pytest.raises(InvalidError, match="not TOML"):
        SimulatorConfig.load(write(tmp_path, "looms = = 3"), {})


DEVICE = (
    '[[devices]]\nid="{id}"\ntype="t"\nunit="u"\nlocation="l"\ninterval_s=1\nnormal_min=0\nnormal_max={high}\n{more}'
)


@pytest.mark.parametrize(
    ("text", "field"),
    [
        (DEVICE.format(id="a/b", high=1, more=""), "devices[0].id"),
        (DEVICE.format(id="a", high=-1, more=""), "devices[0].normal_max"),
        (DEVICE.format(id="a", high=9, more="alert_max=5"), "devices[0].alert_max"),
        (DEVICE.format(id="a", high=9, more="alert_min=5"), "devices[0].alert_min"),
        (DEVICE.format(id="a", high=9, more="\n") + DEVICE.format(id="a", high=9, more=""), "devices[1].id"),
        (DEVICE.format(id="a", high=9, more="").replace("interval_s=1", "interval_s=0"), "devices[0].interval_s"),
    ],
)
def test_a_device_that_contradicts_itself_is_refused(tmp_path: Path, text: str, field: str) -> None:
    with pytest.raises(InvalidError) as caught:
        SimulatorConfig.load(write(tmp_path, text), {})
    assert caught.value.field == field
    assert caught.value.cure


def test_the_readme_names_every_environment_variable() -> None:
    readme = (SAMPLE.parent / "README.md").read_text(encoding="utf-8")
    assert [name for name in ENVIRONMENT if f"`{name.removeprefix('ANDON_SIM_')}`" not in readme] == []
