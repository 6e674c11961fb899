"""Samples that come over HTTP: judged one by one, answered when they are durable."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec

from andon.ingest.batch import BatchBuilder
from andon.ingest.decoders.factory_plus import UNNAMED
from andon.ingest.devices import DeviceWriter, TagsMissingError
from andon.ingest.pipeline import Pipeline
from andon.ingest.reading import Reading, Signal
from andon.ingest.registration import TagRegistrar
from andon.ingest.settings import IngestSettings
from andon.ingest.timing import TimePolicy
from andon.kit.clock import now_us, parse_timestamp
from andon.kit.errors import ConflictError, NotFoundError, TooLargeError
from andon.kit.quality import Quality, parse_quality
from andon.registry.directory import DeviceInfo, Directory
from andon.registry.model import NewTag
from andon.wire.errors import WireError

PushedSample = Mapping[str, Any]
"""`{"timestamp", "value", "quality"?, "tag"?, "unit"?}` as it came, not yet checked."""

_FIELDS = frozenset({"timestamp", "value", "quality", "tag", "unit"})


@dataclass(frozen=True, slots=True)
class PushResult:
    """How many samples are durable now, and (index, reason, detail) of those that were refused."""

    accepted: int
    rejected: list[tuple[int, str, str]]


def reading_of(sample: PushedSample, *, historical: bool) -> Reading:
    """A pushed sample as a reading. WireError names the field that is wrong."""
    for name in sample:
        if name not in _FIELDS:
            raise WireError("unknown_field", f"{name[:40]!r} is none of {', '.join(sorted(_FIELDS))}", name[:40])
    value = sample.get("value")
    if value is None:
        raise WireError("missing_field", "value is missing", "value")
    if not isinstance(value, bool | int | float | str):
        raise WireError("wrong_type", "value must be a number, true, false or text", "value")
    tag = _text(sample, "tag")
    signal = Signal(tag or UNNAMED, value, _text(sample, "unit"))
    return Reading(_time(sample), _quality(sample), historical, [signal], single=tag is None)


def _text(sample: PushedSample, name: str) -> str | None:
    found = sample.get(name)
    if found is not None and not isinstance(found, str):
        raise WireError("wrong_type", f"{name} must be text", name)
    return found


def _time(sample: PushedSample) -> int | None:
    found = sample.get("timestamp")
    try:
        return None if found is None else parse_timestamp(found)
    except ValueError as error:
        raise WireError("invalid_timestamp", str(error), "timestamp") from error


def _quality(sample: PushedSample) -> Quality:
    found = sample.get("quality")
    try:
        return Quality.GOOD if found is None else parse_quality(found)
    except ValueError as error:
        raise WireError("invalid_quality", str(error), "quality") from error


class _Attempt:
    """One request: what was taken, refused, and what waits for tags."""

    def __init__(self, samples: Sequence[PushedSample], out: BatchBuilder, received: int, historical: bool) -> None:
        self.refused: dict[int, WireError] = {}
        self._samples = samples
        self._out = out
        self._received = received
        self._historical = historical
        self._waiting: dict[int, Sequence[NewTag]] = {}

    def write(self, writer: DeviceWriter, indexes: Iterable[int]) -> None:
        """Take the samples of these indexes as far as they go."""
        for index in indexes:
            try:
                reading = reading_of(self._samples[index], historical=self._historical)
                # Samples without times would all bear the time of receipt, and only one of a tag could stay.
                received = self._received + index if reading.timestamp is None else self._received
                writer.write(reading, received, self._out)
            except WireError as error:
                self.refused[index] = error
            except TagsMissingError as missing:
                self._waiting[index] = missing.tags

    def missing_tags(self) -> list[NewTag]:
        """Each tag once that samples wait for."""
        return list({tag.name: tag for tags in self._waiting.values() for tag in tags}.values())

    def waiting(self) -> list[int]:
        """Indexes of the samples that wait for tags; they wait no longer afterwards."""
        indexes = list(self._waiting)
        self._waiting.clear()
        return indexes


class Pusher:
    """Takes samples of a registered device; one bad sample does not hold up the others."""

    def __init__(
        self,
        directory: Directory,
        registrar: TagRegistrar,
        pipeline: Pipeline,
        policy: TimePolicy,
        settings: IngestSettings,
    ) -> None:
        self._directory = directory
        self._registrar = registrar
        self._pipeline = pipeline
        self._policy = policy
        self._settings = settings

    async def push(
        self,
        organisation: str,
        device_id: str,
        samples: Sequence[PushedSample],
        *,
        historical: bool = False,
        received: int | None = None,
        keep_letters: bool = True,
    ) -> PushResult:
        """Store samples of a device; they are durable when this returns. Refused ones become dead letters.

        Raises NotFoundError, ConflictError (the device is disabled), TooLargeError, and UnavailableError when the
        log takes nothing: then none of them was stored.
        """
        if self._directory.device(organisation, device_id) is None:
            await self._directory.catch_up()  # it may have been registered in another process a moment ago
        device = self._device(organisation, device_id)
        self._check_count(samples)
        out = BatchBuilder(self._settings.batch_samples, self._settings.batch_text_bytes)
        attempt = _Attempt(samples, out, now_us() if received is None else received, historical)
        attempt.write(DeviceWriter(device, self._policy, None), range(len(samples)))
        await self._register_and_retry(device, attempt)
        accepted = len(out)
        await self._pipeline.append_now(out.take())
        refused = sorted(attempt.refused.items())
        if keep_letters:
            self._keep_letters(organisation, device_id, samples, refused)
        return PushResult(accepted, [(index, error.reason, str(error)) for index, error in refused])

    async def _register_and_retry(self, device: DeviceInfo, attempt: _Attempt) -> None:
        tags = attempt.missing_tags()
        if not tags:
            return
        indexes = attempt.waiting()
        try:
            await self._registrar.register(device, tags)
        except WireError as error:
            attempt.refused.update(dict.fromkeys(indexes, error))
            return
        attempt.write(DeviceWriter(self._device(device.organisation_id, device.device_id), self._policy, None), indexes)

    def _device(self, organisation: str, device_id: str) -> DeviceInfo:
        device = self._directory.device(organisation, device_id)
        if device is None:
            raise NotFoundError(
                f"there is no device {device_id[:100]!r}", field="deviceId", cure="register it: POST /api/v1/devices"
            )
        if device.status == "disabled":
            raise ConflictError(f"{device_id} is disabled", field="deviceId", cure="enable the device first")
        return device

    def _check_count(self, samples: Sequence[PushedSample]) -> None:
        if len(samples) > self._settings.max_push:
            raise TooLargeError(
                f"{len(samples)} samples in one request; {self._settings.max_push} are allowed (max_push)",
                field="samples",
                cure="send several requests",
            )

    def _keep_letters(
        self,
        organisation: str,
        device_id: str,
        samples: Sequence[PushedSample],
        refused: Iterable[tuple[int, WireError]],
    ) -> None:
        topic = f"/devices/{device_id}/samples"
        for index, error in refused:
            payload = msgspec.json.encode(samples[index])
            self._pipeline.count_rejected(error.reason)
            self._pipeline.letters.put(
                "http", topic, payload, error.reason, str(error), device=device_id, organisation=organisation
            )
