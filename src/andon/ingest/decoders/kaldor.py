"""`kaldor/loom/{id}/bbw/raw`: the back beam width of a loom, with temperature and vibration."""

from __future__ import annotations

from andon.ingest.reading import Reading, Signal
from andon.kit.quality import Quality
from andon.wire.errors import WireError
from andon.wire.json_messages import decode_loom_raw


def decode(payload: bytes, loom_id: str) -> Reading:
    """The reading in a payload on the topic of `loom_id`. WireError when it is none, or of another loom."""
    message = decode_loom_raw(payload)
    if message.loom_id != loom_id:
        raise WireError("device_mismatch", f"loom_id {message.loom_id[:40]!r} is not the topic's", "loom_id")
    signals = [Signal("bbw_value", message.bbw_value, "mm")]
    if message.temperature is not None:
        signals.append(Signal("temperature", message.temperature, "celsius"))
    if message.vibration is not None:
        signals.append(Signal("vibration", message.vibration, "mm/s"))
    if message.quality_flag is not None:
        # The flag itself was read well, whatever it says of the others.
        signals.append(Signal("quality_flag", message.quality_flag, None, Quality.GOOD))
    return Reading(message.time, message.quality, message.historical, signals, type="loom")
