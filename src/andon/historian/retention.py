"""How long history is kept: raw samples and the sums of minutes and hours, each for its own time. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Final

from andon.historian.model import Source
from andon.kit.clock import US_PER_DAY


@dataclass(frozen=True, slots=True)
class Retention:
    """Days that each tier is kept; None is for ever."""

    raw_days: float | None = 7
    minute_days: float | None = 90
    hour_days: float | None = 730

    def days(self, tier: Source) -> float | None:
        """Days of one tier."""
        return {"raw": self.raw_days, "minute": self.minute_days, "hour": self.hour_days}[tier]

    def cutoff(self, tier: Source, now: int) -> int | None:
        """µs UTC: what is older goes; None when nothing does."""
        days = self.days(tier)
        return None if days is None else now - round(days * US_PER_DAY)

    def next_end(self, tier: Source, ends: Iterable[int], now: int) -> int | None:
        """The end (µs UTC) of the part that goes next, of parts that end at `ends`; None when none of them does.

        A part that is over its age and still there is kept for other reasons, or goes any minute.
        """
        cutoff = self.cutoff(tier, now)
        return None if cutoff is None else min((end for end in ends if end > cutoff), default=None)

    def drop_at(self, tier: Source, end: int | None) -> int | None:
        """When a part that ends at `end` goes (µs UTC)."""
        days = self.days(tier)
        return None if days is None or end is None else end + round(days * US_PER_DAY)

    def with_archive(self, after_days: float, keep_days: float | None) -> Retention:
        """Where samples move to an archive when they are `after_days` old: what gets that far is kept for `keep_days`.

        Those that are kept for longer than that, or not long enough to move, are kept as they are.
        """
        if self.raw_days is None or self.raw_days <= after_days:
            return self
        return replace(self, raw_days=None if keep_days is None else max(self.raw_days, keep_days))


FOR_EVER: Final = -(1 << 63)
"""Before any timestamp."""
PRESETS: Final[Mapping[str, Retention]] = MappingProxyType(
    {"s2": Retention(), "s1": Retention(90, 90, 365), "keep": Retention(None, None, None)}
)
"""`s2`: 7 days, 90 days, 2 years (the default). `s1`: 90 days of samples, a year of hours. `keep`: everything."""


@dataclass(frozen=True, slots=True)
class RetentionPolicies:
    """The default, and what differs from it: by tag id, organisations' overrides already resolved to their tags."""

    default: Retention = field(default_factory=Retention)
    tags: Mapping[int, Retention] = field(default_factory=dict)

    def of(self, tag_id: int) -> Retention:
        """What holds for a tag."""
        return self.tags.get(tag_id, self.default)

    def with_archive(self, after_days: float, keep_days: float | None) -> RetentionPolicies:
        """See `Retention.with_archive`."""
        tags = {tag: each.with_archive(after_days, keep_days) for tag, each in self.tags.items()}
        return RetentionPolicies(self.default.with_archive(after_days, keep_days), tags)

    def first_kept(self, tier: Source, now: int) -> dict[Retention, int]:
        """Where the first day begins of which the default, and each that differs from it, keeps a tier, µs UTC.

        Retention drops whole days: those that ended before the cutoff.
        """
        cutoffs = {each: each.cutoff(tier, now) for each in {self.default, *self.tags.values()}}
        return {each: FOR_EVER if at is None else at // US_PER_DAY * US_PER_DAY for each, at in cutoffs.items()}

    def oldest(self, tier: Source, now: int) -> int | None:
        """The cutoff that no tag's lies before: everything older may go as a whole. None when some tag is kept."""
        cutoffs = [each.cutoff(tier, now) for each in {self.default, *self.tags.values()}]
        known = [cutoff for cutoff in cutoffs if cutoff is not None]
        return min(known) if len(known) == len(cutoffs) else None


@dataclass(frozen=True, slots=True)
class Dropped:
    """What retention took away: a tier's rows in [start, end), in µs UTC, and the bytes that this freed."""

    tier: Source
    start: int
    end: int
    rows: int
    bytes: int


def with_days(base: Retention, **days: float | None) -> Retention:
    """The retention with some tiers' days changed."""
    return replace(base, **days)
