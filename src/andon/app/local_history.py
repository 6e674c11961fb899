"""History on this machine: opened from the settings, and what is done beside it while the historian runs."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator

from andon.app.settings import Settings
from andon.historian.port import HistoryStore
from andon.historian.stores.columnar.archive import Archive, ArchiveOptions
from andon.historian.stores.columnar.limits import LocalStoreLimits
from andon.historian.stores.columnar.store import LocalStore
from andon.historian.stores.columnar.tagfile import keep_tags
from andon.kit.clock import US_PER_DAY, now_us
from andon.kit.errors import UnavailableError
from andon.kit.outage import Outage
from andon.kit.tasks import end_tasks
from andon.registry.directory import Directory

logger = logging.getLogger(__name__)
_ARCHIVE_EVERY_S = 3_600.0
_AFTER_A_FAILURE_S = 60.0
_LOOK_EVERY_S = 60.0


def open_local_history(settings: Settings) -> LocalStore:
    """The files under `<data-dir>/history`. StartError when they, or the archive, cannot be."""
    limits = LocalStoreLimits(
        unsealed_samples=settings.unsealed_samples,
        seal_interval_s=settings.seal_interval_s,
        late_window_s=settings.late_window_s,
        min_free_bytes=settings.min_free_bytes,
        statistics_samples=settings.statistics_samples,
        archive_after_days=settings.archive_after_days,
        archive_keep_days=settings.archive_keep_days,
        archive_timeout_s=settings.archive_timeout_s,
    )
    return LocalStore.open(settings.data_dir / "history", limits, archive=_archive(settings))


def _archive(settings: Settings) -> Archive | None:
    if settings.archive_url is None:
        return None
    secret = settings.archive_secret_key
    return Archive.open(
        ArchiveOptions(
            settings.archive_url,
            endpoint=settings.archive_endpoint,
            region=settings.archive_region,
            access_key=settings.archive_access_key,
            secret_key=secret.get_secret_value() if secret else None,
        )
    )


@contextlib.asynccontextmanager
async def beside_history(store: HistoryStore, directory: Directory, settings: Settings) -> AsyncIterator[None]:
    """Names of the tags for other programs, and the move of old days into the archive; for files on this machine."""
    tasks = []
    if isinstance(store, LocalStore):
        tasks.append(asyncio.create_task(keep_tags(store.folder, directory), name="tag names"))
        if settings.archive_url is not None:
            tasks.append(asyncio.create_task(_archiving(store, settings.archive_after_days), name="archive"))
            tasks.append(asyncio.create_task(_looking(store), name="look for the archive"))
    try:
        yield
    finally:
        await end_tasks(*tasks)


async def _archiving(store: LocalStore, after_days: float) -> None:
    outage = Outage(logger, "the archive takes nothing, old days stay here", "the archive takes old days again")
    while True:
        try:
            moved = await store.archive_days(now_us() - round(after_days * US_PER_DAY))
        except UnavailableError as error:
            outage.begin(error.message)
        else:
            outage.end()
            if moved:
                logger.info("files of old days were moved to the archive", extra={"files": moved})
        await asyncio.sleep(_AFTER_A_FAILURE_S if outage.reason is not None else _ARCHIVE_EVERY_S)


async def _looking(store: LocalStore) -> None:
    """Most questions need nothing of the archive: health would learn weeks later that its disk is gone."""
    while True:
        await asyncio.sleep(_LOOK_EVERY_S)
        await store.look_for_archive()
