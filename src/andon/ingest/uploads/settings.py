"""The limits of uploads, each a setting."""

from __future__ import annotations

from dataclasses import dataclass

MIB = 1 << 20
GIB = 1 << 30
PIECE_BYTES = 8 * MIB


@dataclass(frozen=True, slots=True)
class UploadSettings:
    """`file_bytes`: most of one file; `spool_bytes`: of all that are here or are announced; `min_free_bytes`: what
    stays free on the disk. `expire_s`: a file that nothing was done with for so long goes; also how long the result of
    an import is told. `piece_bytes`: most of one piece, `max_open`: files of an organisation that are not over,
    `running`: files that are read at the same time, `reader_bytes`: memory of a process that reads one.
    """

    file_bytes: int = 4 * GIB
    spool_bytes: int = 16 * GIB
    min_free_bytes: int = 128 * MIB
    expire_s: float = 86_400.0
    piece_bytes: int = PIECE_BYTES
    max_open: int = 100
    running: int = 2
    reader_bytes: int = 1 * GIB
    preview_s: float = 60.0
    """Longest time that a look at a file may take."""
    retry_s: float = 30.0
    """Longest pause before an import that the historian or the log held up goes on."""
