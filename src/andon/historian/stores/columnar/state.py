"""What the store is at this moment, and who still reads what it was before."""

from __future__ import annotations

import contextlib
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

from andon.historian.model import Source
from andon.historian.retention import RetentionPolicies
from andon.historian.stores.columnar.archive import Archive
from andon.historian.stores.columnar.catalogue import Catalogue, Entry
from andon.historian.stores.columnar.gate import Gate, GateLimits
from andon.historian.stores.columnar.layout import path_of
from andon.historian.stores.columnar.leaving import TRY_AGAIN_S, Leaving
from andon.historian.stores.columnar.limits import LocalStoreLimits
from andon.historian.stores.columnar.manifest import Change, Manifest
from andon.historian.stores.columnar.memory import Run, Runs
from andon.historian.stores.columnar.newest import Newest
from andon.historian.stores.columnar.openfiles import OpenFiles, Place
from andon.historian.stores.columnar.view import View
from andon.kit.samples import SampleBatch

Reached = Callable[[str], None]
"""Called at the points where a crash is tested: `before fsync`, `before manifest`, `before deletions`."""


class State:
    """Shared by the threads of a store; every change of it is made here, under the lock."""

    def __init__(
        self,
        folder: Path,
        limits: LocalStoreLimits,
        manifest: Manifest,
        clock: Callable[[], int],
        reached: Reached,
    ) -> None:
        self.folder = folder
        self.limits = limits
        self.clock = clock
        self.reached = reached
        self.gate = Gate(GateLimits(timeout_s=limits.archive_timeout_s), self._archive_there)
        self.files = OpenFiles(self._place, limits.open_files, limits.recent_bytes, self.gate)
        self.newest = Newest(manifest.newest())
        self.policies = RetentionPolicies()
        self.archive: Archive | None = None
        self._manifest = manifest
        self._lock = threading.Lock()
        self._runs = Runs()
        self._frozen = Runs()
        entries = manifest.entries()
        self._catalogue = Catalogue.of(entries)
        self._next_id = 1 + max((entry.id for entry in entries), default=0)
        self._durable = manifest.positions()
        self._taken = dict(self._durable)
        self._frozen_at: dict[int, int] = {}
        self._oldest_unsealed: int | None = None
        notes = manifest.notes()
        self._notes = notes
        self._gone: dict[Source, int] = {
            tier: int(notes[f"gone {tier}"]) for tier in ("raw", "minute", "hour") if f"gone {tier}" in notes
        }
        self._written = threading.local()
        self._generation = 0
        self._reading: Counter[int] = Counter()
        self._obsolete: list[tuple[int, Entry]] = []
        self._leaving = Leaving(manifest, self.gate)
        self._put_off: dict[int, float] = {}

    # Looking

    @contextlib.contextmanager
    def view(self) -> Iterator[View]:
        """History as it stands; its files stay until the block is left."""
        with self._lock:
            generation = self._generation
            self._reading[generation] += 1
            view = View((*self._frozen.runs, *self._runs.runs), self._catalogue, self.files, dict(self._gone))
        try:
            yield view
        finally:
            with self._lock:
                self._reading[generation] -= 1
                if not self._reading[generation]:
                    del self._reading[generation]

    @property
    def catalogue(self) -> Catalogue:
        """The files of now; they may be deleted at any time, except in the thread that deletes."""
        return self._catalogue

    @property
    def unsealed(self) -> Runs:
        """What is not in files."""
        with self._lock:
            return Runs((*self._frozen.runs, *self._runs.runs))

    @property
    def waiting(self) -> Runs:
        """What the next seal will take."""
        return self._runs

    def sealing(self) -> bool:
        """Whether a seal has begun and not ended."""
        return bool(self._frozen.runs)

    def unsealed_for_us(self) -> int:
        """How long the oldest sample has waited for a seal, µs; 0 when none waits."""
        with self._lock:
            if self._oldest_unsealed is None:
                return 0
            now = self.clock()
            # A clock that was set back would have it wait for as long again.
            self._oldest_unsealed = min(self._oldest_unsealed, now)
            return now - self._oldest_unsealed

    def note(self, name: str) -> str | None:
        """What was remembered under a name."""
        return self._notes.get(name)

    # Positions of the log

    def durable(self, partition: int) -> int:
        """The log may forget up to here."""
        with self._lock:
            if not self._runs.runs and not self._frozen.runs:
                return self._taken.get(partition, 0)
            return self._durable.get(partition, 0)

    def durable_positions(self) -> dict[int, int]:
        """`durable` of every partition that ever came."""
        return {partition: self.durable(partition) for partition in tuple(self._taken)}

    # Changing

    def take(self, batch: SampleBatch, position: int, partition: int) -> None:
        """Take samples in. Only one thread at a time calls it; a seal may begin meanwhile."""
        limits = self.limits
        while True:
            before = self._runs
            after = before.add(batch, limits.run_rows, limits.fan_out) if len(batch) else before
            with self._lock:
                if self._runs is not before:
                    continue
                self._runs = after
                self._taken[partition] = position
                if len(batch) and self._oldest_unsealed is None:
                    self._oldest_unsealed = self.clock()
                return

    def waits_for_seal(self) -> bool:
        """Whether anything is not in files."""
        with self._lock:
            return bool(self._runs.runs or self._frozen.runs)

    def freeze(self) -> SampleBatch | None:
        """What is to be sealed now, as one sorted batch; what comes from now on is not in it. None: nothing."""
        with self._lock:
            if self._runs.runs:
                # After a seal that failed its samples are sealed together with those that came since.
                self._frozen = Runs((*self._frozen.runs, *self._runs.runs))
                self._runs = Runs()
                self._frozen_at = dict(self._taken)
                self._oldest_unsealed = None
            frozen = self._frozen
        if not frozen.runs:
            return None
        whole = Run.of(frozen.whole(), 1)
        with self._lock:
            # While it is being written the samples are in memory once, not twice.
            self._frozen = Runs((whole,))
        return whole.batch

    def sealed(self, added: Iterable[Entry]) -> None:
        """The frozen samples are in these files: commit them."""
        added = list(added)
        positions, newest = dict(self._frozen_at), self.newest.changed()
        try:
            self._manifest.commit(Change(added=added, positions=positions, newest=newest))
        except BaseException:
            self.newest.failed(newest)
            raise
        self._written.paths = []
        with self._lock:
            self._catalogue = self._catalogue.changed(added, ())
            self._generation += 1
            self._frozen = Runs()
            self._durable.update(positions)

    def settle_positions(self) -> None:
        """With nothing unsealed, what was taken is durable: remember that (and the newest samples)."""
        with self._lock:
            if self._runs.runs or self._frozen.runs or self._taken == self._durable:
                return
            positions = dict(self._taken)
        newest = self.newest.changed()
        self._manifest.commit(Change(positions=positions, newest=newest))
        with self._lock:
            self._durable.update(positions)

    def remember(self, notes: dict[str, str]) -> None:
        """Keep notes."""
        self._manifest.commit(Change(notes=notes))
        with self._lock:
            self._notes.update(notes)

    def swap(self, added: Iterable[Entry], removed: Iterable[Entry], notes: dict[str, str] | None = None) -> None:
        """Files take the place of others: committed together, the others deleted once nobody reads them."""
        added, removed, notes = list(added), list(removed), notes or {}
        self.reached("before manifest")
        self._manifest.commit(Change(added=added, removed=removed, notes=notes))
        self._written.paths = []
        again = {entry.id for entry in added}
        gone = [entry for entry in removed if entry.id not in again]
        with self._lock:
            self._catalogue = self._catalogue.changed(added, removed)
            self._generation += 1
            self._obsolete.extend((self._generation, entry) for entry in gone)
            self._notes.update(notes)
            self._leaving.keep(entry.archive for entry in added if entry.archive is not None)
            for tier in ("raw", "minute", "hour"):
                if f"gone {tier}" in notes:
                    self._gone[tier] = int(notes[f"gone {tier}"])
        self.files.forget(gone)
        self.reached("before deletions")
        self.delete_obsolete()

    def delete_obsolete(self) -> None:
        """Delete the files that are no longer history and that nobody reads any more."""
        with self._lock:
            oldest = min(self._reading, default=self._generation)
            ready = [entry for generation, entry in self._obsolete if generation <= oldest]
            self._obsolete = [(generation, entry) for generation, entry in self._obsolete if generation > oldest]
        for entry in ready:
            if entry.archive is None:
                (self.folder / entry.path).unlink(missing_ok=True)
            else:
                self._leaving.add(entry.archive)
        self._leaving.sweep(self.archive)

    # The archive

    def put_off(self, day: int) -> None:
        """A day's file in the archive could not be had: leave that day alone for a while."""
        self._put_off[day] = time.monotonic() + TRY_AGAIN_S

    def waits_for_archive(self, day: int) -> bool:
        """Whether a day cannot be worked at now, because of what of it lies in the archive."""
        if all(part.archive is None for part in self._catalogue.of_day("raw", day)):
            return False
        return self.gate.away is not None or time.monotonic() < self._put_off.get(day, 0.0)

    def _archive_there(self) -> None:
        if self.archive is None:
            raise OSError("no archive is configured")
        self.archive.there()

    def new_file(self, tier: Source, slot: int, span: int) -> tuple[int, str]:
        """Number and path of the next file. This thread makes it history by `swap` or `sealed`, or gives it up."""
        id_ = self.new_id()
        path = path_of(tier, slot, span, id_)
        self._written.paths = [*getattr(self._written, "paths", []), path]
        return id_, path

    def give_up(self) -> None:
        """Delete the files that this thread has written and that did not become history."""
        for path in getattr(self._written, "paths", []):
            (self.folder / path).unlink(missing_ok=True)
        self._written.paths = []

    def new_id(self) -> int:
        """The number of the next file."""
        with self._lock:
            self._next_id += 1
            return self._next_id - 1

    def close(self) -> None:
        """Close the manifest."""
        self.gate.close()
        self._manifest.close()

    def _place(self, entry: Entry) -> Place:
        if entry.archive is not None:
            if self.archive is None:
                raise OSError(f"{entry.archive} lies in an archive, and no archive is configured")
            return self.archive.place(entry.archive)
        return self.folder / entry.path, None
