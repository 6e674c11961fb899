"""What is wrong with something that came over the wire."""

from __future__ import annotations


class WireError(ValueError):
    """A topic or a payload that cannot be taken.

    `reason` is a short machine name (`not_a_number`), fit for a counter; `field` names the place at fault when
    there is one; the text says what, where and why.
    """

    def __init__(self, reason: str, message: str, field: str | None = None) -> None:
        super().__init__(message)
        self.reason = reason
        self.field = field
