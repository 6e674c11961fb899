"""Devices that go on while a plant is tormented, as good devices do: what was not confirmed, they send again."""

from __future__ import annotations

import json
import threading
import time
from collections import Counter, defaultdict
from itertools import count
from types import TracebackType
from typing import Any

import httpx

from andon.kit.clock import now_us, parse_timestamp
from support.apart import ApartAndon
from support.publisher import Publisher
from support.running import eventually

HOT = 99.0
LIMIT = 95.0
PUBLISHERS = 4
MAX_HOT = 40
RECOVERY_S = 60
PAGE = 10_000
PAUSE_S = 0.02
AWAY = (502, 503, 504)

Sent = dict[int, float]
"""Values by their timestamps."""


class SteadyLoad:
    """While the block runs, devices publish at QoS 1 and push over HTTP, and some exceed their limit, each once.

    `confirmed` holds what was acknowledged, by device; `check` says whether the plant has exactly that.
    """

    def __init__(self, plant: ApartAndon, name: str) -> None:
        self._plant = plant
        self._published = [f"{name}-mqtt-{number}" for number in range(PUBLISHERS)]
        self._pushed = f"{name}-push"
        self._hot = [f"{name}-hot-{number:02d}" for number in range(MAX_HOT)]
        self._name = name
        self._stopping = threading.Event()
        self._failed: list[BaseException] = []
        self._threads = [threading.Thread(target=self._guarded, args=(work,)) for work in (self._publish, self._push)]
        self.confirmed: dict[str, Sent] = defaultdict(dict)
        self.refused = 0
        """Requests that were answered, and not taken."""

    def __enter__(self) -> SteadyLoad:
        with self._plant.client() as client:
            for device in (*self._published, self._pushed, *self._hot):
                body = {"deviceId": device, "type": "counter", "location": "line", "unit": "units"}
                limits = {"alertMax": LIMIT} if device in self._hot else {}
                client.post("/api/v1/devices", json=body | limits).raise_for_status()
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stopping.set()
        for thread in self._threads:
            thread.join(RECOVERY_S)
        assert not any(thread.is_alive() for thread in self._threads), "what was sent is never confirmed"
        if error is None and self._failed:
            raise self._failed[0]

    def goes_on(self, samples: int = 20) -> None:
        """Wait until so many more samples of both kinds are confirmed."""
        published, pushed = self._counts()
        eventually(
            lambda: self._counts()[0] >= published + samples and self._counts()[1] >= pushed + samples,
            within_s=RECOVERY_S,
            what="the confirmation of further samples",
        )

    def alarms_go_on(self) -> None:
        """Wait until a device that exceeds its limit from now on has raised its alarm."""
        before = self.confirmed.keys() & set(self._hot)
        fresh = eventually(lambda: (self.confirmed.keys() & set(self._hot)) - before, within_s=RECOVERY_S)
        with self._plant.client() as client:
            eventually(lambda: fresh <= _alarms(client).keys(), within_s=RECOVERY_S, what=f"an alarm of {fresh}")

    def _counts(self) -> tuple[int, int]:
        pushed = len(self.confirmed[self._pushed])
        return sum(map(len, tuple(self.confirmed.values()))) - pushed, pushed

    # What devices do

    def _guarded(self, work: Any) -> None:
        try:
            work()
        except BaseException as error:
            self._failed.append(error)
            raise

    def _publish(self) -> None:
        messages = self._messages()
        waiting: dict[tuple[str, int], float] = {}
        for attempt in count():
            if self._stopping.is_set() and not waiting:
                return
            try:
                publisher = Publisher(self._plant.mqtt_port, "device", "any", f"{self._name}-{attempt}")
            except OSError:
                time.sleep(0.05)
                continue
            self._publish_over(publisher, messages, waiting)

    def _publish_over(self, publisher: Publisher, messages: Any, waiting: dict[tuple[str, int], float]) -> None:
        """One connection, until it breaks or the load is to end."""
        try:
            for (device, at), value in tuple(waiting.items()):
                publisher.send(*_message(device, at, value), label=(device, at))
            while not self._stopping.is_set():
                device, at, value = next(messages)
                waiting[device, at] = value
                publisher.send(*_message(device, at, value), label=(device, at))
                self._confirm(publisher, waiting)
                time.sleep(PAUSE_S)
            publisher.wait_acknowledged()
        except OSError:
            pass
        publisher.close()
        self._confirm(publisher, waiting)

    def _confirm(self, publisher: Publisher, waiting: dict[tuple[str, int], float]) -> None:
        while publisher.acknowledged:
            device, at = publisher.acknowledged.pop(0)
            if (device, at) in waiting:
                self.confirmed[device][at] = waiting.pop((device, at))

    def _messages(self) -> Any:
        """(device, timestamp, value), without end; every now and then one that raises an alarm."""
        hot = iter(self._hot)
        for number in count():
            yield self._published[number % PUBLISHERS], now_us(), float(number % 90)
            if number % 50 == 0 and (device := next(hot, None)):
                yield device, now_us(), HOT

    def _push(self) -> None:
        numbers = count()
        client: httpx.Client | None = None
        while not self._stopping.is_set():
            samples = {now_us() + i: float(next(numbers) % 90) for i in range(3)}
            body = {"samples": [{"timestamp": at, "value": value} for at, value in samples.items()]}
            while True:
                try:
                    client = client or self._plant.client()
                    answer = client.post(f"/api/v1/devices/{self._pushed}/samples", json=body)
                except (httpx.HTTPError, AssertionError):
                    client = None
                else:
                    if answer.status_code == 200:
                        self.confirmed[self._pushed] |= samples
                        break
                    assert answer.status_code in AWAY, answer.text
                    self.refused += 1
                time.sleep(0.05)
            time.sleep(5 * PAUSE_S)

    # What has come of it

    def check(self, *, lossy: tuple[int, int] = (0, 0)) -> None:
        """The plant has all that was confirmed, once; every limit that was exceeded is one alarm; it is healthy.

        `lossy`: times between which the broker may have lost what it confirmed (its own promise, not the plant's).
        """
        published, pushed = self._counts()
        assert published > 50, "this was no load"
        assert pushed > 10, "this was no load"
        with self._plant.client() as client:
            hot = {device for device, sent in self.confirmed.items() if self._stored(client, device, sent, lossy)}
            hot &= set(self._hot)
            alarms = eventually(
                lambda: found if hot <= (found := _alarms(client)).keys() else None,
                within_s=RECOVERY_S,
                what="an alarm for every limit that was exceeded",
            )
            assert {alarms[device] for device in self._hot} <= {0, 1}, "an alarm is doubled"
        eventually(lambda: self._plant.health() == "healthy", within_s=RECOVERY_S, what="health")

    def _stored(self, client: httpx.Client, device: str, sent: Sent, lossy: tuple[int, int]) -> int:
        """How many samples of a device are stored, when they are all that was confirmed, once each."""

        def complete() -> list[tuple[int, float]] | None:
            found = _history(client, device)
            missing = sent.keys() - {at for at, _ in found}
            return found if all(lossy[0] <= at <= lossy[1] for at in missing) else None

        if all(lossy[0] <= at <= lossy[1] for at in sent):
            return len(_history(client, device))
        stored = eventually(complete, within_s=RECOVERY_S, what=f"all of {device}")
        assert max(Counter(at for at, _ in stored).values()) == 1, f"a sample of {device} is doubled"
        assert set(stored) <= set(sent.items()), f"{device} has what it never sent"
        shown: list[tuple[int, float] | None] = []
        try:
            eventually(lambda: shown.append(_current(client, device)) or shown[-1] == stored[-1], within_s=RECOVERY_S)
        except AssertionError as error:
            raise AssertionError(f"{device} shows {shown[-1]}, its newest is {stored[-1]}") from error
        return len(stored)


