"""The limits of the embedded log, each a setting."""

from __future__ import annotations

from dataclasses import dataclass

from andon.kit.clock import US_PER_DAY

MIB = 1 << 20


@dataclass(frozen=True, slots=True)
class LogLimits:
    """Bounds in bytes, records and seconds.

    `queue_bytes`: appends wait when more than this is waiting for the disk.
    `group_bytes`: most that one transaction writes.
    `tail_bytes`, `tail_records`: newest part of each stream kept in memory for live readers.
    `retain_bytes`, `retain_us`: per stream; older records go, unless a group has yet to handle them.
    `max_file_bytes`: the file never grows beyond it (None: as large as the disk lets it).
    `min_free_bytes`: appends are refused while the disk has less than this left.
    `commit_delay_s`: how long a committed position may wait to be written.
    """

    queue_bytes: int = 16 * MIB
    group_bytes: int = 8 * MIB
    max_record_bytes: int = 16 * MIB
    tail_bytes: int = 8 * MIB
    tail_records: int = 8192
    retain_bytes: int = 2048 * MIB
    retain_us: int = 7 * US_PER_DAY
    max_file_bytes: int | None = None
    min_free_bytes: int = 128 * MIB
    commit_delay_s: float = 0.5
    retention_check_s: float = 10.0
    max_streams: int = 64
    max_groups: int = 256
