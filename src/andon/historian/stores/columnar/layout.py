"""Names of the files: `raw/2026-11-20/10h-00000123.parquet`, `minute/2026-11-20/day-00000124.parquet`,
`hour/2026-10/month-00000125.parquet`."""

from __future__ import annotations

import os
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from pathlib import Path

from andon.historian.model import Source
from andon.historian.stores.columnar.catalogue import TIERS
from andon.kit.clock import US_PER_DAY, US_PER_HOUR

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def path_of(tier: Source, slot: int, span: int, id_: int, kind: str = "") -> str:
    """Path under the history's folder, with slashes."""
    date = (_EPOCH + timedelta(days=slot // US_PER_DAY)).date().isoformat()
    if span > US_PER_DAY:
        date, name = date[: len("2026-11")], "month"
    else:
        name = "day" if span > US_PER_HOUR else f"{slot % US_PER_DAY // US_PER_HOUR:02d}h"
    return f"{tier}/{date}/{name}{kind}-{id_:08d}.parquet"


def remove_strangers(folder: Path, known: Iterable[str]) -> int:
    """Delete what a crash left behind in the tiers' folders: files that the manifest does not know."""
    keep = set(known)
    found = 0
    for tier in TIERS:
        for path in sorted((folder / tier).rglob("*"), reverse=True):
            if path.is_dir():
                _remove_empty(path)
            elif path.relative_to(folder).as_posix() not in keep:
                path.unlink()
                found += 1
    return found


def _remove_empty(folder: Path) -> None:
    if not any(os.scandir(folder)):
        folder.rmdir()
