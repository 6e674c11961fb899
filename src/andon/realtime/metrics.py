"""What Prometheus sees of realtime."""

from __future__ import annotations

from prometheus_client import Counter, Gauge

MESSAGES = Counter("andon_realtime_messages", "Messages queued for clients")
PASSED_OVER = Counter("andon_realtime_passed_over", "Deliveries that found a client not ready")
ENDED = Counter("andon_realtime_ended", "Connections that the server ended", ["code"])
CLIENTS = Gauge("andon_realtime_clients", "Connected clients", ["protocol"])
