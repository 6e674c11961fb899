"""Names of streams and consumer groups, the same for every log."""

from __future__ import annotations

import re
from typing import Final

from andon.kit.errors import InvalidError

_NAME: Final = re.compile(r"[a-z0-9][a-z0-9.-]{0,62}")


def checked(name: str, field: str) -> str:
    """The name. InvalidError when it is none; `field` says what it names."""
    if not _NAME.fullmatch(name):
        raise InvalidError(
            f"{field} {name[:40]!r} is not a name",
            field=field,
            cure="use up to 63 lower-case letters, digits, dots and dashes",
        )
    return name
