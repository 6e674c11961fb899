"""Encode and decode Sparkplug B payloads.

Births and commands go through `decode`, which keeps everything. The many data messages go through `open_data` and
`read_rows`, which make one tuple a metric and nothing else; those that repeat an earlier one through `shapes`.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from google.protobuf.message import DecodeError

from andon.kit.quality import Quality, parse_quality
from andon.wire.sparkplug import sparkplug_b_pb2 as pb
from andon.wire.sparkplug.datatypes import DataType, read_text, read_value, write_value
from andon.wire.sparkplug.errors import PayloadError
from andon.wire.sparkplug.model import DataSet, Metric, Payload, Template
from andon.wire.sparkplug.structures import (
    read_dataset,
    read_properties,
    read_template,
    write_dataset,
    write_properties,
    write_template,
)

if TYPE_CHECKING:
    from andon.wire.sparkplug.shapes import Repeated

Row = tuple[int | str, int, str | None, Any, int, bool]
"""(name, or alias when it has no name; timestamp ms, 0 when there is none; field of the value, None when it is null;
value as it travelled; quality; is_historical)"""

_QUALITY_KEY = "Quality"


def decode(data: bytes) -> Payload:
    """The whole payload. PayloadError when the bytes are no Sparkplug B payload, or a name is not UTF-8.

    A metric whose value does not fit its data type is kept with value None and the reason in `problem`.
    """
    source = _parsed(data)
    return Payload(
        source.timestamp if source.HasField("timestamp") else None,
        [_read_metric(metric) for metric in source.metrics],
        source.seq if source.HasField("seq") else None,
        read_text(source.uuid) if source.HasField("uuid") else None,
        source.body if source.HasField("body") else None,
    )


def encode(payload: Payload, *, datatypes: bool = True) -> bytes:
    """The payload as bytes. PayloadError when a value does not fit its data type.

    Data messages go without `datatypes`: the birth has told them.
    """
    target = pb.Payload()
    try:
        _write_head(target, payload)
        for metric in payload.metrics:
            written = target.metrics.add()
            _write_metric(written, metric)
            if not datatypes:
                written.ClearField("datatype")
    except (ValueError, TypeError) as error:
        if isinstance(error, PayloadError):
            raise
        raise PayloadError(f"cannot be written as Sparkplug B: {error}", reason="out_of_range") from error
    return target.SerializeToString()


def _write_head(target: pb.Payload, payload: Payload) -> None:
    if payload.timestamp_ms is not None:
        target.timestamp = payload.timestamp_ms
    if payload.seq is not None:
        target.seq = payload.seq
    if payload.uuid is not None:
        target.uuid = payload.uuid
    if payload.body is not None:
        target.body = payload.body


def _parsed(data: bytes) -> pb.Payload:
    try:
        return pb.Payload.FromString(data)
    except DecodeError as error:
        raise PayloadError(f"{len(data)} bytes are no Sparkplug B payload: {error}") from error


def _read_metric(source: pb.Payload.Metric) -> Metric:
    metric = Metric(
        read_text(source.name) if source.HasField("name") else None,
        source.alias if source.HasField("alias") else None,
        source.timestamp if source.HasField("timestamp") else None,
        source.datatype,
        None,
        source.is_historical,
        source.is_transient,
    )
    try:
        metric.value = _read_value(source)
        if source.HasField("properties"):
            metric.properties = read_properties(source.properties)
    except PayloadError as error:
        metric.problem = f"{metric.name or metric.alias}: {error}"
    return metric


def _read_value(source: pb.Payload.Metric) -> Any:
    field = source.WhichOneof("value")
    if source.is_null or field is None:
        return None
    if field == "dataset_value":
        return read_dataset(source.dataset_value)
    if field == "template_value":
        return read_template(source.template_value, _read_metric)
    return read_value(source.datatype, field, getattr(source, field))


def _write_metric(target: pb.Payload.Metric, metric: Metric) -> None:
    if metric.name is not None:
        target.name = metric.name
    if metric.alias is not None:
        target.alias = metric.alias
    if metric.timestamp_ms is not None:
        target.timestamp = metric.timestamp_ms
    if metric.datatype != DataType.UNKNOWN:
        target.datatype = metric.datatype
    if metric.is_historical:
        target.is_historical = True
    if metric.is_transient:
        target.is_transient = True
    if metric.properties:
        write_properties(target.properties, metric.properties)
    _write_value(target, metric)


def _write_value(target: pb.Payload.Metric, metric: Metric) -> None:
    value = metric.value
    if value is None:
        target.is_null = True
    elif isinstance(value, DataSet):
        write_dataset(target.dataset_value, value)
    elif isinstance(value, Template):
        write_template(target.template_value, value, _write_metric)
    else:
        field, raw = write_value(DataType(metric.datatype), value)
        setattr(target, field, raw)


class OpenData(NamedTuple):
    """A data message whose metrics have not been looked at yet; `seq` and `timestamp_ms` are 0 when missing.

    `repeated`: what it brings when it was read without protobuf.
    """

    timestamp_ms: int
    seq: int
    has_seq: bool
    metrics: Sequence[pb.Payload.Metric]
    repeated: Repeated | None = None

    def rows(self) -> list[Row]:
        """One tuple a metric."""
        return read_rows(self.metrics) if self.repeated is None else self.repeated.rows()


def open_data(data: bytes) -> OpenData:
    """The head of a data message. PayloadError when the bytes are no Sparkplug B payload."""
    source = _parsed(data)
    return OpenData(source.timestamp, source.seq, source.HasField("seq"), source.metrics)


def read_rows(metrics: Iterable[pb.Payload.Metric]) -> list[Row]:
    """One tuple a metric. A text that is not UTF-8 comes as bytes; its data type's reader refuses it."""
    rows: list[Row] = []
    for metric in metrics:
        key = metric.name or metric.alias
        if not key and not metric.HasField("alias"):
            key = ""  # neither name nor alias: must not be taken for alias 0
        field = None if metric.is_null else metric.WhichOneof("value")
        rows.append(
            (
                key,
                metric.timestamp,
                field,
                None if field is None else getattr(metric, field),
                _quality(metric) if metric.HasField("properties") else 192,
                metric.is_historical,
            )
        )
    return rows


def _quality(metric: pb.Payload.Metric) -> int:
    for key, value in zip(metric.properties.keys, metric.properties.values, strict=False):
        if key == _QUALITY_KEY:
            return quality_of(value.int_value or value.long_value)
    return Quality.GOOD


def quality_of(code: object) -> Quality:
    """Our quality for a metric's `Quality` property (0 bad, 192 good, 500 stale); an unknown code is uncertain."""
    try:
        return parse_quality(code)
    except ValueError:
        return Quality.UNCERTAIN


def decode_data(data: bytes) -> tuple[int, int, list[Row]]:
    """(timestamp ms, seq, rows) of a data message in one go; PayloadError when it is none."""
    opened = open_data(data)
    return opened.timestamp_ms, opened.seq, opened.rows()
