"""Records that no consumer can handle, as dead letters."""

from __future__ import annotations

import base64
from collections.abc import Sequence

import msgspec

from andon.engines.log.codec import Refused
from andon.kit.clock import now_us, to_iso

_MAX_DETAIL = 500


def letters(refused: Sequence[Refused], *, stream: str, partition: int, max_count: int, max_bytes: int) -> list[bytes]:
    """A letter for each of the first `max_count` records, and one that counts the rest; payloads cut at `max_bytes`."""
    at = to_iso(now_us())
    made = [_letter(each, at, stream, partition, max_bytes) for each in refused[:max_count]]
    more = len(refused) - len(made)
    if more:
        rest = {"at": at, "source": "log", "topic": stream, "reason": refused[max_count].reason}
        made.append(msgspec.json.encode({**rest, "detail": f"and {more:,} more", "count": more}))
    return made


def _letter(refused: Refused, at: str, stream: str, partition: int, max_bytes: int) -> bytes:
    record = refused.record
    return msgspec.json.encode(
        {
            "at": at,
            "source": "log",
            "topic": stream,
            "reason": refused.reason,
            "detail": refused.detail[:_MAX_DETAIL],
            "payload": base64.b64encode(record.payload[:max_bytes]).decode(),
            "size": len(record.payload),
            "position": record.position,
            "partition": partition,
        }
    )
