"""What a publisher says on its channel: numbered batches, a heartbeat, and where a snapshot lies.

A message is `AL1` and its kind, the publisher's epoch (8 bytes), a number (uint64, little endian), then its body.
Batches are numbered from 1 in each epoch, in the order in which the publisher took them in. In a message of batches
the number is the first one's; in a heartbeat it is the number that the next batch will have.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from enum import IntEnum
from typing import Final, NamedTuple

import msgspec

_MAGIC: Final = b"AL1"
_HEADER: Final = 20
SPACE: Final = "andon:live:"


class Kind(IntEnum):
    """What a message carries: MessagePack of a list of encoded batches, nothing, or a `SnapshotNote`."""

    BATCHES = 1
    BEAT = 2
    SNAPSHOT = 3


class Message(NamedTuple):
    """One message. `epoch` names the publisher's present term: numbers of different epochs do not compare."""

    kind: Kind
    epoch: bytes
    number: int
    body: bytes


class SnapshotNote(msgspec.Struct, array_like=True, frozen=True):
    """Where a snapshot lies. `started`: batches up to this number are in every part; `keys`: the parts, in order."""

    started: int
    keys: list[str]


class Names:
    """Channel and keys of one shard."""

    def __init__(self, shard: str) -> None:
        base = f"{SPACE}{shard}"
        self.channel = base
        self.lease = f"{base}:publisher"
        self.wanted = f"{base}:wanted"
        self.snapshot = f"{base}:snapshot"


def new_epoch() -> bytes:
    """A name that no other publisher has."""
    return os.urandom(8)


def write(message: Message) -> bytes:
    """The message as bytes."""
    head = _MAGIC + bytes((message.kind,)) + message.epoch + message.number.to_bytes(8, "little")
    return head + message.body


def read(data: bytes) -> Message:
    """The message. ValueError when it is not one, such as of a newer Andon."""
    if len(data) < _HEADER or data[:3] != _MAGIC:
        raise ValueError("not a message of live state")
    return Message(Kind(data[3]), data[4:12], int.from_bytes(data[12:_HEADER], "little"), data[_HEADER:])


def batches(epoch: bytes, first: int, encoded: Sequence[bytes]) -> bytes:
    """A message of batches, the first of them numbered `first`."""
    return write(Message(Kind.BATCHES, epoch, first, msgspec.msgpack.encode(list(encoded))))


def read_batches(body: bytes) -> list[bytes]:
    """The encoded batches of a message. ValueError when the body is damaged."""
    return msgspec.msgpack.decode(body, type=list[bytes])


def beat(epoch: bytes, following: int) -> bytes:
    """A heartbeat; `following` is the number that the next batch will have."""
    return write(Message(Kind.BEAT, epoch, following, b""))


def snapshot_note(epoch: bytes, note: SnapshotNote) -> bytes:
    """The message that a snapshot is complete."""
    return write(Message(Kind.SNAPSHOT, epoch, note.started, msgspec.msgpack.encode(note)))


def read_note(body: bytes) -> SnapshotNote:
    """The note of a message. ValueError when the body is damaged."""
    return msgspec.msgpack.decode(body, type=SnapshotNote)
