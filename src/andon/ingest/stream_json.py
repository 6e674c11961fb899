"""Samples as JSON on the stream `sensors-data`, one message each, so that other programs can read and write them.

    {"deviceId": "device-001", "timestamp": "2025-01-11T10:00:00.000Z", "sensorType": "temperature", "value": 75.2,
     "unit": "celsius", "location": "assembly-line-1", "status": "active", "received": "2025-01-11T10:00:00.012Z"}

`sensorType` is the name of the tag. Andon adds `received`, and where they say something: `quality` (a code, 192 is
good), `organisationId`, `imported`, `pinned`. The key of a message is its device's id.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Final

import msgspec
import numpy as np

from andon.engines.log.codec import COLUMNS, Decoded, Encoded, Refused
from andon.engines.log.port import Record
from andon.ingest.decoders import factory_plus
from andon.ingest.reading import Signal, sample_value
from andon.ingest.timing import TimePolicy
from andon.kit.clock import now_us, to_iso
from andon.kit.errors import UnavailableError
from andon.kit.quality import Quality
from andon.kit.samples import IMPORTED, PINNED, Row, SampleBatch, concatenate
from andon.registry.directory import Directory, TagInfo
from andon.wire.errors import WireError

_COLUMNS_MAGIC: Final = b"AS"
_GOOD: Final = int(Quality.GOOD)

_Found = tuple[list[Row], int]
"""The samples of one message, and their marks."""


class _Message(msgspec.Struct, rename="camel"):
    """A message as most are; anything else is read the long way."""

    device_id: str
    timestamp: datetime
    value: float | None
    sensor_type: str
    unit: str | None = None
    quality: int = _GOOD
    received: datetime | None = None
    organisation_id: str | None = None
    imported: bool = False
    pinned: bool = False


class _Extras(msgspec.Struct, rename="camel"):
    """What Andon adds to a message of a device."""

    device_id: str | None = None
    received: datetime | None = None
    organisation_id: str | None = None
    quality: int | str | None = None
    imported: bool = False
    pinned: bool = False


_decode_message = msgspec.json.Decoder(_Message).decode
_decode_extras = msgspec.json.Decoder(_Extras).decode
_encode_value = msgspec.json.Encoder().encode


class JsonSamples:
    """Reads both formats, writes JSON. `policy` judges the times of messages that Andon did not write."""

    def __init__(self, directory: Directory, policy: TimePolicy, *, clock: Callable[[], int] = now_us) -> None:
        self._directory = directory
        self._policy = policy
        self._clock = clock
        self._version = -1
        self._templates: dict[int, _Template] = {}
        self._tags: dict[tuple[str, str, str | None], TagInfo] = {}

    # Writing

    def encode(self, batches: Sequence[SampleBatch]) -> Encoded:
        """See `SampleCodec.encode`. A sample whose tag is gone is left out: it has no name any more."""
        self._renew()
        payloads: list[bytes] = []
        keys: list[str] = []
        for batch in batches:
            for key, payload in self._messages(batch):
                keys.append(key)
                payloads.append(payload)
        return Encoded(payloads, keys)

    def _messages(self, batch: SampleBatch) -> Iterator[tuple[str, bytes]]:
        marks = None if batch.marks is None else batch.marks.tolist()
        for index, (tag_id, at, value, quality, received) in enumerate(batch.rows()):
            template = self._templates.get(tag_id) or self._template(tag_id)
            if template is not None:
                yield template.key, template.message(at, value, quality, received, 0 if marks is None else marks[index])

    def _template(self, tag_id: int) -> _Template | None:
        tag = self._directory.tag(tag_id)
        if tag is None:
            return None
        device = self._directory.by_uuid(tag.device_uuid)
        is_default = tag.organisation_id == self._directory.default_organisation
        made = _Template(tag, "" if device is None else device.location, None if is_default else tag.organisation_id)
        self._templates[tag_id] = made
        return made

    # Reading

    async def decode(self, records: Sequence[Record]) -> Decoded:
        """See `SampleCodec.decode`."""
        decoded = await self._decode(records)
        if self._directory.follows and any(each.reason in _UNKNOWN for each in decoded.refused):
            # Another process may have registered or changed it a moment ago.
            if not await self._directory.catch_up():
                raise UnavailableError("the registry cannot be read", cure="see that the database is running")
            decoded = await self._decode(records)
        return decoded

    async def _decode(self, records: Sequence[Record]) -> Decoded:
        """Runs of messages and runs of columns, in order."""
        self._renew()
        batches: list[SampleBatch] = []
        refused: list[Refused] = []
        rows: list[Row] = []
        marks: list[int] = []
        for record in records:
            if record.payload[:2] == _COLUMNS_MAGIC:
                _put(batches, rows, marks)
                found = await COLUMNS.decode([record])
                batches.append(found.batch)
                refused += found.refused
                continue
            try:
                new, mark = self._message(record)
            except WireError as error:
                refused.append(Refused(record, error.reason, str(error)))
                continue
            rows += new
            marks += [mark] * len(new)
        _put(batches, rows, marks)
        return Decoded(concatenate(batches), refused)

    def _message(self, record: Record) -> _Found:
        try:
            message = _decode_message(record.payload)
        except (msgspec.MsgspecError, ValueError, OverflowError):
            return self._unusual(record)
        is_own = message.received is not None  # what Andon wrote was judged before
        tag = self._tag(message.organisation_id, message.device_id, message.sensor_type)
        is_plain = is_own or (tag.kind == "number" and message.value is not None and 0 <= message.quality <= 255)
        if not is_plain or (not is_own and message.unit and message.unit != tag.unit):
            return self._unusual(record)
        at, received = _us(message.timestamp), self._received(message.received, record)
        if not is_own:
            at, _ = self._policy.check(at, received, Quality.GOOD)
        value = np.nan if message.value is None else message.value
        return [(tag.id, at, value, message.quality & 0xFF, received)], _marks(message.imported, message.pinned)

    def _unusual(self, record: Record) -> _Found:
        """Everything that a device may send over MQTT as well. WireError says what is wrong."""
        try:
            extras = _decode_extras(record.payload)
        except (msgspec.MsgspecError, ValueError, OverflowError):
            extras = _Extras()  # what is wrong is found below
        if extras.device_id is None:
            factory_plus.decode(record.payload, "")
            raise WireError("missing_field", "deviceId is missing", "deviceId")
        reading = factory_plus.decode(record.payload, extras.device_id)
        received = self._received(extras.received, record)
        if extras.received is not None and reading.timestamp is not None:
            at, quality = reading.timestamp, extras.quality if isinstance(extras.quality, int) else _GOOD
        else:
            at, quality = self._policy.check(
                reading.timestamp, received, reading.quality, historical=reading.historical
            )
        rows = [self._row(extras, signal, reading.single, at, quality, received) for signal in reading.signals]
        return rows, _marks(extras.imported, extras.pinned)

    def _row(self, extras: _Extras, signal: Signal, single: bool, at: int, quality: int, received: int) -> Row:
        assert extras.device_id is not None
        tag = self._tag(extras.organisation_id, extras.device_id, signal.name, may_be_primary=single)
        # What Andon wrote is in the tag's unit; that may have another name by now, or not yet here.
        unit = signal.unit if extras.received is None else None
        return tag.id, at, sample_value(tag, signal.value, unit), quality, received

    def _tag(self, organisation: str | None, device_id: str, name: str, *, may_be_primary: bool = True) -> TagInfo:
        known = self._tags.get((device_id, name, organisation))
        if known is not None:
            return known
        device = self._directory.device(organisation or self._directory.default_organisation, device_id)
        if device is None:
            raise WireError("unknown_device", f"there is no device {device_id[:100]!r}", "deviceId")
        if device.status == "disabled":
            raise WireError("device_disabled", f"{device_id} is disabled", "deviceId")
        tag = device.tag(name) or (device.primary if may_be_primary else None)
        if tag is None:
            raise WireError("unknown_tag", f"{device_id} has no tag {name[:100]!r}", "sensorType")
        if len(self._tags) < _MAX_NAMES:
            self._tags[device_id, name, organisation] = tag
        return tag

    def _received(self, said: datetime | None, record: Record) -> int:
        return _us(said) if said is not None else record.at or self._clock()

    def _renew(self) -> None:
        version = self._directory.version
        if version != self._version:
            self._version = version
            self._templates.clear()
            self._tags.clear()


_UNKNOWN: Final = frozenset({"unknown_device", "unknown_tag", "unit_mismatch"})
_MAX_NAMES: Final = 500_000


class _Template:
    """The parts of a tag's messages that are always the same."""

    __slots__ = ("_after_time", "_after_value", "_before_time", "_is_boolean", "key")

    def __init__(self, tag: TagInfo, location: str, organisation: str | None) -> None:
        text = _encode_value
        self.key = tag.device_id
        self._is_boolean = tag.kind == "boolean"
        self._before_time = b'{"deviceId":%b,"timestamp":"' % text(tag.device_id)
        self._after_time = b'","sensorType":%b,"value":' % text(tag.name)
        self._after_value = b',"unit":%b,"location":%b,"status":"active"' % (text(tag.unit), text(location))
        if organisation is not None:
            self._after_value += b',"organisationId":%b' % text(organisation)
        self._after_value += b',"received":"'

    def message(self, at: int, value: float | str, quality: int, received: int, marks: int) -> bytes:
        """One sample; times µs UTC."""
        if self._is_boolean and value in (0.0, 1.0):
            value = bool(value)
        return b"".join(
            (
                self._before_time,
                to_iso(at).encode(),
                self._after_time,
                _encode_value(value),  # JSON knows no NaN: it becomes null
                self._after_value,
                to_iso(received).encode(),
                b'"',
                b"" if quality == _GOOD else b',"quality":%d' % quality,
                b',"imported":true' if marks & IMPORTED else b"",
                b',"pinned":true' if marks & PINNED else b"",
                b"}",
            )
        )


def _put(batches: list[SampleBatch], rows: list[Row], marks: list[int]) -> None:
    """Close a run of messages."""
    if rows:
        batch = SampleBatch.from_rows(rows)
        batches.append(replace(batch, marks=np.array(marks, np.uint8)) if any(marks) else batch)
        rows.clear()
        marks.clear()


def _marks(imported: bool, pinned: bool) -> int:
    return (IMPORTED if imported else 0) | (PINNED if pinned else 0)


def _us(moment: datetime) -> int:
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    us = round(moment.timestamp() * 1e6)
    if us < 0:
        raise WireError("invalid_timestamp", f"timestamp {moment.isoformat()} lies before 1970", "timestamp")
    return us
