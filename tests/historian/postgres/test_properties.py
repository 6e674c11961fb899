"""Whatever comes in whatever order, whatever is summed up, dropped or interrupted meanwhile, and whoever else writes:
the store on PostgreSQL holds what a dictionary would hold."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Coroutine
from typing import Any

import psycopg
import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import invariant, rule, run_state_machine_as_test

from andon.historian.retention import Retention, RetentionPolicies
from andon.historian.stores.postgres.store import PostgresLimits, PostgresStore
from andon.kit.clock import US_PER_HOUR
from historian.machine import (
    A_TAG,
    ALL,
    RETENTIONS,
    STEPS,
    TIMES,
    CrashError,
    StoreAgainstADictionary,
    as_batch,
    rows_of,
)
from historian.postgres.reference import PartitionedReference
from historian.reference import Row
from support.servers import Postgres

# PostgreSQL holds no NUL in a text.
ROWS = rows_of(st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=5))
WRITING = ("appended", "upserted", "before commit", "after commit")
ROLLING = ("declared", "minutes stored", "hours stored", "advanced", "stale summed up")


class PostgresAgainstADictionary(StoreAgainstADictionary):
    """Batches with duplicates, corrections and late samples; maintenance, retention, restarts, crashes, takeovers."""

    store: PostgresStore
    reference: PartitionedReference

    def __init__(self, server: Postgres) -> None:
        super().__init__()
        self.server = server
        self.name = f"test_{uuid.uuid4().hex[:12]}"
        with psycopg.connect(server.url, autocommit=True) as connection:
            connection.execute(f"CREATE DATABASE {self.name}")
        self.reference = PartitionedReference()
        self.elsewhere = 0  # position of other partitions of the log
        self.crash_at: str | None = None
        self.store, self.other = self.opened(), self.opened()
        self.known_to_the_other = 0

    # The world around it

    def opened(self) -> PostgresStore:
        limits = PostgresLimits(connections=3)
        return PostgresStore.open(
            self.server.url_of(self.name),
            limits=limits,
            clock=lambda: self.now,
            maintenance=False,
            reached=self.reached,
        )

    def reached(self, point: str) -> None:
        if point == self.crash_at:
            self.crash_at = None
            raise CrashError(point)

    def come_back(self) -> None:
        self.crash_at = None
        self.store.abandon()
        self.store = self.opened()
        self.replay()

    def teardown(self) -> None:
        self.run(self.other.close())
        super().teardown()
        with psycopg.connect(self.server.url, autocommit=True) as connection:
            connection.execute(f"DROP DATABASE {self.name} WITH (FORCE)")

    def may_crash(self, work: Coroutine[Any, Any, object]) -> bool:
        try:
            self.run(work)
        except CrashError:
            self.come_back()
            return True
        finally:
            self.crash_at = None
        return False

    def some_are_gone(self, tag: int, start: int, end: int) -> bool:
        return not self.reference.complete(tag, start, end)

    # What happens to it

    @rule(rows=ROWS, crash=st.sampled_from((None, None, None, *WRITING)))
    def deliver(self, rows: list[Row], crash: str | None) -> None:
        self.log.append(rows)
        self.reference.write(rows)
        self.crash_at = crash
        self.may_crash(self.store.write(as_batch(rows), len(self.log)))

    @rule(batches=st.lists(ROWS, min_size=2, max_size=3))
    def deliver_from_several_partitions_at_once(self, batches: list[list[Row]]) -> None:
        async def together() -> None:
            work = (self.store.write(as_batch(rows), self.elsewhere, i) for i, rows in enumerate(batches, 10))
            await asyncio.gather(*work)

        self.elsewhere += 1
        self.run(together())
        for rows in batches:
            self.reference.write(rows)

    @rule(count=st.integers(1, 3))
    def deliver_the_last_batches_again(self, count: int) -> None:
        for rows in self.log[-count:]:
            self.run(self.store.write(as_batch(rows), len(self.log)))
            self.reference.write(rows)

    @rule(tag=A_TAG, at=TIMES, count=st.integers(20, 60), step=STEPS)
    def deliver_many(self, tag: int, at: int, count: int, step: int) -> None:
        rows = [(tag, at + i * step, float(i % 13), 192, at + i * step + 700, False) for i in range(count)]
        self.deliver(rows, None)

    @rule()
    def another_process_takes_over(self) -> None:
        self.store, self.other = self.other, self.store
        self.known_to_the_other = len(self.log)
        assert self.run(self.store.position()) == len(self.log)

    @rule()
    def the_one_that_was_stopped_writes_what_it_had_in_hand(self) -> None:
        rows = self.log[self.known_to_the_other : self.known_to_the_other + 1]
        if rows:
            self.known_to_the_other += 1
            self.run(self.other.write(as_batch(rows[0]), self.known_to_the_other))

    @rule(crash=st.sampled_from((None, None, *ROLLING)))
    def maintain(self, crash: str | None) -> None:
        self.crash_at = crash
        self.may_crash(self.store.maintain())

    @rule()
    def weeks_go_by(self) -> None:
        self.now += 24 * 20 * US_PER_HOUR

    @rule()
    def restart(self) -> None:
        self.run(self.store.close())
        self.store = self.opened()
        assert self.run(self.store.position()) == len(self.log)

    @rule()
    def be_killed(self) -> None:
        self.come_back()

    @rule(
        default=RETENTIONS,
        other=RETENTIONS,
        tags=st.sets(A_TAG, max_size=2),
        crash=st.sampled_from((None, None, "retained", *ROLLING)),
    )
    def retain(self, default: Retention, other: Retention, tags: set[int], crash: str | None) -> None:
        policies = RetentionPolicies(default, dict.fromkeys(tags, other))
        self.crash_at = crash
        self.may_crash(self.store.retain(policies, self.now))
        self.run(self.store.retain(policies, self.now))
        self.reference.retain(policies, self.now)

    # What it must answer, beyond what all stores must

    @invariant()
    def it_knows_how_many_it_holds_and_where_it_stands(self) -> None:
        assert self.run(self.store.size()).samples == len(self.reference)
        assert self.run(self.store.rows(self.tags, *ALL)) == len(self.reference)
        assert self.run(self.store.position()) == len(self.log)


@pytest.mark.timeout(600)
def test_it_holds_what_a_dictionary_holds(server: Postgres) -> None:
    run_state_machine_as_test(  # type: ignore[no-untyped-call]
        lambda: PostgresAgainstADictionary(server),
        settings=settings(max_examples=15, stateful_step_count=25, suppress_health_check=[HealthCheck.too_slow]),
    )
