"""Reads recordings in a process of its own, `python -m andon.ingest.uploads.reader`.

Files come from outside: what one does to memory, to the processor or to a library ends here, and nothing that runs
beside it waits. Takes a job as JSON on its input and answers frames (see `frames`) on its output.
"""

from __future__ import annotations

import json
import os
import resource
import sys
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any, Final

from andon.ingest.imports.files import open_recording
from andon.ingest.imports.files.cutting import as_arrow, parts, source_of, time_span, usual_rows
from andon.ingest.imports.files.model import ReadOptions
from andon.ingest.imports.files.preview import preview
from andon.ingest.uploads.frames import Frame, write_frame
from andon.kit.errors import AndonError

_NICE: Final = 10


def run(job: dict[str, Any]) -> Iterator[Frame]:
    """The frames that answer a job: `preview`, or `parts` of `rows` rows (null: as many as fit)."""
    path = Path(job["path"])
    read = ReadOptions(**{**job["read"], "columns": tuple(job["read"]["columns"])})
    if job["do"] == "preview":
        yield Frame(preview(path, read))
        return
    recording = open_recording(path, read)
    rows = job["rows"] or usual_rows(recording)
    source = source_of(path, read, job["units"], rows)
    yield Frame({"source": source, "rowsTotal": recording.rows})
    for chunk in parts(recording.chunks(), rows):
        cells = len(chunk) * len(chunk.columns)
        head = {"rows": len(chunk), "cells": cells, "span": time_span(chunk), "leftOut": asdict(recording.skipped)}
        yield Frame(head, as_arrow(chunk))
    yield Frame({"leftOut": asdict(recording.skipped), "end": True})


def main() -> None:
    """Answer the one job on the input."""
    job = json.load(sys.stdin.buffer)
    if job["do"] != "preview":  # for which somebody waits
        os.nice(_NICE)
    # Memory that is only reserved, as allocators and threads do, is not counted.
    resource.setrlimit(resource.RLIMIT_DATA, (job["memory"], job["memory"]))
    try:
        for frame in run(job):
            write_frame(sys.stdout.buffer, frame)
    except AndonError as error:
        said = {"message": error.message, "field": error.field, "cure": error.cure}
        write_frame(sys.stdout.buffer, Frame({"error": said}))
    except MemoryError:
        write_frame(sys.stdout.buffer, Frame({"memory": True}))


if __name__ == "__main__":
    main()
