"""Picks the log: the embedded one, or Kafka; and how samples are written into it."""

from __future__ import annotations

from andon.app.settings import Settings
from andon.engines.log.codec import COLUMNS, SampleCodec
from andon.engines.log.embedded import EmbeddedLog
from andon.engines.log.kafka.log import KafkaLog
from andon.engines.log.kafka.murmur import key_hash
from andon.engines.log.kafka.settings import KafkaAddress, KafkaLimits
from andon.engines.log.limits import LogLimits
from andon.engines.log.port import SENSORS_DATA, Log
from andon.ingest.settings import IngestSettings
from andon.ingest.stream_columns import KeyedColumns
from andon.ingest.stream_json import JsonSamples
from andon.ingest.timing import TimePolicy
from andon.kit.clock import US_PER_HOUR
from andon.registry.directory import Directory


async def open_log(settings: Settings) -> Log:
    """The log. StartError when it cannot be had."""
    if settings.log_url is not None:
        return await KafkaLog.open(_address(settings, settings.log_url.get_secret_value()), _kafka_limits(settings))
    limits = LogLimits(
        retain_bytes=settings.log_max_bytes,
        retain_us=round(settings.log_max_age_hours * US_PER_HOUR),
        min_free_bytes=settings.min_free_bytes,
    )
    return EmbeddedLog.open(settings.data_dir / "log.db", limits)


def sample_codec(settings: Settings, log: Log, directory: Directory, ingest: IngestSettings) -> SampleCodec:
    """How samples are written: other programs read and write what is on Kafka, the embedded log is Andon's own."""
    if not isinstance(log, KafkaLog):
        return COLUMNS
    json = JsonSamples(directory, TimePolicy(ingest))
    if settings.kafka_format == "json":
        return json
    return KeyedColumns(
        directory, json, lambda: log.partition_count(SENSORS_DATA), key_hash, log.record_limit(SENSORS_DATA)
    )


def _address(settings: Settings, url: str) -> KafkaAddress:
    password = settings.kafka_password
    return KafkaAddress.parse(
        url,
        username=settings.kafka_username,
        password=None if password is None else password.get_secret_value(),
        tls=settings.kafka_tls,
    )


def _kafka_limits(settings: Settings) -> KafkaLimits:
    """Kafka does not wait for readers as the embedded log does: only a bound that was asked for holds in bytes."""
    asked_for = "log_max_bytes" in settings.model_fields_set
    return KafkaLimits(
        partitions=settings.kafka_partitions,
        replication=settings.kafka_replication,
        retain_us=round(settings.log_max_age_hours * US_PER_HOUR),
        retain_bytes=settings.log_max_bytes if asked_for else None,
    )
