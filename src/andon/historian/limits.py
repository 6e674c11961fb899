"""What one question may cost; each limit is a setting."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class QueryLimits:
    """`max_series`: signals in one question; `max_readings`, `max_buckets`, `max_points`: readings of one signal in
    one answer, `max_answer`: of all of them. `scan_rows`: samples read for one page when a filter drops most of them.

    `chart_rows`: samples that the points of a chart are picked from; beyond it minutes' and hours' extremes serve.
    `max_latest`, `max_top`: entries of those lists. `export_rows`: most rows of an export, 0 for any number;
    `excel_rows`: most rows of an Excel file; `exports`: exports at the same time.
    """

    max_series: int = 50
    max_readings: int = 10_000
    max_buckets: int = 5_000
    max_points: int = 5_000
    max_answer: int = 200_000
    scan_rows: int = 500_000
    chart_rows: int = 250_000
    max_latest: int = 10_000
    max_top: int = 1_000
    export_rows: int = 0
    excel_rows: int = 5_000_000
    exports: int = 4
