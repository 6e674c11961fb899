"""`factory-plus/devices/{id}/data`: one value, or several by name."""

from __future__ import annotations

from andon.ingest.reading import Reading, Signal
from andon.wire.errors import WireError
from andon.wire.json_messages import decode_device_data

UNNAMED = "value"
"""Name of the only signal of a device that does not say what it measures."""


def decode(payload: bytes, device_id: str) -> Reading:
    """The reading in a payload on the topic of `device_id`. WireError when it is none, or of another device."""
    message = decode_device_data(payload)
    if message.device_id != device_id and message.device_id is not None:
        raise WireError("device_mismatch", f"deviceId {message.device_id[:40]!r} is not the topic's", "deviceId")
    if message.values is None:
        assert message.value is not None  # the decoder saw to it
        signals = [Signal(message.sensor_type or UNNAMED, message.value, message.unit)]
        single = True
    else:
        units = message.units
        signals = [Signal(name, value, units.get(name)) for name, value in message.values.items()]
        single = False
    return Reading(
        message.timestamp,
        message.quality,
        message.historical,
        signals,
        single,
        message.sensor_type or "",
        message.location or "",
    )
