"""What Prometheus sees of ingest. Counted per flush, not per message."""

from __future__ import annotations

from prometheus_client import Counter, Gauge, Histogram

MESSAGES = Counter("andon_ingest_messages_total", "Messages received, by where they came from", ["source"])
SAMPLES = Counter("andon_ingest_samples_total", "Samples that went to the log")
REJECTED = Counter("andon_ingest_rejected_total", "Messages that could not be taken, by reason", ["reason"])
BYTES = Counter("andon_ingest_bytes_total", "Bytes of the payloads received")
FLUSH_SECONDS = Histogram(
    "andon_ingest_flush_seconds",
    "Time to make a flush durable",
    buckets=(0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1, 5),
)
PENDING = Gauge("andon_ingest_pending_samples", "Samples that are received and not yet durable")
