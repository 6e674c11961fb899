"""What a test makes happen in the plant behind the page: devices, values, alarms, people."""

from __future__ import annotations

import asyncio
import threading
from datetime import UTC, datetime
from typing import Any

import httpx

from support.mqtt import device_of
from support.running import RunningAndon, eventually

FAR_AWAY_S = 86_400  # a device of a test is not announced offline while the test looks at something else


class Plant:
    """The running plant, changed over its public interfaces as admin."""

    def __init__(self, andon: RunningAndon) -> None:
        self.andon = andon
        self.api: httpx.Client = andon.client()
        self._added: list[str] = []

    def __enter__(self) -> Plant:
        return self

    def __exit__(self, *_: object) -> None:
        """Resolve the alarms of the devices that were added, take them away, close the connection."""
        for device_id in self._added:
            self.resolve(device_id)
            self.api.delete(f"/api/v1/devices/{device_id}").raise_for_status()
        self.api.close()

    def _sent(self, method: str, path: str, body: dict[str, Any]) -> Any:
        answer = self.api.request(method, f"/api/v1{path}", json=body)
        assert answer.is_success, answer.text
        return answer.json()["data"]

    def add_device(self, device_id: str, **more: Any) -> str:
        """A device in °C, normal from 20 to 80, alarms beyond 10 and 90; its first value is 50."""
        limits = {"alertMin": 10, "normalMin": 20, "normalMax": 80, "alertMax": 90}
        kind = {"type": "temperature", "unit": "celsius", "location": "hall-7", "offlineAfterSeconds": FAR_AWAY_S}
        self._sent("POST", "/devices", {"deviceId": device_id, "name": device_id.title(), **kind, **limits, **more})
        self._added.append(device_id)
        self.push(device_id, 50)
        return device_id

    def owns(self, device_id: str) -> None:
        """A device that was added over the page goes with the others."""
        self._added.append(device_id)

    def push(self, device_id: str, value: float) -> None:
        """A sample of this moment; it is durable when this returns, and in the history a moment later."""
        sample = {"timestamp": datetime.now(UTC).isoformat(), "value": value}
        self._sent("POST", f"/devices/{device_id}/samples", {"samples": [sample]})

    def raise_alarm(self, device_id: str, value: float = 95) -> str:
        """Beyond the upper limit: the alarm's id."""
        self.push(device_id, value)
        return str(eventually(lambda: self.open_alarms(device_id), what=f"an alarm of {device_id}")[0]["id"])

    def open_alarms(self, device_id: str) -> list[dict[str, Any]]:
        """What the API lists as active for a device."""
        answer = self.api.get("/api/v1/alerts", params={"deviceId": device_id})
        found: list[dict[str, Any]] = answer.json()["data"]["alerts"]
        return found

    def resolve(self, device_id: str) -> None:
        """End the alarms of a device."""
        for alarm in self.open_alarms(device_id):
            self._sent("POST", f"/alerts/{alarm['id']}/resolve", {})

    def configure(self, device_id: str, **changes: Any) -> None:
        """Change a device."""
        self._sent("PUT", f"/devices/{device_id}/config", changes)

    def add_user(self, username: str, password: str, role: str) -> None:
        """Somebody who may sign in."""
        self._sent("POST", "/users", {"username": username, "password": password, "role": role})

    def publish(self, device_id: str, *payloads: dict[str, Any] | str) -> None:
        """Publish on a device's topic over MQTT; each message is acknowledged when this returns."""

        async def send() -> None:
            async with device_of(self.andon, f"test-{device_id}") as device:
                for payload in payloads:
                    device.send(f"factory-plus/devices/{device_id}/data", payload)
                await device.acknowledged()

        # The browser's driver has the event loop of this thread.
        failures: list[BaseException] = []
        publisher = threading.Thread(target=_run, args=(send, failures))
        publisher.start()
        publisher.join()
        if failures:
            raise failures[0]


def _run(send: Any, failures: list[BaseException]) -> None:
    try:
        asyncio.run(send())
    except BaseException as failure:  # handed to the test's thread
        failures.append(failure)


def message(device_id: str, value: float, unit: str = "celsius") -> dict[str, Any]:
    """A data message of this moment, as a sensor sends it."""
    now = datetime.now(UTC).isoformat().replace("+00:00", "Z")
    body = {"deviceId": device_id, "timestamp": now, "sensorType": "temperature", "value": value, "unit": unit}
    return {**body, "location": "hall-7", "status": "normal"}
