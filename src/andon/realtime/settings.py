"""The limits of realtime, each a setting."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class RealtimeSettings:
    """Bounds in seconds, bytes and counts.

    `fastest_s`, `slowest_s`, `per_client_s`: a busy client gets its values at most once in
    `clients * per_client_s` seconds, kept between the first two.
    `ready_backlog`: a client with this many messages still unsent is passed over and later gets the newest values.
    `max_backlog`: messages that must not be passed over (alarms, answers) may pile up to this many.
    `slow_limit_s`: a client that takes nothing for this long is disconnected.
    `frame_samples`: most samples in one frame.
    `catch_up_*`: what one client that was away may have back, what is searched for it, and how many at once.
    """

    fastest_s: float = 0.015
    slowest_s: float = 0.2
    per_client_s: float = 0.0005
    ready_backlog: int = 4
    max_backlog: int = 10_000
    slow_limit_s: float = 30.0
    frame_samples: int = 2_000
    max_clients: int = 2_000
    max_devices: int = 20_000
    max_filters: int = 50
    max_message_bytes: int = 512 << 10
    max_tags: int = 200_000
    catch_up_samples: int = 5_000
    catch_up_records: int = 30_000
    catch_up_bytes: int = 16 << 20
    catch_up_parallel: int = 4
    stats_refresh_s: float = 5.0
    system_interval_s: float = 5.0
    sign_in_timeout_s: float = 10.0
    verify_interval_s: float = 10.0
    directory_delay_s: float = 0.2
    allowed_origins: tuple[str, ...] = ()

    def interval_s(self, clients: int) -> float:
        """Least seconds between two deliveries to the same client while so many are connected."""
        return min(self.slowest_s, max(self.fastest_s, clients * self.per_client_s))
