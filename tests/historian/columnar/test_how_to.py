"""The examples of open-history-with-pandas-or-duckdb.md run, as they stand there, on what the store wrote."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import pytest_asyncio

from andon.historian.stores.columnar.limits import LocalStoreLimits
from andon.historian.stores.columnar.store import LocalStore
from andon.historian.stores.columnar.tagfile import write_tags
from andon.kit.samples import Row, SampleBatch
from historian.support import device, tag

PAGE = Path(__file__).parents[3] / "docs/how-to/open-history-with-pandas-or-duckdb.md"
EXAMPLES = re.findall(r"```python\n(.*?)```", PAGE.read_text(), re.DOTALL)
NOON = 1_795_176_000_000_000  # 2026-11-20T12:00:00Z
S = 1_000_000
SPEED, VIBRATION, STATE = 1, 3, 4


@pytest_asyncio.fixture
async def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """A store that runs, with a loom's afternoon in files, some of it in two."""
    monkeypatch.chdir(tmp_path)
    folder = tmp_path / "andon-data/history"
    store = LocalStore.open(folder, LocalStoreLimits(maintenance=False), clock=lambda: NOON + 7_200 * S)
    loom = device(
        "loom-001",
        [tag(SPEED, "loom-001", "speed"), tag(VIBRATION, "loom-001", "vibration"), tag(STATE, "loom-001", "state")],
    )
    write_tags(folder, [loom])
    rows: list[Row] = []
    for second in range(3_600):
        at = NOON + second * S
        rows += [
            (SPEED, at, 600.0, 192, at + 2_000),
            (VIBRATION, at, second % 10 / 10, 192 if second else 0, at + 2_000),
        ]
    rows.append((STATE, NOON, "running", 192, NOON))
    await store.write(SampleBatch.from_rows(rows), 1)
    await store.seal()
    await store.maintain(everything=True)
    corrected = [(VIBRATION, NOON + 10 * S, 7.5, 192, NOON + 90 * S), (SPEED, NOON + 1, 1.0, 192, NOON)]
    await store.write(SampleBatch.from_rows(corrected), 2)
    await store.seal()
    yield store
    await store.close()


def run(example: int) -> dict[str, Any]:
    """The names that an example leaves."""
    names: dict[str, Any] = {}
    exec(EXAMPLES[example], names)
    return names


def test_there_is_an_example_for_each_test() -> None:
    assert len(EXAMPLES) == 5


@pytest.mark.usefixtures("store")
def test_duckdb_shows_a_day_of_a_device() -> None:
    readings = run(0)["readings"]
    assert len(readings) == 3_601 + 3_600 + 1
    assert readings.tag.unique().tolist() == ["speed", "state", "vibration"]
    assert str(readings.timestamp.dt.tz) in ("UTC", "Etc/UTC")


@pytest.mark.usefixtures("store")
def test_duckdb_reads_the_hours() -> None:
    hours = run(1)["hours"]
    assert hours.device.tolist() == ["loom-001"]
    values = np.arange(3_600) % 10 / 10
    assert hours["mean"].tolist() == pytest.approx([values[1:].mean()])
    assert hours.sd.tolist() == pytest.approx([values[1:].std(ddof=1)])
    assert hours.good_share.tolist() == pytest.approx([3_599 / 3_600])


async def test_of_an_hour_that_got_more_samples_the_whole_sum_counts(store: LocalStore) -> None:
    late = (VIBRATION, NOON + 3_599 * S + 1, 9.0, 192, NOON + 5_000 * S)
    await store.write(SampleBatch.from_rows([late]), 3)
    await store.seal()
    await store.maintain()
    hours = run(1)["hours"]
    values = np.append(np.arange(3_600) % 10 / 10, 9.0)
    values[10] = 7.5
    assert hours.device.tolist() == ["loom-001"]
    assert hours["mean"].tolist() == pytest.approx([values[1:].mean()])


@pytest.mark.usefixtures("store")
def test_pandas_reads_a_signal() -> None:
    names = run(2)
    assert len(names["day"]) == 3_601  # the corrected sample twice
    assert len(names["ten_minutes"]) == 6


@pytest.mark.usefixtures("store")
def test_pyarrow_reads_files_in_ms_and_in_us_together() -> None:
    newest = run(3)["newest"]
    assert len(newest) == 3_601
    assert newest.schema.field("timestamp").type.unit == "us"


@pytest.mark.usefixtures("store")
def test_of_two_files_the_newer_one_counts() -> None:
    exact = run(4)["exact"]
    assert len(exact) == 3_601 + 3_600 + 1
    corrected = exact[(exact.tag_id == VIBRATION)].value.tolist()
    assert corrected[9:12] == [0.9, 7.5, 0.1]


async def test_a_number_that_was_corrected_to_a_text_is_gone(store: LocalStore) -> None:
    await store.write(SampleBatch.from_rows([(VIBRATION, NOON + 10 * S, "stuck", 0, NOON + 95 * S)]), 3)
    await store.seal()
    exact = run(4)["exact"]
    sample = exact[(exact.tag_id == VIBRATION)].iloc[10]
    assert (np.isnan(sample.value), sample.quality) == (True, 0)
