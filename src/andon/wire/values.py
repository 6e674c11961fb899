"""Whether a value from the wire fits what its tag holds."""

from __future__ import annotations

import math

from andon.wire.errors import WireError

Value = bool | int | float | str
"""What a reading may be; whether it fits its tag is settled by `as_number`, `as_boolean` or `as_text`."""

_WORDS = {"None": "null", "True": "true", "False": "false"}


def as_number(value: object, field: str) -> float:
    """The value as a finite float. WireError (`not_a_number`) for text, true, false, NaN, infinity and the like."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise WireError("not_a_number", f"{field}: a number belongs here, not {_shown(value)}", field)
    try:
        number = float(value)
    except OverflowError:
        number = math.inf
    if not math.isfinite(number):
        raise WireError("not_a_number", f"{field}: {_shown(value)} is not a finite number", field)
    return number


def as_boolean(value: object, field: str) -> float:
    """1.0 or 0.0 for true, false, 1 and 0. WireError (`wrong_type`) otherwise."""
    if isinstance(value, bool | int | float) and value in (0, 1):
        return float(value)
    raise WireError("wrong_type", f"{field}: true or false belongs here, not {_shown(value)}", field)


def as_text(value: object, field: str) -> str:
    """The value if it is text. WireError (`wrong_type`) otherwise."""
    if isinstance(value, str):
        return value
    raise WireError("wrong_type", f"{field}: text belongs here, not {_shown(value)}", field)


def _shown(value: object) -> str:
    if isinstance(value, str):
        return f"the text {value[:40]!r}"
    if isinstance(value, float):
        return repr(value)
    if isinstance(value, int) and not isinstance(value, bool):
        return repr(value) if value.bit_length() < 128 else f"an integer of {value.bit_length()} bits"
    return _WORDS.get(repr(value), type(value).__name__)
