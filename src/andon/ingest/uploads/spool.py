"""Uploaded files on the disk: a folder with the bytes of each, and beside them what is known of it.

<id>.json   the upload, replaced as a whole
<id>.data   its bytes as far as they came; gone when it is over
"""

from __future__ import annotations

import errno
import io
import os
import shutil
from collections.abc import Iterable
from pathlib import Path
from typing import Final

import msgspec

from andon.ingest.uploads.model import Upload
from andon.kit.errors import ConflictError, UnavailableError

_FULL: Final = (errno.ENOSPC, errno.EDQUOT)
_KNOWN, _DATA, _NEW = ".json", ".data", ".new"


class Spool:
    """The folder of one process. All of it blocks: call it on a thread."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def open(self) -> list[Upload]:
        """What is here from before. What belongs to nothing is taken away."""
        self.folder.mkdir(parents=True, exist_ok=True)
        known = [self._load(path) for path in self.folder.glob(f"*{_KNOWN}")]
        found = [upload for upload in known if upload is not None]
        self._keep_only({upload.id for upload in found})
        return found

    def save(self, upload: Upload) -> None:
        """Keep what is known of an upload; whole or as it was, whatever happens. UnavailableError: the disk is full."""
        new = self.folder / f"{upload.id}{_NEW}"
        try:
            with new.open("wb") as file:
                file.write(msgspec.json.encode(upload))
                file.flush()
                os.fsync(file.fileno())
            new.replace(self.folder / f"{upload.id}{_KNOWN}")
        except OSError as error:
            new.unlink(missing_ok=True)
            raise _problem(error) from error

    def path(self, upload_id: str) -> Path:
        """The file's bytes."""
        return self.folder / f"{upload_id}{_DATA}"

    def received(self, upload_id: str) -> int:
        """How many bytes of it are here for good."""
        path = self.path(upload_id)
        return path.stat().st_size if path.exists() else 0

    def append(self, upload_id: str, offset: int, piece: bytes) -> int:
        """Add a piece; durable when this returns, how many bytes are here then. Nothing of it is when it raises.

        A piece that is here already changes nothing. ConflictError when it would leave a hole, UnavailableError when
        the disk is full.
        """
        there = self.received(upload_id)
        if offset + len(piece) <= there:
            return there
        if offset > there:
            raise ConflictError(
                f"{there} bytes are here, and the piece begins at {offset}",
                field="offset",
                cure=f"go on from byte {there}",
            )
        try:
            with self.path(upload_id).open("ab", buffering=0) as file:
                try:
                    _write(file, memoryview(piece)[there - offset :])
                    os.fdatasync(file.fileno())
                except OSError:
                    os.ftruncate(file.fileno(), there)
                    raise
        except OSError as error:
            raise _problem(error) from error
        return offset + len(piece)

    def drop_data(self, upload_id: str) -> None:
        """Its bytes are needed no more."""
        self.path(upload_id).unlink(missing_ok=True)

    def forget(self, upload_id: str) -> None:
        """Take away all of it."""
        self.drop_data(upload_id)
        (self.folder / f"{upload_id}{_KNOWN}").unlink(missing_ok=True)

    def free(self) -> int:
        """Bytes free on the disk."""
        return shutil.disk_usage(self.folder).free

    def _load(self, path: Path) -> Upload | None:
        try:
            upload = msgspec.json.decode(path.read_bytes(), type=Upload)
        except (msgspec.DecodeError, OSError):
            return None
        data = self.path(upload.id)
        if data.exists():  # pieces came after it was written
            upload.updated_at = max(upload.updated_at, data.stat().st_mtime_ns // 1_000)
        return upload

    def _keep_only(self, ids: Iterable[str]) -> None:
        for path in self.folder.iterdir():
            if path.stem not in ids and path.suffix in (_KNOWN, _DATA, _NEW):
                path.unlink(missing_ok=True)


def _write(file: io.FileIO, rest: memoryview) -> None:
    while rest:
        rest = rest[file.write(rest) :]


def _problem(error: OSError) -> UnavailableError:
    if error.errno in _FULL:
        return UnavailableError("the disk is full", field="file", cure="make room, then send it again")
    return UnavailableError(f"the file cannot be kept: {error.strerror}", field="file", cure="check the data folder")
