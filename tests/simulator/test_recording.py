from __future__ import annotations

from pathlib import Path

import pytest

from andon.kit.clock import parse_timestamp
from andon.kit.errors import InvalidError
from andon.simulator.recording import open_recording

DATA = Path(__file__).parents[3] / "shared" / "data"


def write(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "recording.csv"
    path.write_text(text, encoding="utf-8")
    return path


def test_commas_and_a_timestamp_column(tmp_path: Path) -> None:
    recording = open_recording(write(tmp_path, "timestamp,value\n2014-03-07 03:41:00,45.5\n2014-03-07 03:46:00,47\n"))
    assert recording.columns == (("value", 1),)
    assert recording.row_count == 2
    rows = list(recording.rows())
    assert rows[0] is not None
    assert rows[0].at == parse_timestamp("2014-03-07T03:41:00Z")
    assert rows[0].values == {"value": 45.5}


def test_semicolons_many_columns_and_names_with_blanks(tmp_path: Path) -> None:
    text = "datetime;Accelerometer1RMS;Volume Flow RateRMS\n2020-03-09 10:34:33;0.027;32.0\n"
    recording = open_recording(write(tmp_path, text))
    (row,) = recording.rows()
    assert row is not None
    assert row.values == {"Accelerometer1RMS": 0.027, "Volume Flow RateRMS": 32.0}


def test_decimal_commas_and_dates_with_dots(tmp_path: Path) -> None:
    (row,) = open_recording(write(tmp_path, "Zeit;Druck\n07.03.2014 03:41:00;45,5\n")).rows()
    assert row is not None
    assert row.at == parse_timestamp("2014-03-07T03:41:00Z")
    assert row.values == {"Druck": 45.5}


@pytest.mark.parametrize("stamp", ["1394163660", "1394163660000", "1394163660.5"])
def test_epoch_numbers_under_a_name_that_says_time(tmp_path: Path, stamp: str) -> None:
    (row,) = open_recording(write(tmp_path, f"x,time\n1.5,{stamp}\n")).rows()
    assert row is not None
    assert row.at is not None
    assert abs(row.at - 1_394_163_660_000_000) <= 500_000
    assert row.values == {"x": 1.5}


def test_a_number_column_is_not_taken_for_the_time(tmp_path: Path) -> None:
    recording = open_recording(write(tmp_path, "count,level\n20140307,1\n20140308,2\n"))
    assert recording.time_position is None
    assert [name for name, _ in recording.columns] == ["count", "level"]


def test_a_file_without_a_header_gets_column_names(tmp_path: Path) -> None:
    recording = open_recording(write(tmp_path, "2014-03-07 03:41:00,1\n2014-03-07 03:42:00,2\n"))
    assert recording.columns == (("column_2", 1),)
    assert len(list(recording.rows())) == recording.row_count == 2


def test_columns_are_chosen_by_name_in_any_case(tmp_path: Path) -> None:
    path = write(tmp_path, "time,A,B,C\n2020-01-01 00:00:00,1,2,3\n")
    assert [name for name, _ in open_recording(path, ["c", "A"]).columns] == ["C", "A"]
    with pytest.raises(InvalidError, match="'D'") as caught:
        open_recording(path, ["D"])
    assert caught.value.field == "column"
    assert caught.value.cure == "choose of A, B, C"


def test_holes_text_and_not_a_number_are_left_out_and_counted(tmp_path: Path) -> None:
    text = "time,a,b\n2020-01-01 00:00:00,1,\n2020-01-01 00:00:01,oops,2\n2020-01-01 00:00:02,nan,3\nnever,1,2\n"
    text = text.replace("time,", "timestamp,")
    # The bad time must lie beyond the rows that are looked at first, as in a real file.
    path = write(tmp_path, text.replace("never", "2020-01-01 00:00:03,1,1\n" * 60 + "never"))
    rows = list(open_recording(path).rows())
    assert [row and (row.values, row.unreadable) for row in rows[:3]] == [
        ({"a": 1.0}, 0),
        ({"b": 2.0}, 1),
        ({"b": 3.0}, 1),
    ]
    assert rows[-1] is None


def test_text_columns_are_not_signals(tmp_path: Path) -> None:
    recording = open_recording(write(tmp_path, "time,state,a\n2020-01-01 00:00:00,run,1\n"))
    assert recording.columns == (("a", 2),)


@pytest.mark.parametrize("text", ["", "time,a\n", "time,state\n2020-01-01 00:00:00,run\n"])
def test_a_file_without_a_recording_is_refused(tmp_path: Path, text: str) -> None:
    with pytest.raises(InvalidError) as caught:
        open_recording(write(tmp_path, text))
    assert caught.value.field == "file"
    assert caught.value.cure


def test_a_missing_file_is_said_so(tmp_path: Path) -> None:
    with pytest.raises(InvalidError, match="cannot be read"):
        open_recording(tmp_path / "absent.csv")


def test_a_byte_order_mark_quotes_and_nul_bytes_do_no_harm(tmp_path: Path) -> None:
    path = tmp_path / "recording.csv"
    path.write_bytes(b'\xef\xbb\xbf"timestamp","a, b"\r\n"2020-01-01 00:00:00","1"\r\n"2020-01-01 00:00:01","2\0"\r\n')
    recording = open_recording(path)
    assert recording.columns == (("a, b", 1),)
    assert [row and row.values["a, b"] for row in recording.rows()] == [1.0, 2.0]


@pytest.mark.skipif(not DATA.is_dir(), reason="the public data sets are not on this machine")
def test_the_public_recordings_are_understood() -> None:
    nab = open_recording(DATA / "nab/realKnownCause/machine_temperature_system_failure.csv")
    assert [name for name, _ in nab.columns] == ["value"]
    assert sum(row is not None for row in nab.rows()) == nab.row_count == 22_695
    skab = open_recording(DATA / "skab/valve1/1.csv")
    assert [name for name, _ in skab.columns][:3] == ["Accelerometer1RMS", "Accelerometer2RMS", "Current"]
    assert len(skab.columns) == 10
    assert all(row is not None and len(row.values) == 10 for row in skab.rows())
