"""What Prometheus sees of the gateway."""

from __future__ import annotations

from prometheus_client import Counter

REQUESTS = Counter(
    "andon_gateway_requests_total",
    "Requests that other processes were asked: answered, passed_over (one could not be reached), nobody, broken",
    ["role", "outcome"],
)
