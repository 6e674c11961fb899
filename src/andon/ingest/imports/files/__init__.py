"""Recordings on disk, CSV or Parquet, as columns of times and values; errors name the row and the column."""

from __future__ import annotations

from pathlib import Path

from andon.ingest.imports.files.model import ReadOptions, Recording


def open_recording(path: Path, options: ReadOptions) -> Recording:
    """The recording in a file, Parquet by its first bytes, else CSV. InvalidError says what it lacks."""
    from andon.ingest.imports.files.csv_file import CsvRecording
    from andon.ingest.imports.files.parquet_file import ParquetRecording

    return ParquetRecording(path, options) if is_parquet(path) else CsvRecording(path, options)


def is_parquet(path: Path) -> bool:
    """By its first bytes, whatever it is called."""
    with path.open("rb") as file:
        return file.read(4) == b"PAR1"
