"""What the JSON messages have in common: reading them, and saying which field is wrong."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TypeVar

import msgspec

from andon.kit.clock import parse_timestamp
from andon.kit.quality import Quality, parse_quality
from andon.wire.errors import WireError
from andon.wire.values import Value

_T = TypeVar("_T")
_NO_NUMBER = re.compile(rb'(?:"([^"]{1,200})"\s*:|[,\[])\s*-?(?:NaN|Infinity)')


class MessageLimits(msgspec.Struct, frozen=True):
    """How much one message may carry: values, and characters in a name and in a text value."""

    max_values: int = 2_000
    max_name: int = 200
    max_text: int = 4_096


DEFAULT_LIMITS = MessageLimits()


def decoded(decoder: msgspec.json.Decoder[_T], payload: bytes) -> _T:
    """The payload as `decoder` reads it. WireError `invalid_json`, or what does not fit and where."""
    try:
        return decoder.decode(payload)
    except msgspec.ValidationError as error:
        raise _from_validation(str(error)) from error
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        if found := _NO_NUMBER.search(payload):
            field = (found.group(1) or b"").decode(errors="replace") or None
            message = f"{field or 'payload'}: NaN and Infinity are no JSON numbers; leave the reading out"
            raise WireError("not_a_number", message, field) from error
        raise WireError("invalid_json", f"payload is not JSON: {error}") from error


def _from_validation(text: str) -> WireError:
    """msgspec says ``Expected `float`, got `str` - at `$.bbw_value` ``; the field is taken from its end."""
    what, _, path = text.partition(" - at `$")
    field = path.rstrip("`").lstrip(".") or None
    if "missing required field" in what:
        name = what.rsplit("`", 2)[1]
        return WireError("missing_field", f"{name} is missing", name)
    reason = "not_a_number" if "out of range" in what or what.startswith("Expected `float") else "wrong_type"
    return WireError(reason, f"{field or 'message'}: {what[0].lower()}{what[1:]}", field)


def several(values: Mapping[str, Value | None], limits: MessageLimits) -> dict[str, Value]:
    """The readings of a message with several signals, checked; nulls are left out."""
    if not values:
        raise WireError("missing_field", "values is empty", "values")
    if len(values) > limits.max_values:
        message = f"values holds {len(values)} signals; a message may have {limits.max_values} (max_values)"
        raise WireError("too_many_values", message, "values")
    for name, value in values.items():
        if not name or len(name) > limits.max_name:
            message = f"values: a name must have 1 to {limits.max_name} characters (max_name): {name[:40]!r}"
            raise WireError("invalid_name", message, "values")
        if isinstance(value, str):
            check_text(value, f"values.{name}", limits)
    return {name: value for name, value in values.items() if value is not None}


def check_text(text: str, field: str, limits: MessageLimits) -> None:
    """WireError when a text value is longer than is allowed."""
    if len(text) > limits.max_text:
        message = f"{field} has {len(text)} characters; {limits.max_text} are allowed (max_text)"
        raise WireError("text_too_long", message, field)


def wire_time(value: int | float | str, field: str) -> int:
    """A timestamp of the wire in µs UTC."""
    try:
        return parse_timestamp(value)
    except ValueError as error:
        raise WireError("invalid_timestamp", str(error), field) from error


def wire_quality(value: int | str) -> Quality:
    """Quality by name or code."""
    try:
        return parse_quality(value)
    except ValueError as error:
        raise WireError("invalid_quality", str(error), "quality") from error


def bare_word(payload: bytes) -> str:
    """The one word that a status payload consists of."""
    try:
        word = payload.decode().strip().strip('"')
    except UnicodeDecodeError as error:
        raise WireError("invalid_message", "status is not UTF-8 text", "status") from error
    if not 0 < len(word) <= 40 or not word.isprintable():
        raise WireError("invalid_message", "status must be a word of 1 to 40 characters", "status")
    return word
