"""Whether there is room for another file. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from andon.ingest.uploads.settings import UploadSettings
from andon.kit.errors import TooLargeError, UnavailableError


def check_room(
    settings: UploadSettings, organisation_id: str, size: int, waiting: Sequence[tuple[str, int, int]], free: int
) -> None:
    """Raise when a file of `size` bytes may not come. `waiting`: organisation, size and what is here of each that is
    not over; `free`: bytes of the disk, of which those to come are counted as taken.
    """
    if size > settings.file_bytes:
        raise TooLargeError(
            f"the file has {size} bytes; {settings.file_bytes} are allowed (import_file_bytes)",
            field="size",
            cure="cut the file, or import it with the command line (andon import)",
        )
    if sum(each == organisation_id for each, _, _ in waiting) >= settings.max_open:
        raise UnavailableError(
            f"{settings.max_open} files are being imported (import_max_open)", cure="wait for one, or cancel one"
        )
    announced = sum(of for _, of, _ in waiting)
    if announced + size > settings.spool_bytes:
        raise UnavailableError(
            f"uploaded files take {announced} of {settings.spool_bytes} bytes (import_spool_bytes)",
            field="size",
            cure="wait until those that are here are imported, or cancel one",
        )
    to_come = sum(of - here for _, of, here in waiting)
    if free - to_come - size < settings.min_free_bytes:
        raise UnavailableError(
            f"the disk has {max(free - to_come, 0)} bytes free, which is too little for this file",
            field="size",
            cure="make room, or import it with the command line (andon import)",
        )
