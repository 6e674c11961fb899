"""Recordings in files: what is found out by itself, and errors that name row and column."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from andon.ingest.imports.files import open_recording
from andon.ingest.imports.files.model import ReadOptions
from andon.kit.clock import parse_timestamp, to_iso
from andon.kit.errors import InvalidError


def read(path: Path, **options: Any) -> tuple[list[str], dict[str, list[Any]]]:
    """(times, values by column)."""
    recording = open_recording(path, ReadOptions(options.pop("device", "press-1"), **options))
    times: list[str] = []
    columns: dict[str, list[Any]] = {}
    for chunk in recording.chunks():
        times += [to_iso(at) for at in chunk.times.tolist()]
        for name, column in chunk.columns.items():
            columns.setdefault(name, []).extend(column.to_pylist())
    return times, columns


@pytest.fixture
def write(tmp_path: Path) -> Any:
    def make(text: str | bytes, name: str = "recording.csv") -> Path:
        path = tmp_path / name
        path.write_bytes(text.encode() if isinstance(text, str) else text)
        return path

    return make


def test_a_time_and_a_value(write: Any) -> None:
    times, columns = read(write("timestamp,value\n2014-04-01 00:00:00,20.0\n2014-04-01 00:05:00,21.5\n"))
    assert times == ["2014-04-01T00:00:00.000Z", "2014-04-01T00:05:00.000Z"]
    assert columns == {"value": [20.0, 21.5]}


def test_semicolons_and_many_columns(write: Any) -> None:
    text = "datetime;Current;Volume Flow RateRMS;note\n2020-03-09 10:34:33;0.87;32.0;ok\n2020-03-09 10:34:34;;31;\n"
    _, columns = read(write(text))
    assert columns == {"Current": [0.87, None], "Volume Flow RateRMS": [32.0, 31.0]}
    recording = open_recording(write(text), ReadOptions("x"))
    assert recording.skipped.columns == ["note"]
    _, columns = read(write(text), columns=("NOTE", "current"))
    assert columns == {"note": ["ok", None], "Current": [0.87, None]}


def test_decimal_commas_and_days_first(write: Any) -> None:
    times, columns = read(write("Zeit;Druck\n09.03.2020 10:34:33;1,5\n09.03.2020 10:34;-0,25\n"))
    assert times == ["2020-03-09T10:34:33.000Z", "2020-03-09T10:34:00.000Z"]
    assert columns == {"Druck": [1.5, -0.25]}


@pytest.mark.parametrize("day", ["2020-03-09", "09.03.2020"])
def test_dates_and_times_of_day_in_two_columns(write: Any, day: str) -> None:
    path = write(f"Datum;Uhrzeit;Druck\n{day};10:34:33;1,5\n{day};10:34:33.5;2,5\n{day};7:05;0,25\n")
    assert read(path) == (
        ["2020-03-09T10:34:33.000Z", "2020-03-09T10:34:33.500Z", "2020-03-09T07:05:00.000Z"],
        {"Druck": [1.5, 2.5, 0.25]},
    )
    assert open_recording(path, ReadOptions("x")).skipped.columns == []


def test_a_value_a_day_needs_no_time_of_day(write: Any) -> None:
    times, columns = read(write("Datum;Druck;Beginn\n09.03.2020;1,5;06:00\n10.03.2020;2,5;06:05\n"))
    assert times == ["2020-03-09T00:00:00.000Z", "2020-03-10T00:00:00.000Z"]
    assert columns == {"Druck": [1.5, 2.5]}


def test_a_file_without_a_header(write: Any) -> None:
    times, columns = read(write("2014-04-01 00:00:00,20.0,1\n2014-04-01 00:05:00,21.5,2\n"))
    assert len(times) == 2
    assert columns == {"column_2": [20.0, 21.5], "column_3": [1.0, 2.0]}


@pytest.mark.parametrize(
    "stamp",
    [
        "1396310400",
        "1396310400000",
        "1396310400000000",
        "2014-04-01T00:00:00Z",
        "2014-04-01T02:00:00+02:00",
        "2014-04-01",
    ],
)
def test_times_as_programs_write_them(write: Any, stamp: str) -> None:
    times, _ = read(write(f"time,value\n{stamp},1\n"))
    assert times == ["2014-04-01T00:00:00.000Z"]


def test_epoch_numbers_of_any_unit(write: Any) -> None:
    moments = ("1396310400", "1396310400000", "1396310400000000", "1396310400000000000")
    for moment in moments:
        assert read(write(f"time,value\n{moment},1\n"))[0] == ["2014-04-01T00:00:00.000Z"]


def test_a_pattern_for_times_that_no_rule_knows(write: Any) -> None:
    path = write("when,value\n04/01/2014 5:30 PM,1\n")
    with pytest.raises(InvalidError, match="no column of times"):
        read(path)
    times, _ = read(path, time_column="when", time_format="%m/%d/%Y %I:%M %p")
    assert times == ["2014-04-01T17:30:00.000Z"]


def test_cells_that_hold_no_value_are_no_samples(write: Any) -> None:
    cells = ["", " ", "NA", "n/a", "NaN", "null", "None", "-", "1.5"]
    rows = "".join(f"2014-04-01 00:00:{i:02},{cell}\n" for i, cell in enumerate(cells))
    _, columns = read(write(f"timestamp,value\n{rows}"))
    assert columns == {"value": [None] * 8 + [1.5]}


def test_true_and_false(write: Any) -> None:
    _, columns = read(write("timestamp,running\n2014-04-01 00:00:00,true\n2014-04-01 00:00:01,OFF\n"))
    assert columns == {"running": [True, False]}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("timestamp,value\n2014-04-01 00:00:00,1\n2014-04-01 00:00:01,1.2.3\n", "row 2, column 'value': '1.2.3'"),
        ("timestamp,value\n2014-04-01 00:00:00,1\n2014-04-01 00:00:01,inf\n", "row 2, column 'value': 'inf'"),
        (
            "timestamp,value\n2014-04-01 00:00:00,1\n2014-04-01 25:00:01,2\n",
            "row 2, column 'timestamp': '2014-04-01 25",
        ),
        ("timestamp,value\n2014-04-01 00:00:00,1\n,2\n", "row 2, column 'timestamp': ''"),
        ("timestamp,value\n2014-04-01 00:00:00,1\n2014-04-01 00:00:01\n", "row 2 has 1 cells instead of 2"),
        (
            "timestamp,value\n1910-04-01 00:00:00,1\n",
            "row 1, column 'timestamp': '1910-04-01 00:00:00 UTC' is not after 1970",
        ),
        (
            "timestamp,run\n2014-04-01 00:00:00,yes\n"
            + "2014-04-01 00:00:00,no\n" * 300
            + "2014-04-01 00:00:00,maybe\n",
            "row 302, column 'run': 'maybe' is not true or false",
        ),
        ("timestamp,value\n", "has no rows"),
        ("", "no rows|no column"),
        ("a,b\n1,2\n", "no column of times"),
        ("timestamp,b\n2014-04-01,x\n", "no column of numbers"),
        ("timestamp,b,b\n2014-04-01,1,2\n", "two columns 'b'"),
        (b"timestamp,value\n2014-04-01,1\n2014-04-01,\xff\xfe\n", "cannot be read as utf-8 CSV"),
    ],
)
def test_what_is_wrong_is_named(write: Any, text: str, message: str) -> None:
    with pytest.raises(InvalidError, match=message) as caught:
        read(write(text))
    assert caught.value.cure


def test_what_cannot_be_read_can_be_left_out(write: Any) -> None:
    rows = ["2014-04-01 00:00:00,1,5", "2014-04-01 00:00:01,x,6", "2014-04-01 00:00:02,3", "2014-04-01 00:00:03,4,7"]
    path = write("timestamp,a,b\n" + "2014-04-01 00:00:00,1,1\n" * 250 + "\n".join(rows) + "\n")
    recording = open_recording(path, ReadOptions("x", skip_bad=True))
    assert sum(len(chunk) for chunk in recording.chunks()) == 253
    assert (recording.skipped.cells, recording.skipped.rows) == (1, 1)


def test_rows_whose_time_cannot_be_read_can_be_left_out(write: Any) -> None:
    times = ["2014-04-01 00:00:00", "2014-04-01 25:00:00", "", "1910-04-01 00:00:00", "2014-04-01 01:00:00", "Total"]
    path = write("timestamp,a\n" + "".join(f"{time},{row}\n" for row, time in enumerate(times)))
    recording = open_recording(path, ReadOptions("x", timezone="Europe/Berlin", skip_bad=True))
    (chunk,) = recording.chunks()
    assert [to_iso(at) for at in chunk.times] == ["2014-03-31T22:00:00.000Z", "2014-03-31T23:00:00.000Z"]
    assert chunk.columns["a"].to_pylist() == [0.0, 4.0]
    assert (recording.skipped.cells, recording.skipped.rows) == (0, 4)
    assert recording.skipped.examples[-1] == "row 4, column 'timestamp': '1910-03-31 23:00:00 UTC' is not after 1970"


@pytest.mark.parametrize(
    ("text", "contradicted"),
    [
        ("timestamp,a\n2014-04-01 00:00:00,1\n2014-04-01 00:00:01,2\n", 0),
        ("timestamp,a\n2014-04-01 00:00:00,1\n2014-04-01 00:00:00,2\n2014-04-01 00:00:00,3\n", 2),
        ("timestamp,a\n2014-04-01 00:00:00,1\n2014-04-01 00:00:00,1\n", 0),
        ("timestamp,a,b\n2014-04-01 00:00:00,1,\n2014-04-01 00:00:00,,2\n", 0),
        ("timestamp,a\n2014-04-01 00:00:00,1\n2014-04-01 00:00:01,2\n2014-04-01 00:00:00,3\n", 1),
        ("timestamp,tag,value\n2014-04-01,a,1\n2014-04-01,b,2\n2014-04-01,a,3\n", 1),
        ("timestamp,tag,value\n2014-04-01,a,on\n2014-04-01,b,2\n2014-04-01,a,off\n", 1),
    ],
)
def test_rows_that_a_later_one_contradicts_are_counted(write: Any, text: str, contradicted: int) -> None:
    recording = open_recording(write(text), ReadOptions("x"))
    list(recording.chunks())
    assert recording.skipped.contradicted == contradicted


def test_a_wrong_cell_far_down_is_found_by_its_row(write: Any) -> None:
    lines = [f"2014-04-01 00:00:00.{i:06},{i}" for i in range(300_000)]
    lines[280_000] += "oops"
    with pytest.raises(InvalidError, match="row 280001, column 'value'"):
        read(write("timestamp,value\n" + "\n".join(lines)))


def test_cells_may_hold_separators_quotes_and_line_breaks(write: Any) -> None:
    _, columns = read(write('timestamp,note\n2014-04-01,"a ""b"", c\nd"\n2014-04-02,e\n'), columns=("note",))
    assert columns == {"note": ['a "b", c\nd', "e"]}


def test_another_encoding(write: Any) -> None:
    path = write("timestamp,Öl\n2014-04-01,1\n".encode("latin-1"))
    with pytest.raises(InvalidError, match="cannot be read as utf-8"):
        read(path)
    assert read(path, encoding="latin-1")[1] == {"Öl": [1.0]}


def test_a_byte_order_mark_is_no_part_of_a_name(write: Any) -> None:
    assert read(write("\ufefftimestamp,value\n2014-04-01,1\n"))[1] == {"value": [1.0]}


def test_times_of_the_clock_on_the_wall(write: Any) -> None:
    times, _ = read(write("timestamp,value\n2014-04-01 12:00:00,1\n2014-01-01 12:00:00,1\n"), timezone="Europe/Berlin")
    assert times == ["2014-04-01T10:00:00.000Z", "2014-01-01T11:00:00.000Z"]
    times, _ = read(write("timestamp,value\n2014-04-01T12:00:00Z,1\n"), timezone="Europe/Berlin")
    assert times == ["2014-04-01T12:00:00.000Z"]


def test_the_hour_that_comes_twice_is_told_apart_by_the_order_of_rows(write: Any) -> None:
    walls = ["01:30", "02:00", "02:30", "02:00", "02:30", "03:00"]
    path = write("timestamp,value\n" + "".join(f"2025-10-26 {wall}:00,1\n" for wall in walls))
    times, _ = read(path, timezone="Europe/Berlin")
    assert [time[11:16] for time in times] == ["23:30", "00:00", "00:30", "01:00", "01:30", "02:00"]


def test_an_hour_that_never_was_is_refused_with_the_cure(write: Any) -> None:
    path = write("timestamp,value\n2025-03-30 01:30:00,1\n2025-03-30 02:30:00,1\n")
    with pytest.raises(InvalidError, match="row 2, column 'timestamp': 2025-03-30 02:30:00 never was") as caught:
        read(path, timezone="Europe/Berlin")
    assert "--timezone" in str(caught.value.cure)


def test_an_export_of_andon_is_a_recording(write: Any) -> None:
    text = (
        "timestamp,device,tag,value,unit,quality\r\n"
        "2025-01-11T10:00:00.000Z,press-1,force,0.5,kN,good\r\n"
        "2025-01-11T10:00:00.000001Z,press-1,'=note,'=1+2,,bad\r\n"
        "2025-01-11T10:00:00.000Z,press-2,force,7,kN,good\r\n"
        "2025-01-11T10:00:01.000Z,press-1,force,,kN,good\r\n"
        "2025-01-11T10:00:01.000Z,press-1,'=note,'+49,,good\r\n"
    )
    times, columns = read(write(text))
    assert times == ["2025-01-11T10:00:00.000Z", "2025-01-11T10:00:00.000001Z", *["2025-01-11T10:00:01.000Z"] * 2]
    assert columns == {
        "tag": ["force", "=note", "force", "=note"],
        "unit": ["kN", "", "kN", ""],
        "value": [0.5, None, None, None],
        "text": [None, "=1+2", None, "+49"],
        "quality": ["good", "bad", "good", "good"],
    }


def parquet(path: Path, columns: dict[str, Any]) -> Path:
    pq.write_table(pa.table(columns), path)
    return path


def test_parquet_with_timestamps_of_any_kind(tmp_path: Path) -> None:
    stamp = datetime(2014, 4, 1, tzinfo=UTC)
    kinds = {
        "zoned": pa.array([stamp], pa.timestamp("ms", "UTC")),
        "plain": pa.array([stamp.replace(tzinfo=None)], pa.timestamp("ns")),
        "date": pa.array([stamp.date()]),
        "text": pa.array(["2014-04-01 00:00:00"]),
        "epoch": pa.array([1396310400]),
    }
    for name, times in kinds.items():
        path = parquet(
            tmp_path / f"{name}.parquet", {"time": times, "a": [1], "on": [True], "b": pa.array([1.5], pa.float32())}
        )
        assert read(path) == (["2014-04-01T00:00:00.000Z"], {"a": [1.0], "on": [True], "b": [1.5]}), name


def test_parquet_says_what_it_lacks(tmp_path: Path) -> None:
    with pytest.raises(InvalidError, match="no column of times"):
        read(parquet(tmp_path / "a.parquet", {"a": [1.5]}))
    with pytest.raises(InvalidError, match="no column of numbers"):
        read(parquet(tmp_path / "b.parquet", {"time": [1], "b": ["x"]}))
    missing = pa.array([None, datetime(2014, 4, 1, tzinfo=UTC)], pa.timestamp("us", "UTC"))
    with pytest.raises(InvalidError, match="row 1, column 'time'"):
        read(parquet(tmp_path / "c.parquet", {"time": missing, "a": [1.5, 2.5]}))
    (tmp_path / "d.parquet").write_bytes(b"PAR1 and nothing more")
    with pytest.raises(InvalidError, match="cannot be read as Parquet"):
        read(tmp_path / "d.parquet")


@pytest.mark.parametrize("kind", [pa.timestamp("us", "UTC"), pa.timestamp("ms"), pa.int64()])
def test_what_cannot_be_read_of_parquet_can_be_left_out(tmp_path: Path, kind: Any) -> None:
    stamp = parse_timestamp("2014-04-01")
    times = pa.array([stamp, None, stamp + 1_000]).cast(pa.timestamp("us", "UTC")).cast(kind, safe=False)
    path = parquet(tmp_path / "a.parquet", {"time": times, "a": [1.5, 2.5, float("inf")], "b": [float("nan"), 2, 3]})
    recording = open_recording(path, ReadOptions("x", skip_bad=True))
    (chunk,) = recording.chunks()
    assert [to_iso(at) for at in chunk.times] == ["2014-04-01T00:00:00.000Z", "2014-04-01T00:00:00.001Z"]
    assert chunk.columns["a"].to_pylist() == [1.5, None]
    assert (recording.skipped.cells, recording.skipped.rows) == (1, 1)


def test_an_infinite_number_in_parquet_is_named(tmp_path: Path) -> None:
    path = parquet(tmp_path / "a.parquet", {"time": [1396310400, 1396310401], "a": [1.5, float("-inf")]})
    with pytest.raises(InvalidError, match="row 2, column 'a': '-inf' is not a number"):
        read(path)


ODD = [1.5, float("inf"), float("nan"), float("-inf"), 2.5]
"""The third is no sample, the second and the fourth cannot be kept."""


def odd_file(folder: Path, form: str) -> Path:
    """`ODD` as a recording: "wide" or "long", CSV or Parquet; in a long one other devices have odd numbers too."""
    shape, ending = form.split(".")
    times = [parse_timestamp("2014-04-01") + 1_000_000 * i for i in range(5)]
    columns: dict[str, list[Any]] = {"timestamp": times, "force": ODD}
    if shape == "long":
        devices = ["press-2"] * 5 + ["press-1"] * 5
        columns = {"timestamp": times * 2, "device": devices, "tag": ["force"] * 10, "value": ODD * 2}
    if ending == "parquet":
        return parquet(folder / form, columns)
    lines = [columns, *zip(*columns.values(), strict=True)]
    (folder / form).write_text("".join(",".join(map(str, line)) + "\n" for line in lines))
    return folder / form


@pytest.mark.parametrize(
    ("form", "column", "first"),
    [("wide.csv", "force", 2), ("wide.parquet", "force", 2), ("long.csv", "value", 7), ("long.parquet", "value", 7)],
)
def test_infinite_numbers_are_no_samples_in_any_form_of_a_file(
    tmp_path: Path, form: str, column: str, first: int
) -> None:
    path = odd_file(tmp_path, form)
    with pytest.raises(InvalidError, match=f"row {first}, column '{column}': 'inf' is not a number"):
        read(path)
    recording = open_recording(path, ReadOptions("press-1", skip_bad=True))
    (chunk,) = recording.chunks()
    found = [value for value in chunk.columns[column].to_pylist() if value is not None and value == value]
    assert found == [1.5, 2.5]
    assert not any(chunk.columns["text"].to_pylist() if "text" in chunk.columns else [])
    assert recording.skipped.cells == 2
    assert recording.skipped.examples[1].startswith(f"row {first + 2}, column '{column}': '-inf'")


def test_words_of_a_text_signal_are_texts_whatever_they_mean_among_numbers(write: Any) -> None:
    rows = [("level", "INF"), ("level", "WRN"), ("level", "NaN"), ("level", "3"), ("force", "2.5"), ("force", "NaN")]
    lines = [f"2014-04-01 00:00:0{i},{tag},{value}" for i, (tag, value) in enumerate(rows)]
    _, columns = read(write("\n".join(["timestamp,tag,value", *lines])))
    assert columns["text"] == ["INF", "WRN", "NaN", None, None, None]
    assert columns["value"] == [None, None, None, 3.0, 2.5, None]


def test_a_signal_that_held_numbers_keeps_holding_numbers(write: Any) -> None:
    lines = [f"2014-04-01 00:00:00.{i:06},force,{'NaN' if i > 10 else i}" for i in range(200_000)]
    path = write("\n".join(["timestamp,tag,value", *lines]))
    chunks = list(open_recording(path, ReadOptions("x")).chunks())
    assert len(chunks) > 1, "the file is read in several batches"
    assert all(chunk.columns["text"].null_count == len(chunk) for chunk in chunks)


def test_a_parquet_file_with_a_sample_a_row(tmp_path: Path) -> None:
    columns = {
        "timestamp": pa.array([parse_timestamp("2014-04-01")] * 2, pa.timestamp("us", "UTC")),
        "device": pa.array(["press-1", "press-2"]).dictionary_encode(),
        "tag": pa.array(["force", "force"]).dictionary_encode(),
        "value": np.array([1.5, 2.5]),
        "text": pa.array([None, None], pa.string()),
        "unit": pa.array(["kN", "kN"]).dictionary_encode(),
        "quality": pa.array(["good", "good"]).dictionary_encode(),
    }
    times, found = read(parquet(tmp_path / "long.parquet", columns))
    assert len(times) == 1
    assert found == {"tag": ["force"], "value": [1.5], "text": [None], "unit": ["kN"], "quality": ["good"]}
