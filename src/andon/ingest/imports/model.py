"""What an import is. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, Literal

import numpy as np
from numpy.typing import NDArray

from andon.kit.errors import InvalidError

Status = Literal["open", "finishing", "finished", "cancelled", "expired"]
"""`open` takes parts; `finishing` waits for the historian; the others are over."""

OVER: Final = ("finished", "cancelled", "expired")


@dataclass(frozen=True, slots=True)
class NewImport:
    """What somebody wants to import. `source` tells this file and how it is cut from any other (a digest of both).

    `create_type`: the device is registered with this type when there is none of that id; None: it has to be there.
    `units`: of signals, where they are not the tag's own; `keep`: retention leaves the samples alone.
    """

    device_id: str
    source: str
    file_name: str = ""
    keep: bool = True
    units: Mapping[str, str] = field(default_factory=dict)
    create_type: str | None = None


@dataclass(frozen=True, slots=True)
class Import:
    """An import as it stands. `device_id` is the name, `device_uuid` the row; times µs UTC."""

    id: str
    organisation_id: str
    device_uuid: str
    source: str
    file_name: str
    units: Mapping[str, str]
    keep: bool
    status: Status
    parts: int
    samples: int
    first_at: int | None
    last_at: int | None
    upto: Mapping[int, int]
    created_by: str
    created_at: int
    updated_at: int


@dataclass(frozen=True, slots=True)
class SignalSamples:
    """The samples of one signal of a part, columns of one length, in the order of the file.

    `kind` number, boolean or text; `values` float64, NaN beside a text; `unit` None: the tag's own.
    """

    name: str
    kind: str
    timestamps: NDArray[np.int64]
    values: NDArray[np.float64]
    qualities: NDArray[np.uint8]
    texts: Mapping[int, str] = field(default_factory=dict)
    unit: str | None = None

    def __len__(self) -> int:
        return len(self.timestamps)


class PartError(InvalidError):
    """A part that cannot be taken; nothing of it was. `row` counts from 1 within the part."""

    def __init__(self, message: str, *, row: int | None = None, column: str | None = None, cure: str = "") -> None:
        place = ", ".join(
            text for text in (f"row {row}" if row else "", f"column {column[:60]!r}" if column else "") if text
        )
        super().__init__(f"{place}: {message}" if place else message, field=column or "part", cure=cure or None)
        self.row = row


def as_ranges(numbers: Iterable[int]) -> list[tuple[int, int]]:
    """Ascending numbers as ranges, both ends included: 0 1 2 5 is (0, 2), (5, 5)."""
    ranges: list[tuple[int, int]] = []
    for number in numbers:
        if ranges and ranges[-1][1] == number - 1:
            ranges[-1] = (ranges[-1][0], number)
        else:
            ranges.append((number, number))
    return ranges


def span(signals: Sequence[SignalSamples]) -> tuple[int, int] | None:
    """The first and the last timestamp of a part; None when it is empty."""
    held = [each.timestamps for each in signals if len(each)]
    if not held:
        return None
    return min(int(times.min()) for times in held), max(int(times.max()) for times in held)
