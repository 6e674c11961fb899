"""Whatever comes in whatever order, whatever is sealed, merged, dropped or interrupted meanwhile: the store holds
what a dictionary would hold."""

from __future__ import annotations

import tempfile
from collections.abc import Coroutine
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import invariant, precondition, rule

from andon.historian.retention import Retention, RetentionPolicies
from andon.historian.stores.columnar.archive import Archive, ArchiveOptions
from andon.historian.stores.columnar.limits import LocalStoreLimits
from andon.historian.stores.columnar.store import LocalStore
from andon.kit.clock import US_PER_DAY
from historian.machine import (
    A_TAG,
    ALL,
    RETENTIONS,
    STEPS,
    TEXTS,
    TIMES,
    CrashError,
    StoreAgainstADictionary,
    T,
    as_batch,
    rows_of,
)
from historian.reference import Reference, Row

CRASHES = st.sampled_from((None, None, "before fsync", "before manifest", "before deletions"))


class LocalStoreAgainstADictionary(StoreAgainstADictionary):
    """Batches with duplicates, corrections and late samples; seals, compactions, retention, restarts and crashes; days
    that move to an archive."""

    store: LocalStore

    def __init__(self) -> None:
        super().__init__()
        self.folder = tempfile.TemporaryDirectory()
        self.reference = Reference()
        self.open()

    # The world around it

    def open(self) -> None:
        # Small limits: several merges in few steps.
        limits = LocalStoreLimits(
            maintenance=False,
            chunk_rows=5,
            merge_parts=3,
            fan_out=2,
            run_rows=8,
            recent_bytes=600,
            month_after_days=0,
            archive_after_days=1_000,  # retention is what it is without an archive
        )
        self.crashed = False
        self.crash_at: str | None = None
        folder = Path(self.folder.name)
        self.store = LocalStore.open(
            folder / "history",
            limits,
            clock=lambda: self.now,
            reached=self.reached,
            archive=Archive.open(ArchiveOptions(str(folder / "archive"))),
        )

    def reached(self, point: str) -> None:
        if self.crashed or point == self.crash_at:
            self.crashed = True
            raise CrashError(point)

    def come_back(self) -> None:
        self.store.abandon()
        self.open()
        self.replay()

    def teardown(self) -> None:
        super().teardown()
        self.folder.cleanup()

    def write(self, rows: list[Row]) -> None:
        durable = self.run(self.store.write(as_batch(rows), len(self.log)))
        assert durable <= len(self.log)
        self.reference.write(rows)

    def may_crash(self, work: Coroutine[Any, Any, T]) -> T | None:
        try:
            return self.run(work)
        except Exception:
            if not self.crashed:
                raise
            self.come_back()
            return None
        finally:
            self.crash_at = None

    # What happens to it

    @rule(rows=rows_of(TEXTS))
    def deliver(self, rows: list[Row]) -> None:
        self.log.append(rows)
        self.write(rows)

    @rule(count=st.integers(1, 3))
    def deliver_the_last_batches_again(self, count: int) -> None:
        again = self.log[-count:]
        if all(self.reference.has_sample(row[0], row[1]) for rows in again for row in rows):
            for rows in again:
                self.write(rows)

    @rule(tag=A_TAG, at=TIMES, count=st.integers(20, 60), step=STEPS)
    def deliver_many(self, tag: int, at: int, count: int, step: int) -> None:
        self.deliver([(tag, at + i * step, float(i % 13), 192, at + i * step + 700, False) for i in range(count)])

    @rule(crash=CRASHES)
    def seal(self, crash: str | None) -> None:
        self.crash_at = crash
        self.may_crash(self.store.seal())

    @rule(crash=CRASHES, everything=st.booleans())
    def maintain(self, crash: str | None, everything: bool) -> None:
        self.crash_at = crash
        self.may_crash(self.store.maintain(everything))

    @rule(days=st.sampled_from([0, 1, 1, 2]), crash=CRASHES)
    def archive(self, days: int, crash: str | None) -> None:
        self.crash_at = crash
        self.may_crash(self.store.archive_days(self.now - days * US_PER_DAY))

    @rule()
    def restart(self) -> None:
        self.run(self.store.close())
        self.open()
        assert self.run(self.store.position()) == len(self.log)

    @rule()
    def be_killed(self) -> None:
        self.come_back()

    @rule(default=RETENTIONS, other=RETENTIONS, tags=st.sets(A_TAG, max_size=2), crash=CRASHES)
    def retain(self, default: Retention, other: Retention, tags: set[int], crash: str | None) -> None:
        self.run(self.store.seal())
        self.run(self.store.maintain())
        policies = RetentionPolicies(default, dict.fromkeys(tags, other))
        self.crash_at = crash
        crashed = self.may_crash(self.store.retain(policies, self.now)) is None
        if crashed:
            self.run(self.store.retain(policies, self.now))
        self.reference.retain(policies, self.now)

    # What it must answer, beyond what all stores must

    @invariant()
    def it_knows_how_many_it_holds_and_where_it_stands(self) -> None:
        report = self.run(self.store.storage())
        assert report.samples - report.uncertain <= len(self.reference) <= report.samples
        assert self.run(self.store.size()).samples == report.samples
        assert self.run(self.store.position()) <= len(self.log)
        rows = self.run(self.store.rows(self.tags, *ALL))
        assert rows >= len(self.reference)

    @precondition(lambda self: self.log)
    @rule()
    def once_all_is_merged_nothing_is_held_twice(self) -> None:
        self.run(self.store.seal())
        self.run(self.store.maintain(True))
        assert self.run(self.store.position()) == len(self.log)
        assert self.run(self.store.size()).samples == len(self.reference)
        assert self.run(self.store.rows(self.tags, *ALL)) == len(self.reference)
        report = self.run(self.store.storage())
        assert (report.samples, report.uncertain, report.unsealed) == (len(self.reference), 0, 0)


TestStore = LocalStoreAgainstADictionary.TestCase
TestStore.settings = settings(max_examples=30, stateful_step_count=25, suppress_health_check=[HealthCheck.too_slow])
