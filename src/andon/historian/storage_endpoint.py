"""`GET /storage`: what history takes on the disk, what is dropped when, and who is behind."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import Annotated, Any, Final
from urllib.parse import urlsplit, urlunsplit

from fastapi import APIRouter, Depends, Request

from andon.engines.log.port import SENSORS_DATA, Log, StreamStatus
from andon.historian.model import Source, StorageReport, TierReport
from andon.historian.parameters import History
from andon.historian.policies import resolved
from andon.historian.retention import Retention
from andon.historian.schemas_storage import HistoryStorage
from andon.historian.service import GROUP, Historian
from andon.identity.guard import requires
from andon.identity.model import Principal
from andon.kit.clock import now_us, to_iso
from andon.kit.contract import answers
from andon.kit.envelope import success

router = APIRouter(tags=["storage"])

_NAMES: dict[Source, str] = {"raw": "raw", "minute": "1m", "hour": "1h"}
SystemReader = Annotated[Principal, Depends(requires("system:read"))]


@router.get("/storage", summary="What history takes, what is dropped when, and who is behind")
@answers(HistoryStorage, refuses={503: "The history cannot be asked now"})
async def storage(request: Request, historian: History, principal: SystemReader) -> dict[str, Any]:
    """Of all organisations together: they share the files. `lag` counts records of the log that wait to be handled."""
    state = request.app.state
    log: Log = state.log
    report = await historian.storage()
    status = await log.status()
    keeper = state.housekeeper
    with_days = await asyncio.to_thread(_policy, state.database, state.directory.default_organisation, keeper.default)
    settings = getattr(state, "settings", None)
    archived = _archive(settings)
    if archived["url"] is not None:
        with_days = with_days.with_archive(archived["afterDays"], archived["keptDays"])
    body = {
        "tiers": [_tier(each, with_days) for each in report.tiers],
        **_sums(report),
        "archived": {
            "files": report.archived_files,
            "bytes": report.archived_bytes,
            **archived,
            "problem": report.archive_problem,
        },
        "freeBytes": await asyncio.to_thread(_free, settings),
        "logBytes": status.file_bytes,
        "consumers": await _consumers(historian, status.streams, getattr(state, "consumer_lags", _nobody)),
        "timestamp": to_iso(now_us()),
    }
    return success(body)


def _policy(database: Any, organisation: str, default: Retention) -> Retention:
    with database.reading() as session:
        return resolved(session, organisation, default).default


def _tier(tier: TierReport, kept: Retention) -> dict[str, Any]:
    return {
        "tier": _NAMES[tier.tier],
        "files": tier.files,
        "rows": tier.rows,
        "bytes": tier.bytes,
        "bytesPerRow": tier.bytes / tier.rows if tier.rows else None,
        "oldest": _iso(tier.oldest),
        "newest": _iso(tier.newest),
        "keptDays": kept.days(tier.tier),
        "nextDropAt": _iso(tier.next_drop),
        "nextDropBytes": tier.next_drop_bytes,
    }


def _sums(report: StorageReport) -> dict[str, Any]:
    return {
        "samples": report.samples,
        "uncertainSamples": report.uncertain,
        "bytes": report.bytes,
        "bytesPerSample": report.bytes_per_sample(),
        "pinnedSamples": report.pinned,
        "unsealed": {"samples": report.unsealed, "bytes": report.unsealed_bytes},
        "full": report.full,
    }


_ROLES: Final = {"alarms": "alerts"}
"""Roles whose group in the log has another name."""


async def _nobody() -> dict[str, int]:
    return {}


async def _consumers(
    historian: Historian, streams: Sequence[StreamStatus], of_this_process: Callable[[], Awaitable[dict[str, int]]]
) -> list[dict[str, Any]]:
    """By group and stream, those that the log knows and those that keep no position there.

    What the historian has in memory is handled, though the log still keeps it.
    """
    found: dict[tuple[str, str], dict[str, Any]] = {}
    for stream in streams:
        for group in stream.groups:
            role = _ROLES.get(group.group, group.group)
            entry = found.setdefault((role, stream.stream), _entry(role, stream.stream))
            entry["partitions"] += 1
            entry["lag"] += group.lag
            entry["uncommitted"] += group.lag
    partitions = sum(stream.stream == SENSORS_DATA for stream in streams)
    for role, lag in (await of_this_process()).items():
        entry = found.setdefault((role, SENSORS_DATA), _entry(role, SENSORS_DATA) | {"partitions": partitions})
        entry["lag"] = lag
    if (own := found.get((GROUP, SENSORS_DATA))) is not None and historian.follows:
        own["lag"] = await historian.lag()
    return sorted(found.values(), key=lambda entry: (entry["group"], entry["stream"]))


def _entry(group: str, stream: str) -> dict[str, Any]:
    return {"group": group, "stream": stream, "partitions": 0, "lag": 0, "uncommitted": 0}


def _archive(settings: Any) -> dict[str, Any]:
    """Where the archive is, without what might be secret in its address."""
    url = getattr(settings, "archive_url", None)
    if url is None:
        return {"url": None, "afterDays": None, "keptDays": None}
    parts = urlsplit(url)
    shown = urlunsplit((parts.scheme, parts.netloc.rpartition("@")[2], parts.path, "", ""))
    return {"url": shown, "afterDays": settings.archive_after_days, "keptDays": settings.archive_keep_days}


def _free(settings: Any) -> int | None:
    """Bytes free where history lies, None when that is not known."""
    folder: Path | None = getattr(settings, "data_dir", None)
    return shutil.disk_usage(folder).free if folder is not None and folder.exists() else None


def _iso(at: int | None) -> str | None:
    return None if at is None else to_iso(at)
