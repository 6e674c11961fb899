"""What an uploaded recording is, and what is to be done with it. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, Literal

from andon.identity.model import Principal
from andon.ingest.imports.files.model import ReadOptions, Skipped

State = Literal["receiving", "received", "importing", "finished", "failed", "cancelled"]
"""`receiving` takes pieces; `received` has all of them and waits for an order, as does `failed`, for a better one."""

OVER: Final = ("finished", "cancelled")
_MAY: Final = frozenset({"data:write"})


@dataclass(frozen=True, slots=True)
class Order:
    """How a file is to be read, and where its samples go. See `ReadOptions` and `NewImport`."""

    device_id: str
    keep: bool = True
    units: Mapping[str, str] = field(default_factory=dict)
    columns: tuple[str, ...] = ()
    time_column: str | None = None
    time_format: str | None = None
    timezone: str = "UTC"
    encoding: str = "utf-8"
    skip_bad: bool = False

    def read(self) -> ReadOptions:
        """For the file's reader."""
        return ReadOptions(
            self.device_id,
            self.columns,
            self.time_column,
            self.time_format,
            self.timezone,
            self.encoding,
            self.skip_bad,
        )


@dataclass(frozen=True, slots=True)
class Owner:
    """Who uploaded a file: the import runs, and is audited, in this name, also after a restart."""

    user_id: str
    username: str
    role: str

    def principal(self, organisation_id: str) -> Principal:
        """May write data, which was checked when the import was ordered, and nothing else."""
        return Principal(self.user_id, self.username, self.role, _MAY, organisation_id)


@dataclass(slots=True)
class Progress:
    """How far an import is. Times µs UTC; `waiting`: why it does not go on now."""

    rows_total: int = 0
    rows: int = 0
    samples: int = 0
    first_at: int | None = None
    last_at: int | None = None
    left_out: Skipped = field(default_factory=Skipped)
    waiting: str | None = None


@dataclass(frozen=True, slots=True)
class Failure:
    """Why an import failed, as the API says errors."""

    message: str
    field: str | None = None
    cure: str | None = None


@dataclass(slots=True)
class Upload:
    """A file that is or was here. `size` bytes in all; `fingerprint` tells it from other files of its owner.

    How much of it is here is not kept: it is the length of the file in the spool.
    """

    id: str
    organisation_id: str
    file_name: str
    size: int
    fingerprint: str
    owner: Owner
    created_at: int
    updated_at: int
    state: State = "receiving"
    order: Order | None = None
    import_id: str | None = None
    part_rows: int | None = None
    """Rows of its parts where the usual number would be too large, as with long texts."""
    progress: Progress = field(default_factory=Progress)
    failure: Failure | None = None
