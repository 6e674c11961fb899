"""The limits of the columnar store, each a setting."""

from __future__ import annotations

from dataclasses import dataclass

from andon.kit.clock import US_PER_S

MIB = 1 << 20


@dataclass(frozen=True, slots=True)
class LocalStoreLimits:
    """Bounds in samples, bytes and seconds.

    `unsealed_samples`, `unsealed_bytes`, `seal_interval_s`: memory goes into files when any of them is reached; twice
    the samples or bytes, and writes wait. `min_free_bytes`: nothing is written to a disk that has less than this left.
    `late_window_s`: an hour or a day is merged so long after its end. `merge_parts`: parts of an hour that is not over
    yet, and late parts of a day, are merged when they are so many. `chunk_rows`: samples that a merge holds at a time.
    `roll_rows`: samples of an hour that is not over, in new parts and still in memory, of which no sums are made yet.
    `day_file_bytes`: hours of a day, or days of a month, that are larger together stay files of their own.
    `month_after_days`: the hours of a month become one file so long after its end; until then questions about all
    signals of one of its days, which are mostly about the last ones, read that day's file.
    `rewrite_share`: late samples are merged into their day once they are this part of it, or `rewrite_after_s` old.
    `readers`: queries at the same time. `open_files`: files kept open. `recent_bytes`: newest parts also kept in
    memory. `run_rows`, `fan_out`: unsealed batches are folded into sorted runs of at least `run_rows`, then into
    larger ones, `fan_out` at a time. `statistics_samples`: beyond it percentiles come from the minutes' means.
    `archive_after_days`: when samples move to the archive, if there is one, and `archive_keep_days` how long they are
    kept then, None for ever; `archive_timeout_s`: longest wait for an answer of it.
    `maintenance`: whether files are merged and dropped in the background; tests do that themselves.
    """

    unsealed_samples: int = 1_000_000
    unsealed_bytes: int = 48 * MIB
    seal_interval_s: float = 300.0
    min_free_bytes: int = 128 * MIB
    late_window_s: float = 120.0
    merge_parts: int = 8
    roll_rows: int = 200_000
    chunk_rows: int = 131_072
    day_file_bytes: int = 2048 * MIB
    month_after_days: float = 7.0
    rewrite_share: float = 0.1
    rewrite_after_s: float = 6 * 3600.0
    readers: int = 3
    open_files: int = 512
    recent_bytes: int = 32 * MIB
    run_rows: int = 16_384
    fan_out: int = 8
    statistics_samples: int = 5_000_000
    archive_after_days: float = 3.0
    archive_keep_days: float | None = None
    archive_timeout_s: float = 10.0
    maintenance: bool = True
    maintenance_interval_s: float = 1.0

    @property
    def late_window_us(self) -> int:
        """`late_window_s` in µs."""
        return round(self.late_window_s * US_PER_S)
