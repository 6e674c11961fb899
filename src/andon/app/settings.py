"""Every setting of Andon: `ANDON_*` environment variables, then `andon.toml` in the data folder, then defaults."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any, Literal

from pydantic import Field, SecretStr, ValidationError
from pydantic_settings import (
    BaseSettings,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    TomlConfigSettingsSource,
)

from andon.kit.errors import StartError

LOOPBACK = "127.0.0.1"
CONFIG_NAME = "andon.toml"


class Settings(BaseSettings):
    """What an administrator may change. Sizes are bytes, times are in the unit that the name ends with."""

    model_config = SettingsConfigDict(env_prefix="ANDON_", extra="forbid")

    data_dir: Path = Field(Path("andon-data"), description="Folder for everything that Andon stores.")
    host: str = Field(LOOPBACK, description="Address that the web server and the MQTT broker listen on.")
    port: int = Field(8080, ge=0, le=65_535, description="Port of the web server; 0 takes a free one.")
    mqtt_port: int = Field(1883, ge=0, le=65_535, description="Port of the MQTT broker; 0 takes a free one.")
    log_level: Literal["debug", "info", "warning", "error"] = Field("info", description="Least level that is logged.")
    log_json: bool | None = Field(None, description="JSON log lines; by default only when no terminal is attached.")
    timezone: str = Field("UTC", description="Time zone of the default site, taken at the first start (IANA name).")

    admin_password: SecretStr | None = Field(None, description="Password of `admin` at the first start.")
    access_token_minutes: float = Field(15, gt=0, description="Life of an access token.")
    refresh_token_days: float = Field(14, gt=0, description="Life of a refresh token.")
    token_issuer: str = Field("factory-plus", description="`iss` of access tokens.")
    token_audience: str = Field("factory-plus", description="`aud` of access tokens.")
    secure_cookies: bool = Field(False, description="Mark cookies Secure: set it when TLS ends before Andon.")
    allowed_origins: list[str] = Field(default_factory=list, description="Other origins that may call the API (CORS).")
    rate_limit_per_minute: int = Field(6_000, ge=0, description="Requests a minute from one address; 0 is no limit.")
    max_request_bytes: int = Field(8 << 20, gt=0, description="Largest request body.")

    demo: bool = Field(False, description="Seed and start the demo plant.")
    demo_looms: int = Field(10, ge=0, le=100_000, description="Looms in the demo plant.")
    simulator_health_port: int = Field(3001, ge=0, le=65_535, description="Health port of the simulator; 0 is none.")

    max_payload_bytes: int = Field(1 << 20, gt=0, description="Largest device message that is decoded.")
    broker_max_payload_bytes: int = Field(12 << 20, gt=0, description="Largest message that the broker takes.")
    broker_threads: int = Field(0, ge=0, description="Cores that the broker may use; 0 is half of the machine's.")
    max_ahead_s: float = Field(60, ge=0, description="How far ahead of the server's clock a sample may be.")
    max_age_days: float = Field(30, gt=0, description="How old a sample may be that is not marked historical.")
    clock_tolerance_s: float = Field(10, ge=0, description="Clock difference from which samples are marked uncertain.")
    max_discovered: int = Field(1_000, ge=0, description="Unknown devices that are remembered.")
    flush_interval_ms: float = Field(50, ge=0, le=200, description="Longest wait before received samples are stored.")

    database_url: SecretStr | None = Field(None, description="`postgresql://user:password@host/database`; else SQLite.")
    database_replica_url: SecretStr | None = Field(None, description="A read replica of it, for reports and history.")
    database_pool_size: int = Field(5, ge=1, le=100, description="Most connections to the database of one process.")
    database_start_s: float = Field(30, ge=0, description="Longest wait for PostgreSQL to answer, at the start.")
    historian: Literal["embedded", "postgres", "influx"] = Field("embedded", description="Where history is kept.")
    history_pool_size: int = Field(5, ge=3, le=100, description="Most connections for history on PostgreSQL.")
    influx_url: str | None = Field(None, description="`http://host:8086`, with the historian `influx`.")
    influx_database: str = Field("andon", description="Its database, on InfluxDB 1; it is made.")
    influx_username: str | None = Field(None, description="User on InfluxDB 1.")
    influx_password: SecretStr | None = Field(None, description="Its password.")
    influx_token: SecretStr | None = Field(None, description="Token on InfluxDB 2; with it, the next two count.")
    influx_org: str | None = Field(None, description="Organisation on InfluxDB 2.")
    influx_bucket: str | None = Field(None, description="First part of the buckets' names on InfluxDB 2.")

    mqtt_url: SecretStr | None = Field(None, description="`mqtt://user:password@host:1883`; else Andon's own broker.")
    mqtt_device_username: str | None = Field(None, description="User that devices have at that broker, to show people.")
    mqtt_device_password: SecretStr | None = Field(None, description="Its password.")
    ingest_shards: int = Field(1, ge=1, le=1_000, description="Ingest processes that share the devices among them.")
    ingest_shard: int = Field(0, ge=0, description="Which of them this process is, from 0.")
    ingest_port: int = Field(3002, ge=0, le=65_535, description="Port of the role ingest when it runs apart; 0: any.")
    processing_port: int = Field(3003, ge=0, le=65_535, description="Port of the role processing, likewise.")
    alerts_port: int = Field(3004, ge=0, le=65_535, description="Port of the role alerts, likewise.")
    api_port: int = Field(3005, ge=0, le=65_535, description="Port of the role api, likewise.")
    realtime_port: int = Field(3006, ge=0, le=65_535, description="Port of the role realtime, likewise.")
    historian_port: int = Field(3007, ge=0, le=65_535, description="Port of the role historian, likewise.")
    broker_health_port: int = Field(3008, ge=0, le=65_535, description="Health port of the role broker; 0 is none.")
    advertise_host: str | None = Field(None, description="Name by which other processes reach this one; else its own.")

    redis_url: SecretStr | None = Field(None, description="`redis://user:password@host:6379/0`; else in memory alone.")

    log_url: SecretStr | None = Field(None, description="`kafka://host:9092,host2:9092`; else a file of its own.")
    kafka_partitions: int = Field(8, ge=1, le=1_000, description="Partitions of `sensors-data`, when it is made.")
    kafka_replication: int = Field(1, ge=1, le=10, description="Replicas of the topics that are made.")
    kafka_format: Literal["json", "columns"] = Field("json", description="What is written to `sensors-data`.")
    kafka_username: str | None = Field(None, description="User at Kafka (SASL).")
    kafka_password: SecretStr | None = Field(None, description="Its password.")
    kafka_tls: bool = Field(False, description="Encrypt the connections to Kafka.")

    log_max_bytes: int = Field(512 << 20, gt=0, description="Size from which consumed log records are dropped.")
    min_free_bytes: int = Field(128 << 20, ge=0, description="New data is refused while the disk has less than this.")
    log_max_age_hours: float = Field(48, gt=0, description="Age from which consumed log records are dropped.")

    seal_interval_s: float = Field(300, gt=0, description="Longest time that samples are in memory and the log alone.")
    unsealed_samples: int = Field(1_000_000, gt=0, description="Samples in memory from which they become files.")
    late_window_s: float = Field(120, ge=0, description="An hour's files are merged so long after its end.")
    statistics_samples: int = Field(5_000_000, gt=0, description="From more samples percentiles are approximate.")
    archive_url: str | None = Field(None, description="Folder or `s3://bucket/prefix` that old days move to.")
    archive_after_days: float = Field(3, gt=0, description="Age from which a day moves there; below raw retention.")
    archive_keep_days: float | None = Field(None, gt=0, description="Age to which it keeps them; without: for ever.")
    archive_timeout_s: float = Field(10, gt=0, description="Longest wait for an answer of the archive.")
    archive_endpoint: str | None = Field(None, description="URL of an object store that is not Amazon's.")
    archive_region: str | None = Field(None, description="Its region.")
    archive_access_key: str | None = Field(None, description="Access key; by default what the environment gives.")
    archive_secret_key: SecretStr | None = Field(None, description="Its secret key.")

    retention: Literal["s2", "s1", "keep"] = Field("s2", description="How long history is kept: days of each tier.")
    history_max_series: int = Field(50, gt=0, description="Signals in one question to the history.")
    history_max_readings: int = Field(10_000, gt=0, description="Samples of a signal in one answer.")
    history_max_buckets: int = Field(5_000, gt=0, description="Buckets of a signal in one answer.")
    history_max_points: int = Field(5_000, gt=2, description="Points of a signal's chart in one answer.")
    history_max_answer: int = Field(200_000, gt=0, description="Readings of all signals in one answer.")
    history_max_latest: int = Field(10_000, gt=0, description="Signals in the list of the latest values.")
    history_max_top: int = Field(1_000, gt=0, description="Signals in a ranking.")
    history_scan_rows: int = Field(500_000, gt=0, description="Samples that one question with a filter looks at.")
    history_chart_rows: int = Field(250_000, gt=0, description="Samples from which charts use minutes or hours.")
    export_max_rows: int = Field(0, ge=0, description="Most rows of one export; 0 is any number.")
    export_excel_rows: int = Field(5_000_000, gt=0, description="Most rows of an Excel file.")
    export_max_running: int = Field(4, gt=0, description="Exports at the same time.")

    import_part_bytes: int = Field(8 << 20, gt=0, description="Largest part of an import.")
    import_part_samples: int = Field(1_000_000, gt=0, description="Most samples of one part of an import.")
    import_max_open: int = Field(100, gt=0, description="Imports of an organisation that are not finished.")
    import_expire_days: float = Field(7, gt=0, description="Imports that nothing was sent to for so long end.")
    import_file_bytes: int = Field(4 << 30, gt=0, description="Largest file that is uploaded to be imported.")
    import_spool_bytes: int = Field(16 << 30, gt=0, description="Uploaded files together, until they are imported.")
    import_spool_hours: float = Field(24, gt=0, description="Uploaded files that nobody touched for so long go.")
    import_max_running: int = Field(2, gt=0, description="Uploaded files that are imported at the same time.")
    import_reader_bytes: int = Field(1 << 30, gt=0, description="Memory of a process that reads an uploaded file.")

    alarm_max_age_s: float = Field(300, gt=0, description="Samples older than this on arrival raise no alarm.")
    escalate_after_s: float = Field(300, gt=0, description="An alarm that nobody acknowledges escalates after this.")
    warm_hours: float = Field(24, ge=0, description="History read at start to fill the live statistics.")

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Arguments win over the environment, the environment over the file."""
        asked = init_settings().get("data_dir") or os.environ.get("ANDON_DATA_DIR", "andon-data")
        toml = TomlConfigSettingsSource(settings_cls, Path(asked) / CONFIG_NAME)
        return init_settings, env_settings, toml


def load_settings(**arguments: Any) -> Settings:
    """Settings from arguments (None means not given), environment and file. StartError names the setting at fault."""
    given = {name: value for name, value in arguments.items() if value is not None}
    try:
        return Settings(**given)
    except ValidationError as error:
        first = error.errors()[0]
        name = ".".join(str(part) for part in first["loc"])
        raise StartError(
            f"setting {name}: {first['msg']}",
            field=name,
            cure=f"correct ANDON_{name.upper()}, the argument, or {name} in {CONFIG_NAME}",
        ) from error
    except (OSError, ValueError) as error:
        raise StartError(f"{CONFIG_NAME} cannot be read: {error}", cure="correct the file or remove it") from error


def secret(setting: SecretStr | None) -> str | None:
    """What a setting hides from prints and logs."""
    return setting.get_secret_value() if setting is not None else None
