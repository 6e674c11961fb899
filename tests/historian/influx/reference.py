"""History as a dictionary would keep it, where sums go on answering for the days of which samples were ever dropped."""

from __future__ import annotations

from collections.abc import Mapping

from andon.historian.model import Source
from andon.historian.retention import RetentionPolicies
from andon.kit.clock import US_PER_DAY, US_PER_HOUR
from historian.reference import MINUTE, Held, Reference

NEVER = -(1 << 62)
TIERS: tuple[Source, ...] = ("raw", "minute", "hour")


class FlooredReference(Reference):
    """`Reference` for a store that knows of each device up to when a tier was dropped. `devices`: by tag; the tags of
    one have the same policy.
    """

    def __init__(self, devices: Mapping[int, str]) -> None:
        super().__init__()
        self._devices = devices
        self._floors: dict[tuple[str, Source], int] = {}

    def retain(self, policies: RetentionPolicies, now: int) -> None:
        """Whole days go; a tier stays as long as the finer one would."""
        self.dropped = True
        for tag, samples in self.held.items():
            before = self._raised(tag, policies, now)
            for at, held in list(samples.items()):
                if held.tier == "raw" and at < before["raw"]:
                    held.tier = "minute"
                if held.tier == "minute" and at < before["minute"]:
                    held.tier = "hour"
                if held.tier == "hour" and at < before["hour"]:
                    del samples[at]

    def _raised(self, tag: int, policies: RetentionPolicies, now: int) -> dict[Source, int]:
        found: dict[Source, int] = {}
        finer = 1 << 62
        for tier in TIERS:
            cutoff = policies.of(tag).cutoff(tier, now)
            finer = found[tier] = min(finer, NEVER if cutoff is None else cutoff // US_PER_DAY * US_PER_DAY)
            self._floors[self._devices[tag], tier] = max(finer, self._floor(tag, tier))
        return found

    def _floor(self, tag: int, tier: Source) -> int:
        return self._floors.get((self._devices[tag], tier), NEVER)

    def within(self, tag: int, start: int, end: int) -> list[Held]:
        """See `Reference.within`; a sample that came late to a day that was dropped counts where its sum begins."""
        found = []
        for at, held in sorted(self.held.get(tag, {}).items()):
            width = {"raw": 1, "minute": MINUTE, "hour": US_PER_HOUR}[held.tier]
            if at < self._floor(tag, "raw"):
                width = max(width, MINUTE)
            if at < self._floor(tag, "minute"):
                width = US_PER_HOUR
            if start <= at // width * width < end:
                found.append(held)
        return found
