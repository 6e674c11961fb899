"""Andon's columns on a log of several partitions: each record holds samples of devices that share a partition."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from andon.engines.log.codec import Decoded, Encoded, SampleCodec
from andon.engines.log.port import Record
from andon.kit.samples import SampleBatch, encode
from andon.registry.directory import Directory

_UNKNOWN = -1


class KeyedColumns:
    """`partitions` says how many there are now; `key_hash` where a key goes: modulo that number.

    The key of a record is the id of any of its devices: that is enough to send it to the partition of all of them.
    `max_bytes`: a batch that would be larger is divided. `reader` reads what this and others write.
    """

    def __init__(
        self,
        directory: Directory,
        reader: SampleCodec,
        partitions: Callable[[], int],
        key_hash: Callable[[str], int],
        max_bytes: int,
    ) -> None:
        self._directory = directory
        self._reader = reader
        self._partitions = partitions
        self._key_hash = key_hash
        self._max_bytes = max_bytes
        self._hashes: NDArray[np.int64] = np.full(1024, _UNKNOWN, np.int64)  # by tag id

    def encode(self, batches: Sequence[SampleBatch]) -> Encoded:
        """See `SampleCodec.encode`."""
        payloads: list[bytes] = []
        keys: list[str] = []
        for batch in batches:
            for part in self._parts(batch):
                key = self.key(int(part.tag_ids[0]))
                for payload in self._encoded(part):
                    payloads.append(payload)
                    keys.append(key)
        return Encoded(payloads, keys)

    async def decode(self, records: Sequence[Record]) -> Decoded:
        """See `SampleCodec.decode`."""
        return await self._reader.decode(records)

    def key(self, tag_id: int) -> str:
        """The key of a tag's samples: the id of its device, as other producers key theirs too."""
        tag = self._directory.tag(tag_id)
        return "" if tag is None else tag.device_id

    def _parts(self, batch: SampleBatch) -> Iterator[SampleBatch]:
        """The samples of each partition, in order."""
        if not len(batch):
            return
        homes = self._hashes_of(batch.tag_ids) % self._partitions()
        if (homes == homes[0]).all():
            yield batch
            return
        for home in np.unique(homes):
            yield batch.take(homes == home)

    def _hashes_of(self, tag_ids: NDArray[np.int32]) -> NDArray[np.int64]:
        highest = int(tag_ids.max())
        if highest >= len(self._hashes):
            more = np.full(max(highest + 1, 2 * len(self._hashes)) - len(self._hashes), _UNKNOWN, np.int64)
            self._hashes = np.concatenate([self._hashes, more])
        hashes = self._hashes[tag_ids]
        unknown = hashes == _UNKNOWN
        if unknown.any():
            for tag_id in np.unique(tag_ids[unknown]).tolist():
                self._hashes[tag_id] = self._key_hash(self.key(tag_id))
            hashes = self._hashes[tag_ids]
        return hashes

    def _encoded(self, batch: SampleBatch) -> Iterator[bytes]:
        payload = encode(batch)
        if len(payload) <= self._max_bytes or len(batch) == 1:
            yield payload
            return
        middle = len(batch) // 2
        yield from self._encoded(batch.take(np.arange(middle)))
        yield from self._encoded(batch.take(np.arange(middle, len(batch))))
