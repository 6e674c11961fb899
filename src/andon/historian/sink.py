"""A file in memory that hands on what was written to it."""

from __future__ import annotations

import io
from typing import Any


class Sink(io.RawIOBase):
    """Write-only; its position goes on however much was handed on, as formats with offsets need it."""

    def __init__(self) -> None:
        super().__init__()
        self._parts: list[bytes] = []
        self._position = 0

    def writable(self) -> bool:
        """Yes."""
        return True

    def seekable(self) -> bool:
        """No: what was written may be gone."""
        return False

    def tell(self) -> int:
        """Bytes written so far."""
        return self._position

    def write(self, data: Any) -> int:
        """Take bytes in."""
        part = bytes(data)
        self._parts.append(part)
        self._position += len(part)
        return len(part)

    def drain(self) -> bytes:
        """What was written since the last call."""
        parts, self._parts = self._parts, []
        return b"".join(parts)
