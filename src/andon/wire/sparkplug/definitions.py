"""What a birth says about each metric, and the readings that are understood through it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from andon.kit.clock import US_PER_MS
from andon.kit.quality import Quality
from andon.wire.sparkplug.datatypes import DataType, Reader, readers_of
from andon.wire.sparkplug.errors import PayloadError
from andon.wire.sparkplug.model import Metric
from andon.wire.sparkplug.payload import Row, quality_of

LATEST_MS = 253_402_300_799_000  # the end of 9999; later does not fit into int64 µs, nor into a calendar


class MetricDefinition:
    """A metric of a birth.

    `eng_unit`, `eng_low` and `eng_high` come from its properties, None when it has none. `binding` belongs to the
    application (a tag id, say): it is None at each birth and travels with every reading, so that no name is looked up.
    """

    __slots__ = ("alias", "binding", "datatype", "eng_high", "eng_low", "eng_unit", "is_transient", "name", "readers")

    def __init__(self, metric: Metric) -> None:
        self.name = metric.name or ""
        self.alias = metric.alias
        self.datatype = metric.datatype
        self.is_transient = metric.is_transient
        self.eng_unit = _text(metric, "engUnit")
        self.eng_low = _number(metric, "engLow")
        self.eng_high = _number(metric, "engHigh")
        self.readers: Mapping[str, Reader] = readers_of(metric.datatype)
        self.binding: Any = None

    @property
    def kind(self) -> str:
        """`number`, `boolean`, `text`, or `other` for structures, bytes, arrays and unknown types."""
        try:
            return DataType(self.datatype).kind
        except ValueError:
            return "other"

    @property
    def is_control(self) -> bool:
        """Whether it is part of the protocol rather than a signal of the machine."""
        return self.name == "bdSeq" or self.name.startswith(("Node Control/", "Device Control/"))

    def __repr__(self) -> str:
        return f"MetricDefinition({self.name!r}, alias={self.alias}, datatype={self.datatype})"


Reading = tuple[MetricDefinition, int | None, Any, int, bool]
"""(definition; timestamp µs UTC, None when neither metric nor payload has one; value, None when null; quality;
is_historical)"""

Definitions = dict[int | str, MetricDefinition]
"""By name and by alias."""


class Rejected(NamedTuple):
    """A metric whose value could not be taken."""

    metric: str
    reason: str
    detail: str


class Readings(NamedTuple):
    """The metrics of one message: understood, refused, and without a definition (their aliases or names)."""

    taken: list[Reading]
    rejected: list[Rejected]
    unknown: list[int | str]


def _text(metric: Metric, key: str) -> str | None:
    found = metric.properties.get(key)
    return found.value if found is not None and isinstance(found.value, str) else None


def _number(metric: Metric, key: str) -> float | None:
    found = metric.properties.get(key)
    if found is None or isinstance(found.value, bool) or not isinstance(found.value, int | float):
        return None
    return float(found.value)


def resolve(rows: Sequence[Row], payload_ms: int, definitions: Definitions) -> Readings:
    """Readings from the rows of a data message; `payload_ms` stands in where a metric has no time of its own."""
    taken: list[Reading] = []
    rejected: list[Rejected] = []
    unknown: list[int | str] = []
    last_at, moment = -1, None  # most metrics of a message have one time
    for key, at, field, raw, quality, historical in rows:
        definition = definitions.get(key)
        if definition is None:
            unknown.append(key)
            continue
        at = at or payload_ms
        if at != last_at:
            if at > LATEST_MS:
                rejected.append(_time_refused(definition.name, at))
                continue
            last_at, moment = at, at * US_PER_MS or None
        if field is None:
            taken.append((definition, moment, None, Quality.BAD if quality >= 192 else quality, historical))
        else:
            try:
                value = definition.readers[field](raw)
            except (PayloadError, KeyError) as error:
                rejected.append(_refused(definition, field, error))
            else:
                taken.append((definition, moment, value, quality, historical))
    return Readings(taken, rejected, unknown)


def _refused(definition: MetricDefinition, field: str, error: PayloadError | KeyError) -> Rejected:
    if isinstance(error, PayloadError):
        return Rejected(definition.name, error.reason, str(error))
    detail = f"data type {definition.datatype} cannot travel in {field}"
    return Rejected(definition.name, "wrong_type", detail)


def _time_refused(name: str, at: int) -> Rejected:
    return Rejected(name, "invalid_timestamp", f"timestamp {at} ms lies after the year 9999")


def define(metrics: Sequence[Metric], payload_ms: int) -> tuple[Definitions, Readings]:
    """Definitions and first readings from the metrics of a birth.

    A metric without a name is refused; one whose alias is taken already is known by its name alone.
    """
    definitions: Definitions = {}
    taken: list[Reading] = []
    rejected: list[Rejected] = []
    for metric in metrics:
        if not metric.name:
            rejected.append(Rejected(str(metric.alias), "missing_name", "a metric of a birth must have a name"))
            continue
        definition = MetricDefinition(metric)
        definitions[metric.name] = definition
        if metric.alias is not None and definitions.setdefault(metric.alias, definition) is not definition:
            holder = definitions[metric.alias].name
            rejected.append(Rejected(metric.name, "duplicate_alias", f"alias {metric.alias} belongs to {holder}"))
        _first_reading(metric, definition, payload_ms, taken, rejected)
    return definitions, Readings(taken, rejected, [])


def _first_reading(
    metric: Metric, definition: MetricDefinition, payload_ms: int, taken: list[Reading], rejected: list[Rejected]
) -> None:
    at = metric.timestamp_ms or payload_ms
    if metric.problem is not None:
        rejected.append(Rejected(definition.name, "invalid_value", metric.problem))
    elif at > LATEST_MS:
        rejected.append(_time_refused(definition.name, at))
    else:
        code = metric.properties.get("Quality")
        quality = Quality.GOOD if code is None else quality_of(code.value)
        if metric.is_null:
            quality = min(quality, Quality.BAD) if quality >= Quality.GOOD else quality
        taken.append((definition, at * US_PER_MS or None, metric.value, quality, metric.is_historical))
