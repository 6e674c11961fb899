"""Cursors: where a listing goes on, as text that means nothing to its bearer.

A cursor holds the absolute range that is left, so pages fit together while new samples arrive, and a mark of the
question it belongs to. It gives no rights: the next page is checked like the first.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
from typing import Final, NamedTuple

import msgspec

from andon.kit.errors import InvalidError

_VERSION: Final = 1
_LONGEST: Final = 200


class Remaining(NamedTuple):
    """What is left of a range: start ≤ timestamp < end, µs UTC."""

    start: int
    end: int


class _Cursor(NamedTuple):
    version: int
    question: bytes
    start: int
    end: int


def write_cursor(question: object, left: Remaining) -> str:
    """The cursor for what is left of a question (anything that msgspec encodes; its parts have to be in order)."""
    data = msgspec.msgpack.encode(_Cursor(_VERSION, _digest(question), *left))
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def read_cursor(text: str, question: object) -> Remaining:
    """What is left. InvalidError when it is no cursor, or one of another question."""
    try:
        if len(text) > _LONGEST:
            raise ValueError("too long")
        data = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
        cursor = msgspec.msgpack.decode(data, type=_Cursor)
    except (ValueError, binascii.Error, msgspec.MsgspecError) as error:
        raise _unfit("cursor is not one of ours") from error
    if cursor.version != _VERSION:
        raise _unfit("cursor is of another version of Andon")
    if cursor.question != _digest(question):
        raise _unfit("cursor belongs to another question")
    if cursor.start >= cursor.end:
        raise _unfit("cursor is not one of ours")
    return Remaining(cursor.start, cursor.end)


def _digest(question: object) -> bytes:
    return hashlib.blake2b(msgspec.msgpack.encode(question), digest_size=8).digest()


def _unfit(message: str) -> InvalidError:
    return InvalidError(
        message, field="cursor", cure="send meta.nextCursor with the same parameters, or begin anew without cursor"
    )
