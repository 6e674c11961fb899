"""Recordings on disk, CSV or Parquet, as columns of times and values; errors name the row and the column."""

from __future__ import annotations

from pathlib import Path

from andon.cli.files.model import ReadOptions, Recording


def open_recording(path: Path, options: ReadOptions) -> Recording:
    """The recording in a file, Parquet by its first bytes, else CSV. InvalidError says what it lacks."""
    from andon.cli.files.csv_file import CsvRecording
    from andon.cli.files.parquet_file import ParquetRecording

    with path.open("rb") as file:
        is_parquet = file.read(4) == b"PAR1"
    return ParquetRecording(path, options) if is_parquet else CsvRecording(path, options)
