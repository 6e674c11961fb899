"""How samples are written into records, and read back."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import NamedTuple, Protocol

from andon.engines.log.port import Record
from andon.kit.samples import SampleBatch, concatenate, decode, encode


class Refused(NamedTuple):
    """A record that holds no samples: trying again cannot help. `reason` is a word, `detail` says what is wrong."""

    record: Record
    reason: str
    detail: str


@dataclass(frozen=True, slots=True)
class Decoded:
    """The samples of some records, in order, and the records that could not be read."""

    batch: SampleBatch
    refused: list[Refused] = field(default_factory=list)


class Encoded(NamedTuple):
    """Payloads for `Log.append`, and the key of each; without keys the log spreads them."""

    payloads: list[bytes]
    keys: list[str] | None = None


class SampleCodec(Protocol):
    """Between samples and the records of `sensors-data`."""

    def encode(self, batches: Sequence[SampleBatch]) -> Encoded:
        """Records for the samples; those of one device stay in order."""
        ...

    async def decode(self, records: Sequence[Record]) -> Decoded:
        """The samples of the records. UnavailableError when what is needed to tell is away."""
        ...


class ColumnsCodec:
    """Andon's own columns (`kit.samples`), one record a batch: for a log of one partition."""

    def encode(self, batches: Sequence[SampleBatch]) -> Encoded:
        """See `SampleCodec.encode`."""
        return Encoded([encode(batch) for batch in batches])

    async def decode(self, records: Sequence[Record]) -> Decoded:
        """See `SampleCodec.decode`."""
        batches: list[SampleBatch] = []
        refused: list[Refused] = []
        for record in records:
            try:
                batches.append(decode(record.payload))
            except ValueError as error:
                refused.append(Refused(record, "undecodable", str(error)))
        return Decoded(concatenate(batches), refused)


COLUMNS = ColumnsCodec()
