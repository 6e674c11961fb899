"""What is wrong with a Sparkplug payload."""

from __future__ import annotations

from andon.wire.errors import WireError


class PayloadError(WireError):
    """A payload that is no Sparkplug B payload, or a value that does not fit its data type."""

    def __init__(self, message: str, *, reason: str = "invalid_payload", field: str | None = None) -> None:
        super().__init__(reason, message, field)


class SequenceError(RuntimeError):
    """A step of an edge session out of its order, such as data before the birth."""
