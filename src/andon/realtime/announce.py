"""Rare events: alarms, devices that come and go, the system's status. They are never passed over."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping, Sequence, Set
from typing import TYPE_CHECKING, Any

from andon.realtime import messages
from andon.realtime.clients import Client
from andon.realtime.fanout import FanOut
from andon.realtime.packets import socketio_event
from andon.realtime.presence import PresenceChange
from andon.realtime.settings import RealtimeSettings
from andon.realtime.subscriptions import Kind

if TYPE_CHECKING:
    from andon.alarms.events import AlarmEvent

ALARM_PERMISSION = "alerts:read"
_TRIGGERED = "triggered"
_DEVICE_KINDS: tuple[Kind, ...] = ("sensor-data", "sensor-frame")


class Announcer:
    """Finds who is to hear of an event, and encodes it once for all of them."""

    def __init__(self, fanout: FanOut, settings: RealtimeSettings) -> None:
        self._fanout = fanout
        self._settings = settings
        self._began = time.monotonic()
        self._last: dict[str, float] = {}

    def quiet_ms(self, organisation_id: str) -> int:
        """For how long nothing has happened to an alarm and no device came or went, as far as this process knows."""
        return int((time.monotonic() - self._last.get(organisation_id, self._began)) * 1_000)

    def alarm(self, event: AlarmEvent) -> None:
        """`alert-triggered`, `alert-resolved`, … to who subscribed to alarms; `alert:new` to who watches the loom."""
        self._last[event.organisation_id] = time.monotonic()
        entitled = [each for each in self._clients(event.organisation_id) if each.principal.may(ALARM_PERMISSION)]
        subscribed = [client for client in entitled if client.alerts]
        if subscribed:
            triggered = event.lifecycle == _TRIGGERED
            body = (messages.alarm_triggered if triggered else messages.alarm_changed)(event.alert, event.at)
            self._send(subscribed, socketio_event(f"alert-{event.lifecycle}", body))
        if event.lifecycle == _TRIGGERED:
            watching = [client for client in entitled if _watched(client, {event.device_id}, "measurement")]
            if watching:
                self._send(watching, socketio_event("alert:new", messages.encode(event.alert)))

    def presence(self, changes: Sequence[PresenceChange]) -> None:
        """`device-status` to who watches the device or the system, `status:change` to who watches the loom.

        A cut cable takes a thousand devices away at once: each client's share is found by set arithmetic.
        """
        by_organisation: dict[str, dict[str, PresenceChange]] = {}
        for change in changes:
            by_organisation.setdefault(change.device.organisation_id, {})[change.device.device_id] = change
        for organisation_id, changed in by_organisation.items():
            self._last[organisation_id] = time.monotonic()
            statuses = {device_id: _device_status(change) for device_id, change in changed.items()}
            looms = {device_id: _status_change(change) for device_id, change in changed.items()}
            for client in self._clients(organisation_id):
                told = statuses.keys() if client.system else _watched(client, statuses.keys(), *_DEVICE_KINDS)
                of_looms = _watched(client, looms.keys(), "measurement")
                found = [statuses[each] for each in told] + [looms[each] for each in of_looms]
                self._fanout.deliver(client, found)

    def system(self, organisation_id: str, body: Mapping[str, Any]) -> None:
        """`system-status` to who subscribed. One that is behind waits for the next: the newest is what counts."""
        ready = self._settings.ready_backlog
        clients = [each for each in self._clients(organisation_id) if each.system and each.outlet.backlog() < ready]
        if clients:
            self._send(clients, socketio_event("system-status", messages.encode(body)))

    def organisations_watching_system(self) -> set[str]:
        """Organisations of the clients that subscribed to the system's status."""
        return {client.organisation_id for client in self._fanout.clients.values() if client.system}

    def _clients(self, organisation_id: str) -> Iterable[Client]:
        return (client for client in self._fanout.clients.values() if client.organisation_id == organisation_id)

    def _send(self, clients: Iterable[Client], message: Any) -> None:
        for client in clients:
            self._fanout.deliver(client, [message])


def _watched(client: Client, device_ids: Set[str], *kinds: Kind) -> Set[str]:
    """Those of the devices that the client watches as one of these kinds."""
    found: set[str] = set()
    for kind in kinds:
        feed = client.feeds.get(kind)
        if feed is not None:
            selection = feed.audience.selection
            found |= device_ids if selection.everything else device_ids & selection.devices
    return found


def _device_status(change: PresenceChange) -> Any:
    body = messages.device_status(change.device, change.status, change.at, change.last_seen)
    return socketio_event("device-status", body)


def _status_change(change: PresenceChange) -> Any:
    return socketio_event("status:change", messages.status_change(change.device, change.status, change.at))
