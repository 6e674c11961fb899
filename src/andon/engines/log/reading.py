"""Reading of parts of a stream, whatever the log."""

from __future__ import annotations

from andon.engines.log.port import Log, Record

_READ_BYTES = 4 << 20


async def read_range(log: Log, stream: str, after: int, upto: int, partition: int = 0) -> list[Record]:
    """All records after one position up to another that the log still has."""
    found: list[Record] = []
    while after < upto:
        records = await log.read(stream, after, upto - after, _READ_BYTES, partition=partition)
        if not records:
            break
        found.extend(record for record in records if record.position <= upto)
        after = records[-1].position
    return found


async def count(log: Log, stream: str) -> int:
    """Records that were ever appended to a stream."""
    return sum([await log.end(stream, partition) for partition in range(await log.partitions(stream))])
