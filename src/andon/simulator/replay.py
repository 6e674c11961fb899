"""Streams a CSV recording as if a device measured it now, or as the history that it is."""

from __future__ import annotations

import asyncio
import re
import uuid
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Literal, NamedTuple

from andon.kit.clock import US_PER_S
from andon.kit.errors import InvalidError, UnavailableError
from andon.kit.ids import DEVICE_ID_PATTERN
from andon.kit.tasks import end_tasks
from andon.simulator.clock import machine_us
from andon.simulator.config import BrokerConfig, BufferConfig
from andon.simulator.link import Link
from andon.simulator.recording import RecordedRow, Recording, open_recording
from andon.wire.json_messages import encode_device_values
from andon.wire.topics import device_topic

Timestamps = Literal["keep", "now"]

_UNACKNOWLEDGED = 500
"""Messages under way at most: the brake when the recording is read faster than the broker takes it."""
_SLEEP_LEAST_S = 0.001
_CLOSE_S = 5.0


class ReplayProgress(NamedTuple):
    """Where a replay stands. `recorded_at` µs UTC of the last row; `skipped` rows had no readable time or value."""

    rows_total: int
    rows_done: int
    values_sent: int
    skipped: int
    unreadable_cells: int
    recorded_at: int | None


class _Clock:
    """When a row is due (monotonic seconds), and the timestamp that it is sent with (µs UTC)."""

    def __init__(self, timestamps: Timestamps, speed: float, period_s: float) -> None:
        self.keeps = timestamps == "keep"
        self._speed = speed
        self._period_us = period_s * US_PER_S
        self._first: int | None = None
        self._last_sent = 0
        self._began_us = machine_us()
        self._began_s = asyncio.get_running_loop().time()

    def place(self, at: int | None, index: int) -> tuple[float, int]:
        """(due, timestamp) of the row with this number; `at` is None in a recording without times."""
        recorded = round(index * self._period_us) if at is None else at
        if self._first is None:
            self._first = recorded
        passed_us = recorded - self._first
        if self._speed == 0:
            # As fast as possible there is no distance between rows: each gets the moment that it is sent.
            self._last_sent = max(machine_us(), self._last_sent + 1)
            return 0.0, recorded if self.keeps else self._last_sent
        due = self._began_s + passed_us / self._speed / US_PER_S
        return due, recorded if self.keeps else self._began_us + round(passed_us / self._speed)


async def replay(
    file: Path,
    device: str,
    *,
    broker: BrokerConfig,
    speed: float = 1.0,
    columns: Sequence[str] = (),
    timestamps: Timestamps = "now",
    units: Mapping[str, str] | None = None,
    period_s: float = 1.0,
    on_progress: Callable[[ReplayProgress], None] | None = None,
) -> ReplayProgress:
    """Publish each row as one message with as many values as there are columns; return when the broker has them all.

    `speed` is how many times faster than recorded, 0 as fast as the broker takes it. `timestamps` `now` shifts the
    recording so that it starts now; `keep` sends the original times, marked as history, which raise no alarms.
    `period_s` parts the rows of a recording without times. `on_progress` is called after each row.

    InvalidError when the file, a column or an argument is at fault; UnavailableError when there is no broker to begin
    with. Once it runs, a broker that goes away is waited for, and what it had not acknowledged is sent again.
    """
    recording = open_recording(file, columns)
    topic = _check(recording, device, speed, timestamps, period_s)
    link = Link(f"andon-replay-{uuid.uuid4().hex[:10]}", broker, BufferConfig(minutes=1e6))
    connecting = asyncio.create_task(link.run())
    try:
        await _first_connection(link, broker)
        return await _play(recording, device, topic, link, _Clock(timestamps, speed, period_s), units, on_progress)
    finally:
        await link.close(_CLOSE_S)
        await end_tasks(connecting)


def _check(recording: Recording, device: str, speed: float, timestamps: str, period_s: float) -> str:
    """The device's topic, when the arguments fit together."""
    if not 0 <= speed < float("inf"):
        raise InvalidError(f"speed {speed} is not possible", field="speed", cure="give 0 or a number above it")
    if not 0 < period_s < float("inf"):
        raise InvalidError(f"period {period_s} s is not possible", field="period_s", cure="give a number above 0")
    if timestamps not in ("keep", "now"):
        raise InvalidError(f"timestamps {timestamps!r} is unknown", field="timestamps", cure="give keep or now")
    if timestamps == "keep" and recording.time_position is None:
        raise InvalidError(
            f"{recording.path.name} has no column of times to keep",
            field="timestamps",
            cure="use timestamps now, or name the column of times `timestamp`",
        )
    # A name that Andon refuses must not reach the broker: each row would be refused, or the connection lost for ever.
    if not re.fullmatch(DEVICE_ID_PATTERN, device):
        raise InvalidError(
            f"{device[:100]!r} cannot be a device id",
            field="device",
            cure="use 1 to 100 letters, digits or any of _ . : - and begin with a letter or digit",
        )
    return device_topic(device, "data")


async def _first_connection(link: Link, broker: BrokerConfig) -> None:
    try:
        await link.wait_connected(broker.connect_timeout_s)
    except TimeoutError as error:
        reason = link.last_error or "it does not answer"
        raise UnavailableError(
            f"no MQTT broker lets us in at {broker.host}:{broker.port}: {reason}",
            field="broker",
            cure="start Andon (`andon up`), and check host, port, user and password",
        ) from error


async def _play(
    recording: Recording,
    device: str,
    topic: str,
    link: Link,
    clock: _Clock,
    units: Mapping[str, str] | None,
    on_progress: Callable[[ReplayProgress], None] | None,
) -> ReplayProgress:
    progress = ReplayProgress(recording.row_count, 0, 0, 0, 0, None)
    for index, row in enumerate(recording.rows()):
        if row is not None:
            due, at = clock.place(row.at, index)
            await _until(due)
            await link.below(_UNACKNOWLEDGED)
            link.publish(topic, encode_device_values(device, at, row.values, units=units, historical=clock.keeps))
        progress = _counted(progress, row)
        if on_progress is not None:
            on_progress(progress)
    await link.below(0)
    return progress


def _counted(progress: ReplayProgress, row: RecordedRow | None) -> ReplayProgress:
    done = progress.rows_done + 1
    total = max(progress.rows_total, done)
    if row is None:
        return progress._replace(rows_total=total, rows_done=done, skipped=progress.skipped + 1)
    return ReplayProgress(
        total,
        done,
        progress.values_sent + len(row.values),
        progress.skipped,
        progress.unreadable_cells + row.unreadable,
        row.at,
    )


async def _until(due: float) -> None:
    wait_s = due - asyncio.get_running_loop().time()
    if wait_s > _SLEEP_LEAST_S:
        await asyncio.sleep(wait_s)
