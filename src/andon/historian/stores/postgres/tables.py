"""Names of the tables, and the locks that are taken on their account."""

from __future__ import annotations

from typing import Final, Literal

from andon.historian.model import Source
from andon.kit.clock import US_PER_S

Tier = Literal["minute", "hour"]
MINUTE_US: Final = 60 * US_PER_S
SUMS: Final[dict[Tier, str]] = {"minute": "samples_1min", "hour": "samples_1h"}
TABLES: Final[dict[Source, str]] = {"raw": "samples", "minute": "samples_1min", "hour": "samples_1h"}

TIME_COLUMNS: Final[dict[Source, str]] = {"raw": "timestamp", "minute": "start", "hour": "start"}

SCHEMA_LOCK: Final = 0x616E646F6E02
"""Advisory lock of whoever changes tables."""
ROLL_LOCK: Final = 0x616E646F6E03
"""Shared by every write, exclusive for the moment in which the roller says what counts as late from now on."""
MAINTENANCE_LOCK: Final = 0x616E646F6E04
"""Held by the one process that maintains."""
