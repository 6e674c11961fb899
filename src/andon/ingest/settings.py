"""The limits of ingest, each a setting."""

from __future__ import annotations

from dataclasses import dataclass

MIB = 1 << 20


@dataclass(frozen=True, slots=True)
class IngestSettings:
    """Sizes in bytes, times in the unit that the name ends with.

    `max_ahead_s`, `max_age_days`: samples outside are refused. `clock_tolerance_s`: beyond it a device's clock
    counts as wrong. `flush_interval_ms`, `busy_interval_ms`: longest and shortest wait before received samples go to
    the log; in between, as long as brings about `busy_messages`. A broker may send no more than some twenty before they
    are acknowledged: then it must be less than that. From `many_messages` a flush on, the sources read all the time.
    `batch_samples`, `batch_text_bytes`: most that one record of the log holds. `max_pending_samples`,
    `max_pending_bytes`: above either, nothing more is read from the broker until the log has caught up.
    `max_waiting_bytes` (a connection to the broker): of what is read and not handled yet; when more comes, the oldest
    messages at QoS 0 are dropped; Sparkplug and what comes at QoS 1 is not read.
    `max_deferred`: when so many messages wait for a new tag to be registered nothing more is read from the broker; from
    twice as many on they are refused (from as many while the database is away). `max_discovered`, `max_signals` (a
    device), `max_all_signals`, `kept_samples` (a signal), `max_kept_samples` (of all): bounds of what is remembered of
    unknown devices. `letters_*`: dead letters kept in a second per reason and topic, per reason, and their bytes;
    further ones are counted.
    """

    max_payload_bytes: int = MIB
    max_ahead_s: float = 60.0
    max_age_days: float = 30.0
    clock_tolerance_s: float = 10.0
    clock_window_s: float = 60.0
    flush_interval_ms: float = 50.0
    busy_interval_ms: float = 10.0
    busy_messages: int = 16
    many_messages: int = 128
    batch_samples: int = 8_192
    batch_text_bytes: int = MIB
    max_pending_samples: int = 200_000
    max_pending_bytes: int = 64 * MIB
    max_waiting_bytes: int = 16 * MIB
    max_deferred: int = 1_000
    refuse_new_tags_s: float = 60.0
    max_push: int = 10_000
    max_discovered: int = 1_000
    max_signals: int = 500
    max_all_signals: int = 20_000
    kept_samples: int = 200
    max_kept_samples: int = 100_000
    discovered_expire_s: float = 3_600.0
    letters_each: int = 5
    letters_per_reason: int = 50
    letters_bytes: int = MIB
    letter_payload_bytes: int = 64 << 10
    max_edge_nodes: int = 1_000
    max_edge_metrics: int = 200_000
    sparkplug_host_id: str = "andon"
