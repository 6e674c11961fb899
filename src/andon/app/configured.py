"""From the settings of Andon to those of its parts."""

from __future__ import annotations

import os
import re
import socket
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from urllib.parse import urlsplit

from andon.alarms.settings import AlarmSettings
from andon.app.fleet import Process
from andon.app.settings import Settings
from andon.engines.broker.address import BrokerAddress
from andon.historian.limits import QueryLimits
from andon.identity.sessions import IdentitySettings
from andon.ingest.imports.settings import ImportSettings
from andon.ingest.settings import IngestSettings
from andon.ingest.sharding import Shard
from andon.ingest.uploads.settings import PIECE_BYTES, UploadSettings


def identity(settings: Settings) -> IdentitySettings:
    """Sign-in."""
    return IdentitySettings(
        issuer=settings.token_issuer,
        audience=settings.token_audience,
        access_ttl_s=settings.access_token_minutes * 60,
        refresh_ttl_s=settings.refresh_token_days * 86_400,
        secure_cookies=settings.secure_cookies,
    )


def alarms(settings: Settings) -> AlarmSettings:
    """Alarms."""
    return AlarmSettings(max_age_s=settings.alarm_max_age_s, escalate_after_s=settings.escalate_after_s)


def ingest(settings: Settings) -> IngestSettings:
    """Ingest."""
    found = IngestSettings(
        max_payload_bytes=settings.max_payload_bytes,
        max_ahead_s=settings.max_ahead_s,
        max_age_days=settings.max_age_days,
        clock_tolerance_s=settings.clock_tolerance_s,
        flush_interval_ms=settings.flush_interval_ms,
        max_discovered=settings.max_discovered,
    )
    # Andon's own broker does not wait for what it sent before.
    return replace(found, busy_messages=2 * found.busy_messages) if settings.mqtt_url is None else found


def queries(settings: Settings) -> QueryLimits:
    """What a question to the history may cost."""
    return QueryLimits(
        max_series=settings.history_max_series,
        max_readings=settings.history_max_readings,
        max_buckets=settings.history_max_buckets,
        max_points=settings.history_max_points,
        max_answer=settings.history_max_answer,
        scan_rows=settings.history_scan_rows,
        chart_rows=settings.history_chart_rows,
        max_latest=settings.history_max_latest,
        max_top=settings.history_max_top,
        export_rows=settings.export_max_rows,
        excel_rows=settings.export_excel_rows,
        exports=settings.export_max_running,
    )


def imports(settings: Settings) -> ImportSettings:
    """Imports of history."""
    return ImportSettings(
        part_bytes=min(settings.import_part_bytes, settings.max_request_bytes),
        part_samples=settings.import_part_samples,
        max_open=settings.import_max_open,
        expire_days=settings.import_expire_days,
        max_ahead_s=settings.max_ahead_s,
    )


def uploads(settings: Settings) -> UploadSettings:
    """Recordings that come as files."""
    return UploadSettings(
        file_bytes=settings.import_file_bytes,
        spool_bytes=settings.import_spool_bytes,
        min_free_bytes=settings.min_free_bytes,
        expire_s=settings.import_spool_hours * 3_600,
        piece_bytes=min(PIECE_BYTES, settings.max_request_bytes),
        max_open=settings.import_max_open,
        running=settings.import_max_running,
        reader_bytes=settings.import_reader_bytes,
    )


def spool_folder(settings: Settings, process: str | None) -> Path:
    """Where uploaded files lie; each of several processes has a folder of its own."""
    folder = settings.data_dir / "uploads"
    return folder if process is None else folder / re.sub(r"[^A-Za-z0-9.-]", "_", process)


def shard(settings: Settings) -> Shard:
    """Which of the devices this process takes."""
    return Shard(settings.ingest_shard, settings.ingest_shards)


def broker_of_shard(address: BrokerAddress, mine: Shard) -> BrokerAddress:
    """Each shard has a session of its own at the broker, which keeps what comes while the shard is away."""
    if mine.count == 1:
        return address
    return replace(address, client_prefix=f"{address.client_prefix}-{mine.number}of{mine.count}")


def process(settings: Settings, urls: Mapping[str, str], started_at: int) -> Process:
    """A name that holds over restarts where ports do: two processes of one machine never listen on the same."""
    host = settings.advertise_host or socket.gethostname()
    ports = sorted(str(urlsplit(url).port) for url in urls.values())
    where = "+".join(ports) if ports else str(os.getpid())
    return Process(f"{host}/{settings.host}:{where}"[:150], host, os.getpid(), started_at)
