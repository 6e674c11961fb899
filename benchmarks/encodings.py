"""What each column of history costs in each encoding; the table of docs/adr/0006 is from here.

    python -m benchmarks.encodings [RECORDING.csv …]

An hour of the demo's machines, of sensors with noise in every bit, and of recordings (first column a timestamp, numbers
in the others).
"""

from __future__ import annotations

import csv
import random
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from andon.historian.rollup import rollup
from andon.historian.stores.columnar.encodings import DELTA, DICTIONARY, PLAIN, SPLIT, Encodings, encode
from andon.historian.stores.columnar.partfile import ROW_GROUP, PartFile, write_part
from andon.historian.stores.columnar.sorting import sorted_unique
from andon.historian.stores.columnar.tierfile import write_tier
from andon.kit.clock import US_PER_HOUR, US_PER_S, parse_timestamp
from andon.kit.samples import SampleBatch, concatenate
from andon.simulator.machines.looms import LoomFleet
from andon.simulator.machines.press import Press
from andon.simulator.machines.sensors import Sensor, SensorSpec

START = 1_736_589_600_000_000
SECONDS = 3_600
Signal = tuple[NDArray[np.int64], NDArray[np.float64]]


class Plant:
    """Signals with the times that machines give them: whole milliseconds, late by what their clocks' beats are."""

    def __init__(self) -> None:
        self._rng = np.random.default_rng(1)

    def times(self, count: int, interval_s: float) -> NDArray[np.int64]:
        """One beat after the other, each an exponential 1.2 ms late."""
        at = START + ((self._rng.uniform(0, interval_s) + np.arange(count) * interval_s) * US_PER_S).astype(np.int64)
        return (at + self._rng.exponential(1_200, count).astype(np.int64)) // 1_000 * 1_000

    def sensors(self, count: int, decimals: int) -> Iterator[Signal]:
        """Sensors like S1's, of 1 to 5 s."""
        for number in range(count):
            rng = random.Random(number)
            spec = SensorSpec(f"s{number}", "t", "c", "l", rng.choice([1, 2, 3, 4, 5]), 20, 80, 15, 85, decimals)
            sensor, readings = Sensor(spec, 0.02, rng), int(SECONDS / spec.interval_s)
            yield self.times(readings, spec.interval_s), np.array([sensor.next().value for _ in range(readings)])

    def looms(self, count: int) -> Iterator[Signal]:
        """Six signals of each loom, once a second with a common time."""
        fleet, everything = LoomFleet(count, seed=1), np.arange(count)
        rows = [fleet.advance(everything, START / US_PER_S + second) for second in range(SECONDS)]
        names = ("width", "temperature", "vibration", "tension", "picks_per_minute", "wear")
        columns = [np.array([getattr(row, name) for row in rows]) for name in names]
        for loom in range(count):
            times = self.times(SECONDS, 1.0)
            yield from ((times, column[:, loom]) for column in columns)

    def presses(self, count: int) -> Iterator[Signal]:
        """The press's numbers when they have changed, and every ten seconds."""
        for number in range(count):
            press, rows = Press(random.Random(number)), []
            for _ in range(SECONDS):
                press.step(1.0)
                rows.append([float(value) for value in press.values() if not isinstance(value, str)])
            times = self.times(SECONDS, 1.0)
            for column in np.array(rows).T:
                said = np.append(True, column[1:] != column[:-1])
                said[::10] = True
                yield times[said], column[said]

    def noise(self, count: int) -> Iterator[Signal]:
        """A level, and noise in every bit of the number."""
        for _ in range(count):
            times = self.times(1_400, SECONDS / 1_400)
            yield (
                times,
                self._rng.uniform(20, 80)
                + np.cumsum(self._rng.normal(0, 0.02, 1_400))
                + self._rng.normal(0, 0.4, 1_400),
            )

    def batch(self, signals: Iterator[Signal], received: int | None = None) -> SampleBatch:
        """Samples that arrive a few milliseconds later (or all at `received`), by tag, then time."""
        batches = []
        for tag, (times, values) in enumerate(signals, 1):
            late = self._rng.lognormal(7.2, 0.5, len(times)).astype(np.int64)
            arrived = times + late if received is None else np.full(len(times), received)
            tags, qualities = np.full(len(times), tag, np.int32), np.full(len(times), 192, np.uint8)
            batches.append(SampleBatch(tags, times, values, qualities, arrived))
        return sorted_unique(concatenate(batches))


def recording(path: Path) -> Iterator[Signal]:
    """The columns of numbers of a CSV file."""
    with path.open() as file:
        first = file.readline()
        rows = list(csv.reader(file, delimiter=";" if ";" in first else ","))
    times = np.array([parse_timestamp(row[0]) for row in rows], np.int64)
    yield from ((times, np.array([float(row[at]) for row in rows])) for at in range(1, len(rows[0])))