def _message(device: str, at: int, value: float) -> tuple[str, bytes]:
    body = {"deviceId": device, "timestamp": at, "sensorType": "counter", "value": value}
    return f"factory-plus/devices/{device}/data", json.dumps(body).encode()


def _history(client: httpx.Client, device: str) -> list[tuple[int, float]]:
    query: dict[str, Any] = {"from": "-1h", "to": "+1h", "limit": PAGE}
    answer = client.get(f"/api/v1/devices/{device}/history", params=query)
    if answer.status_code in AWAY:
        return []
    body = answer.raise_for_status().json()
    assert not body["meta"]["truncated"]
    return [(parse_timestamp(each["timestamp"]), each["value"]) for each in body["data"]["readings"]]


def _current(client: httpx.Client, device: str) -> tuple[int, float] | None:
    """The newest value that is shown, with its time."""
    answer = client.get(f"/api/v1/devices/{device}/current")
    if answer.status_code in AWAY:
        return None
    body = answer.raise_for_status().json()["data"]
    return None if body["timestamp"] is None else (parse_timestamp(body["timestamp"]), body["value"])


def _alarms(client: httpx.Client) -> Counter[str]:
    """Number of limit alarms that each device ever had."""
    query: dict[str, Any] = {"from": "-1h", "limit": 1_000}
    alerts = client.get("/api/v1/alerts/history", params=query).raise_for_status().json()["data"]["alerts"]
    return Counter(alert["deviceId"] for alert in alerts if alert["value"] == HOT)
