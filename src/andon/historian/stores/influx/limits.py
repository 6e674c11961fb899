"""Where InfluxDB is, and the limits of the store on it."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Access:
    """The address, and who we are there. With a token it is InfluxDB 2: `database` is then the bucket's name.

    On InfluxDB 2 a bucket `{database}/andon_raw` stands for each retention policy, and `organisation` owns them.
    """

    url: str
    database: str = "andon"
    username: str | None = None
    password: str | None = field(default=None, repr=False)
    token: str | None = field(default=None, repr=False)
    organisation: str | None = None


@dataclass(frozen=True, slots=True)
class InfluxLimits:
    """Bounds in seconds and counts.

    `lines_a_write`: so many lines go into one request. `attempts`: of a request when InfluxDB is away or busy, before
    whoever asked is told so. `position_interval_s`: the least time between two writes of a position.
    `statistics_samples`: with more samples percentiles are those of the minutes' means.
    `names_age_s`: how old the knowledge of what other processes do may be; `count_age_s`: and of how much there is.
    `late_window_s`: the sums of an hour are made so long after its end; `maintenance_s`: looked at so often.
    `delay_ms`: samples received sooner than so after they were taken are remembered as received at once.
    `max_windows`: most windows that InfluxDB sums up in one query. `start_wait_s`: it may be away so long at start.
    """

    connections: int = 6
    connect_timeout_s: float = 5.0
    timeout_s: float = 30.0
    attempts: int = 3
    first_pause_s: float = 0.2
    lines_a_write: int = 5_000
    position_interval_s: float = 0.0
    statistics_samples: int = 500_000
    names_age_s: float = 5.0
    count_age_s: float = 30.0
    start_wait_s: float = 15.0
    delay_ms: int = 100
    max_windows: int = 20_000
    late_window_s: float = 120.0
    maintenance_s: float = 30.0
    maintenance: bool = True
