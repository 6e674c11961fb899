"""Parts as JSON: the body of a push."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from andon.ingest.imports.model import PartError, SignalSamples
from andon.ingest.imports.parts import PRIMARY
from andon.ingest.push import reading_of
from andon.ingest.reading import value_kind
from andon.ingest.schemas import read_push
from andon.wire.errors import WireError
from andon.wire.values import Value


@dataclass(slots=True)
class _Gathered:
    kind: str
    timestamps: list[int] = field(default_factory=list)
    values: list[float] = field(default_factory=list)
    qualities: list[int] = field(default_factory=list)
    texts: dict[int, str] = field(default_factory=dict)

    def add(self, timestamp: int, value: Value, quality: int) -> None:
        if isinstance(value, str):
            self.texts[len(self.values)] = value
        self.timestamps.append(timestamp)
        self.values.append(float("nan") if isinstance(value, str) else float(value))
        self.qualities.append(quality)


def read_json(body: bytes, max_samples: int) -> list[SignalSamples]:
    """The samples of `{"samples": [{"timestamp", "value", "tag"?, "quality"?, "unit"?}]}`. PartError names the row."""
    samples = read_push(body).samples
    if len(samples) > max_samples:
        raise PartError(f"the part has more than {max_samples} samples (import_part_samples)", cure="send smaller ones")
    found: dict[tuple[str, str | None, str], _Gathered] = {}
    for row, sample in enumerate(samples, 1):
        try:
            reading = reading_of(sample, historical=True)
            signal = reading.signals[0]
            if reading.timestamp is None:
                raise PartError("the timestamp is missing", row=row, column="timestamp")
            kind = value_kind(signal.value)
            name = PRIMARY if reading.single else signal.name
            group = found.setdefault((name, signal.unit, kind), _Gathered(kind))
            group.add(reading.timestamp, signal.value, reading.quality)
        except WireError as error:
            raise PartError(str(error), row=row, column=error.field) from error
        except OverflowError as error:
            raise PartError("the number is too large", row=row, column="value") from error
    return [_signal(name, unit, group) for (name, unit, _), group in found.items()]


def _signal(name: str, unit: str | None, group: _Gathered) -> SignalSamples:
    return SignalSamples(
        name,
        group.kind,
        np.array(group.timestamps, np.int64),
        np.array(group.values, np.float64),
        np.array(group.qualities, np.uint8),
        group.texts,
        unit,
    )
