"""What history takes on the disk, and when it goes."""

from __future__ import annotations

from andon.historian.model import Source, StorageReport, TierReport
from andon.historian.stores.columnar.catalogue import TIERS, Entry
from andon.historian.stores.columnar.counting import unsealed_new
from andon.historian.stores.columnar.memory import Runs
from andon.historian.stores.columnar.state import State
from andon.kit.clock import US_PER_DAY


def report(state: State, full: str | None, archive_problem: str | None = None) -> StorageReport:
    """The storage report of now."""
    with state.view() as view:
        unsealed = Runs(view.runs)
        new, uncertain = unsealed_new(view, view.runs, state.limits.chunk_rows)
    catalogue = view.catalogue
    raw = list(catalogue.all("raw"))
    archived = [entry for entry in catalogue.everything() if entry.archive is not None]
    return StorageReport(
        tiers=tuple(_tier(state, tier, list(catalogue.all(tier))) for tier in TIERS),
        samples=sum(entry.rows - (entry.repeated or 0) for entry in raw) + new,
        uncertain=sum(entry.rows for entry in raw if entry.repeated is None) + uncertain,
        unsealed=unsealed.rows,
        unsealed_bytes=unsealed.bytes,
        pinned=sum(entry.rows for entry in raw if entry.pinned),
        archived_files=len(archived),
        archived_bytes=sum(entry.bytes for entry in archived),
        durable=state.durable_positions(),
        full=full,
        archive_problem=state.gate.away or archive_problem,
    )


def _tier(state: State, tier: Source, entries: list[Entry]) -> TierReport:
    here = [entry for entry in entries if entry.archive is None]
    kept = state.policies.default
    going = [entry for entry in entries if not entry.pinned]
    end = kept.next_end(tier, (end for entry in going for end in _ends(entry)), state.clock())
    return TierReport(
        tier=tier,
        files=len(here),
        rows=sum(entry.rows for entry in here),
        bytes=sum(entry.bytes for entry in here),
        oldest=min((entry.min_time for entry in entries), default=None),
        newest=max((entry.max_time for entry in entries), default=None),
        next_drop=kept.drop_at(tier, end),
        next_drop_bytes=sum(entry.bytes // len(_ends(entry)) for entry in going if end in _ends(entry)),
    )


def _ends(entry: Entry) -> range:
    """The ends of the days that it has something of; of a month's file, each is taken for as large as the others."""
    first, last = entry.min_time // US_PER_DAY, entry.max_time // US_PER_DAY
    return range((first + 1) * US_PER_DAY, (last + 1) * US_PER_DAY + 1, US_PER_DAY)
