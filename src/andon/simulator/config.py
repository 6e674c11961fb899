"""What the simulator is told: defaults, then a TOML file, then `ANDON_SIM_*` in the environment."""

from __future__ import annotations

import os
import re
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

import msgspec

from andon.kit.errors import InvalidError
from andon.simulator.machines.sensors import S1_SENSORS, SensorSpec

ENV_PREFIX = "ANDON_SIM_"
_BAD_FIELD = re.compile(r"unknown field `(?P<unknown>[^`]+)`|at `\$\.?(?P<path>[^`]*)`")

Port = Annotated[int, msgspec.Meta(ge=0, le=65_535)]
Positive = Annotated[float, msgspec.Meta(gt=0)]
Share = Annotated[float, msgspec.Meta(ge=0, le=1)]


class BrokerConfig(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Where the MQTT broker is, and who we are there. `mqtt_version` is the highest that the broker speaks."""

    host: str = "127.0.0.1"
    port: Annotated[int, msgspec.Meta(ge=1, le=65_535)] = 1883
    username: str | None = None
    password: str | None = None
    tls: bool = False
    mqtt_version: Literal["3.1.1", "5"] = "3.1.1"
    keepalive_s: Annotated[int, msgspec.Meta(ge=1, le=65_535)] = 20
    connect_timeout_s: Positive = 10.0
    retry_max_s: Positive = 10.0

    def __repr__(self) -> str:
        """Without the password: this text ends up in logs."""
        return f"BrokerConfig({self.host}:{self.port}, username={self.username!r})"


class BufferConfig(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How much is kept while the broker is away; at either bound the oldest message goes first.

    `in_flight` messages at most are sent and not yet acknowledged.
    """

    minutes: Positive = 10.0
    max_mib: Positive = 64.0
    in_flight: Annotated[int, msgspec.Meta(ge=1, le=60_000)] = 2_000


class LoomConfig(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The loom fleet: `slices` spread it over the second, `faults_per_day` are losses of warp tension per loom."""

    count: Annotated[int, msgspec.Meta(ge=0, le=100_000)] = 10
    sample_hz: Annotated[int, msgspec.Meta(ge=10, le=1_000)] = 100
    slices: Annotated[int, msgspec.Meta(ge=1, le=100)] = 20
    faults_per_day: Annotated[float, msgspec.Meta(ge=0)] = 12.0
    wear_days: Positive = 30.0


class PressConfig(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The Sparkplug B press: what changed goes out each `interval_s`, everything each `refresh_s`."""

    enabled: bool = True
    interval_s: Positive = 1.0
    refresh_s: Positive = 10.0


class SimulatorConfig(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Everything that the simulator can be told; `sample.toml` says it in words.

    `health_port` 0 is no health endpoint. `seed` makes the values of a run repeatable. Up to `own_connections` sensors,
    and as many looms, each hold an MQTT connection with a will of their own; where there are more, they share one.
    """

    broker: BrokerConfig = BrokerConfig()
    buffer: BufferConfig = BufferConfig()
    looms: LoomConfig = LoomConfig()
    press: PressConfig = PressConfig()
    own_connections: Annotated[int, msgspec.Meta(ge=0, le=1_000)] = 20
    anomaly_rate: Share = 0.05
    health_host: str = "127.0.0.1"
    health_port: Port = 3001
    seed: int | None = None
    log_level: Literal["debug", "info", "warning", "error"] = "info"
    devices: tuple[SensorSpec, ...] = S1_SENSORS

    @staticmethod
    def load(path: Path | None = None, env: Mapping[str, str] | None = None) -> SimulatorConfig:
        """The configuration from a file and the environment. InvalidError names the field at fault and the cure."""
        environment = os.environ if env is None else env
        raw = _read_toml(path) if path is not None else {}
        for variable, keys in ENVIRONMENT.items():
            if variable in environment:
                _put(raw, keys, environment[variable])
        config = _convert(raw)
        _check_devices(config.devices)
        return config


ENVIRONMENT: dict[str, tuple[str, ...]] = {
    f"{ENV_PREFIX}{name}": keys
    for name, keys in {
        "BROKER_HOST": ("broker", "host"),
        "BROKER_PORT": ("broker", "port"),
        "BROKER_USERNAME": ("broker", "username"),
        "BROKER_PASSWORD": ("broker", "password"),
        "BROKER_TLS": ("broker", "tls"),
        "BROKER_MQTT_VERSION": ("broker", "mqtt_version"),
        "BUFFER_MINUTES": ("buffer", "minutes"),
        "BUFFER_MAX_MIB": ("buffer", "max_mib"),
        "LOOMS": ("looms", "count"),
        "LOOM_FAULTS_PER_DAY": ("looms", "faults_per_day"),
        "ANOMALY_RATE": ("anomaly_rate",),
        "HEALTH_HOST": ("health_host",),
        "HEALTH_PORT": ("health_port",),
        "SPARKPLUG": ("press", "enabled"),
        "SEED": ("seed",),
        "LOG_LEVEL": ("log_level",),
    }.items()
}
"""Environment variable → where its value stands in the configuration."""


def _read_toml(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise InvalidError(
            f"the configuration {path} cannot be read: {error.strerror}",
            field="config",
            cure="name a file that exists and may be read, or leave --config out",
        ) from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise InvalidError(
            f"the configuration {path} is not TOML: {error}", field="config", cure="correct it at that line"
        ) from error


def _put(raw: dict[str, Any], keys: tuple[str, ...], value: str) -> None:
    *parents, last = keys
    for key in parents:
        raw = raw.setdefault(key, {})
    raw[last] = value


def _convert(raw: dict[str, Any]) -> SimulatorConfig:
    try:
        return msgspec.convert(raw, SimulatorConfig, strict=False)
    except msgspec.ValidationError as error:
        field = _field_of(str(error))
        variable = next((name for name, keys in ENVIRONMENT.items() if ".".join(keys) == field), None)
        hint = f" or the environment variable {variable}" if variable else ""
        raise InvalidError(
            f"simulator setting {field}: {str(error).split(' - at ')[0]}",
            field=field,
            cure=f"correct {field} in the configuration{hint}; sample.toml shows every setting",
        ) from error


def _field_of(message: str) -> str:
    """The dotted name from msgspec's message: ``Expected `int` - at `$.broker.port` ``."""
    parts = {kind: text for match in _BAD_FIELD.finditer(message) for kind, text in match.groupdict().items() if text}
    return ".".join(parts[kind] for kind in ("path", "unknown") if kind in parts) or "config"


def _check_devices(devices: tuple[SensorSpec, ...]) -> None:
    seen: set[str] = set()
    for position, device in enumerate(devices):
        field = f"devices[{position}]"
        if device.id in seen:
            raise InvalidError(f"the device id {device.id} is there twice", field=f"{field}.id", cure="rename one")
        seen.add(device.id)
        fault = device.fault()
        if fault is not None:
            raise InvalidError(f"device {device.id}: {fault[1]}", field=f"{field}.{fault[0]}", cure=fault[2])
