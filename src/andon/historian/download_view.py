"""What the endpoints of prepared exports answer."""

from __future__ import annotations

from typing import Any, Literal

from andon.historian.downloads import Download
from andon.kit.clock import to_iso
from andon.kit.contract import Answer, example

_DOWNLOAD: dict[str, Any] = {
    "id": "019a9c1e-7c55-7c52-9a53-0c4b3c8a5f10",
    "fileName": "history_2025-01-04_2025-01-11.csv",
    "state": "running",
    "rowsTotal": 1_209_600,
    "rows": 400_000,
    "bytes": 28_000_000,
    "expiresAt": "2025-01-11T10:01:00.000Z",
}


class DownloadView(Answer):
    """An export. `rowsTotal` is about how many rows will come; `rows` and `bytes` were sent. A `ready` one that nobody
    fetches until `expiresAt` is `expired`.
    """

    model_config = example(_DOWNLOAD)

    id: str
    file_name: str
    state: Literal["ready", "running", "finished", "stopped", "failed", "expired"]
    rows_total: int
    rows: int
    bytes: int
    expires_at: str


class PreparedDownload(DownloadView):
    """An export to fetch from `path`, once."""

    model_config = example(
        {**_DOWNLOAD, "state": "ready", "rows": 0, "bytes": 0, "path": "/api/v1/history/exports/019a…/file?ticket=…"}
    )

    path: str


class ExportSize(Answer):
    """About how many rows, of how many signals."""

    model_config = example({"rows": 1_209_600, "series": 2})

    rows: int
    series: int


def download_view(download: Download) -> dict[str, Any]:
    """An export as the API shows it; its ticket is no part of it."""
    return {
        "id": download.id,
        "fileName": download.file_name,
        "state": download.state,
        "rowsTotal": download.rows_total,
        "rows": download.rows,
        "bytes": download.bytes,
        "expiresAt": to_iso(download.expires_at),
    }
