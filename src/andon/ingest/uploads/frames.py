"""Frames between the server and the process that reads a file: a head of JSON, and bytes."""

from __future__ import annotations

import json
import struct
from dataclasses import dataclass
from typing import IO, Any, Final

LENGTHS: Final = struct.Struct("<IQ")
"""Bytes of the head and of the body, before both."""


@dataclass(frozen=True, slots=True)
class Frame:
    """One answer: `head` says what it is, `body` is a part."""

    head: dict[str, Any]
    body: bytes = b""


def write_frame(to: IO[bytes], frame: Frame) -> None:
    """Write a frame; blocks while the other side does not read."""
    head = json.dumps(frame.head).encode()
    to.write(LENGTHS.pack(len(head), len(frame.body)))
    to.write(head)
    to.write(frame.body)
    to.flush()
