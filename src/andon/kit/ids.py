"""Identifiers: our own sort by creation time, so that database indexes stay compact; what a device may be called."""

from __future__ import annotations

import os
import time
import uuid

DEVICE_ID_PATTERN = r"[A-Za-z0-9][A-Za-z0-9_.:-]{0,99}"


def new_id() -> str:
    """A UUID version 7 (RFC 9562, section 5.7) as text."""
    millis = time.time_ns() // 1_000_000
    bits = (millis << 80) | int.from_bytes(os.urandom(10), "big")
    bits = (bits & ~(0xF << 76)) | (0x7 << 76)
    bits = (bits & ~(0x3 << 62)) | (0x2 << 62)
    return str(uuid.UUID(int=bits))
