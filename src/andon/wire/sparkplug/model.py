"""What a Sparkplug B payload holds, as light Python objects."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from andon.wire.sparkplug.datatypes import DataType

Properties = dict[str, "Property"]


@dataclass(slots=True)
class Property:
    """A property of a metric; value None means null. A property set is a dict, a property set list a list of them."""

    datatype: int
    value: Any


@dataclass(slots=True)
class Metric:
    """One metric. `timestamp_ms` is ms since 1970 UTC; `value` None when it is null or could not be read.

    `problem` says why a value that was received could not be read; the other metrics of the payload are not affected.
    """

    name: str | None = None
    alias: int | None = None
    timestamp_ms: int | None = None
    datatype: int = DataType.UNKNOWN
    value: Any = None
    is_historical: bool = False
    is_transient: bool = False
    properties: Properties = field(default_factory=dict)
    problem: str | None = None

    @property
    def is_null(self) -> bool:
        """Whether there is no value."""
        return self.value is None


@dataclass(slots=True)
class DataSet:
    """A table: rows of as many values as there are columns."""

    columns: list[str]
    types: list[int]
    rows: list[list[Any]]


@dataclass(slots=True)
class Parameter:
    """A parameter of a template."""

    name: str
    datatype: int
    value: Any


@dataclass(slots=True)
class Template:
    """A template definition, or an instance of one (`reference` names the definition)."""

    metrics: list[Metric]
    parameters: list[Parameter] = field(default_factory=list)
    reference: str | None = None
    version: str | None = None
    is_definition: bool = False


@dataclass(slots=True)
class Payload:
    """One message. `seq` is None in commands, deaths of nodes and wills."""

    timestamp_ms: int | None = None
    metrics: list[Metric] = field(default_factory=list)
    seq: int | None = None
    uuid: str | None = None
    body: bytes | None = None