def entropy(batch: SampleBatch) -> float:
    """Bytes a point that the steps of times (ms) and of values (thousandths) carry, each step for itself."""
    inside = batch.tag_ids[1:] == batch.tag_ids[:-1]
    found = 0.0
    for column in (batch.timestamps // 1_000, np.round(batch.values * 1_000).astype(np.int64)):
        _, counts = np.unique(np.diff(column)[inside], return_counts=True)
        shares = counts / counts.sum()
        found -= float((shares * np.log2(shares)).sum()) / 8
    return found


def cost(column: pa.Array, encoding: str) -> str:
    """Bytes a value."""
    size = 0
    for at in range(0, len(column), ROW_GROUP):
        table = pa.table({"c": column.slice(at, ROW_GROUP)})
        chosen = Encodings(("c",), {}) if encoding == DICTIONARY else Encodings((), {"c": encoding})
        size += encode(table, chosen).sizes["c"]
    return f"{size / len(column):.2f}"


def columns(batch: SampleBatch) -> Iterator[Sequence[str]]:
    """Rows of a table: column, encoding, bytes a value."""
    times = pa.array(batch.timestamps)
    delays = pa.array((batch.received - batch.timestamps) // 1_000)
    candidates = {
        "timestamp in µs": (times, (DELTA, DICTIONARY, PLAIN)),
        "timestamp in ms": (pa.array(batch.timestamps // 1_000), (DELTA, DICTIONARY, PLAIN)),
        "value": (pa.array(batch.values), (DICTIONARY, SPLIT, PLAIN)),
        "delay_ms": (delays, (DELTA, DICTIONARY, PLAIN)),
        "quality": (pa.array(batch.qualities), (DICTIONARY,)),
        "tag_id": (pa.array(batch.tag_ids), (DICTIONARY, DELTA)),
    }
    for name, (column, encodings) in candidates.items():
        yield name, ", ".join(f"{encoding.lower()} {cost(column, encoding)}" for encoding in encodings)


def files(batch: SampleBatch, folder: Path) -> Iterator[Sequence[str]]:
    """The same as history writes it, with the time it takes."""
    count = len(batch)
    write_part(folder / "warm", batch, meta={})
    began = time.process_time()
    part = write_part(folder / "part", batch, meta={})
    written = time.process_time()
    minutes, hours = rollup(batch, 60 * US_PER_S), rollup(batch, US_PER_HOUR)
    rolled = time.process_time()
    tiers = [write_tier(folder / f"{at}", rows, meta={}) for at, rows in enumerate((minutes, hours))]
    opened = PartFile.open(folder / "part")
    reads = []
    for tag in part.tags[:: max(len(part.tags) // 50, 1)].tolist():
        began_read = time.perf_counter()
        opened.read(tag, 0, 1 << 62)
        reads.append(time.perf_counter() - began_read)
    encodings = {
        max(set(group.column(2).encodings) - {"RLE", "PLAIN"}, default="PLAIN")
        for group in (pq.read_metadata(folder / "part").row_group(at) for at in range(-(-count // (2 * ROW_GROUP))))
    }
    yield "part", f"{part.bytes / count:.2f} B a point, values in {' and '.join(sorted(encodings)).lower()}"
    yield "tiers", f"{tiers[0].bytes / count:.2f} and {tiers[1].bytes / count:.3f} B a point"
    yield (
        "CPU",
        f"write {(written - began) / count * 1e6:.2f} µs a point, roll up {(rolled - written) / count * 1e6:.2f}",
    )
    yield "one tag of it", f"read in {np.median(reads) * 1e3:.1f} ms"


def main() -> None:
    """Print a table for each kind of data."""
    plant = Plant()
    sets = {
        "500 sensors, 2 decimals": plant.batch(plant.sensors(500, 2)),
        "500 sensors, 1 decimal": plant.batch(plant.sensors(500, 1)),
        "100 looms": plant.batch(plant.looms(100)),
        "10 presses": plant.batch(plant.presses(10)),
        "500 sensors, noise in every bit": plant.batch(plant.noise(500)),
    }
    sets |= {Path(name).name: plant.batch(recording(Path(name)), received=START + 10**15) for name in sys.argv[1:]}
    for name, batch in sets.items():
        print(f"\n{name}: {len(batch)} points of {len(np.unique(batch.tag_ids))} tags, entropy {entropy(batch):.2f} B")
        with TemporaryDirectory() as folder:
            for row in (*columns(batch), *files(batch, Path(folder))):
                print(f"  {row[0]:16} {row[1]}")


if __name__ == "__main__":
    main()
