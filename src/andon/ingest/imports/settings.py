"""The limits of imports, each a setting."""

from __future__ import annotations

from dataclasses import dataclass

MIB = 1 << 20


@dataclass(frozen=True, slots=True)
class ImportSettings:
    """`part_bytes`, `part_samples`: most of one part. `max_open`: imports of an organisation that are not over;
    `expire_days`: those that nothing was sent to for so long are. `max_backlog`: records that the historian may be
    behind before parts wait, `patience_s`: for how long; also how long a finish waits for the historian.
    """

    part_bytes: int = 8 * MIB
    part_samples: int = 1_000_000
    max_open: int = 100
    max_parts: int = 1_000_000
    expire_days: float = 7.0
    max_backlog: int = 500
    patience_s: float = 20.0
    max_ahead_s: float = 60.0
    record_samples: int = 8_192
    record_text_bytes: int = MIB
