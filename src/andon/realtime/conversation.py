"""What each event of a Socket.IO client does, and what it is answered."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any

from andon.kit.clock import now_us, to_iso
from andon.kit.errors import AndonError, ForbiddenError, InvalidError, NotFoundError
from andon.realtime import messages
from andon.realtime.announce import ALARM_PERMISSION
from andon.realtime.clients import Client, Feed
from andon.realtime.packets import socketio_event
from andon.realtime.requests import DeviceRequest, device_request, resume_position, token_in
from andon.realtime.service import RealtimeService
from andon.realtime.subscriptions import Kind, Selection

Answer = dict[str, Any]
"""What acknowledges an event, beside `success`."""

_LOOM_IN, _LOOM_OUT = "subscribe:loom:", "unsubscribe:loom:"
_DEVICES_CURE = "see GET /api/v1/devices for those there are"
_SHOWN_UNKNOWN = 10


class Conversation:
    """Handles the events of all Socket.IO clients. Events of one client are handled one after the other."""

    def __init__(self, service: RealtimeService) -> None:
        self._service = service
        self._fanout = service.fanout
        self._events: dict[str, Callable[[Client, Any], Awaitable[Answer]]] = {
            "subscribe-device": self._subscribe_device,
            "unsubscribe-device": self._unsubscribe_device,
            "subscribe-alerts": self._subscribe_alerts,
            "unsubscribe-alerts": self._unsubscribe_alerts,
            "subscribe-system": self._subscribe_system,
            "unsubscribe-system": self._unsubscribe_system,
            "resume": self._resume,
            "authenticate": self._authenticate,
            "ping": self._ping,
        }

    def welcome(self, client: Client) -> None:
        """`connection-status`, with the position of the log from which live values begin."""
        body = {
            "status": "connected",
            "timestamp": to_iso(now_us()),
            "position": self._fanout.position,
            "sessionId": client.id,
        }
        self._tell(client, "connection-status", body)

    async def handle(self, client: Client, event: str, payload: Any) -> Answer:
        """Do what the event asks. What cannot be done is an `error` event, and says so in the acknowledgement."""
        try:
            return {"success": True, **await self._dispatch(client, event, payload)}
        except AndonError as error:
            body = messages.error_body(error)
            self._tell(client, "error", body)
            return {"success": False, "error": body}

    async def _dispatch(self, client: Client, event: str, payload: Any) -> Answer:
        handler = self._events.get(event)
        if handler is not None:
            return await handler(client, payload)
        if event.startswith(_LOOM_IN):
            return await self._subscribe_loom(client, event.removeprefix(_LOOM_IN))
        if event.startswith(_LOOM_OUT):
            return self._unsubscribe_loom(client, event.removeprefix(_LOOM_OUT))
        known = ", ".join([*self._events, _LOOM_IN + "{id}", _LOOM_OUT + "{id}"])
        raise InvalidError(f"there is no event {event[:60]!r}", field="event", cure=f"use one of {known}")

    async def _subscribe_device(self, client: Client, payload: Any) -> Answer:
        request = device_request(payload, self._service.settings.max_devices)
        known = await self._known(client, request)
        feed = self._watch_devices(client, request, known)
        asked = Selection(feed.audience.selection.kind, client.organisation_id, request.everything, frozenset(known))
        tags = asked.tags(self._service.directory)
        answer: Answer = {"devices": "*" if request.everything else known}
        if request.since is not None or client.resume_from is not None:
            after, client.resume_from = client.resume_from or 0, None
            missed = await self._service.catch_up(feed, tags, since=request.since, after=after)
            return {**answer, **self._resumed(client, len(missed.batch), missed.truncated)}
        self._fanout.show(feed, tags)
        return answer

    async def _known(self, client: Client, request: DeviceRequest) -> list[str]:
        """The named devices that there are; an `error` event names the others, or an error when there are none."""
        directory, organisation_id = self._service.directory, client.organisation_id
        if any(directory.device(organisation_id, each) is None for each in request.device_ids):
            await directory.catch_up()  # some may have been registered in another process a moment ago
        known = [each for each in request.device_ids if directory.device(organisation_id, each) is not None]
        unknown = [each for each in request.device_ids if each not in set(known)]
        if unknown:
            names = ", ".join(repr(each[:100]) for each in unknown[:_SHOWN_UNKNOWN])
            more = f" and {len(unknown) - _SHOWN_UNKNOWN} more" if len(unknown) > _SHOWN_UNKNOWN else ""
            error = NotFoundError(f"there is no device {names}{more}", field="deviceId", cure=_DEVICES_CURE)
            if not known and not request.everything:
                raise error
            self._tell(client, "error", messages.error_body(error))
        return known

    def _watch_devices(self, client: Client, request: DeviceRequest, known: list[str]) -> Feed:
        """Add the devices to what is watched. Whoever asked for frames once gets frames for all."""
        other: Kind = "sensor-data" if request.frames or client.frames else "sensor-frame"
        kind: Kind = "sensor-frame" if request.frames or client.frames else "sensor-data"
        client.frames = kind == "sensor-frame"
        held = client.feeds.get(kind) or client.feeds.get(other)
        selection = held.audience.selection if held else Selection(kind, client.organisation_id)
        selection = replace(selection, kind=kind, everything=selection.everything or request.everything)
        selection = selection.with_devices(known)
        self._check_size(selection)
        self._fanout.watch(client, Selection(other, client.organisation_id))
        feed = self._fanout.watch(client, selection, held.seen if held else None)
        assert feed is not None  # it selects at least what was asked for
        return feed

    def _check_size(self, selection: Selection) -> None:
        most = self._service.settings.max_devices
        if len(selection.devices) > most:
            raise InvalidError(
                f"one connection may watch {most} devices by name",
                field="deviceIds",
                cure='watch fewer, or all with "*"',
            )

    async def _unsubscribe_device(self, client: Client, payload: Any) -> Answer:
        feed = client.feeds.get("sensor-frame") or client.feeds.get("sensor-data")
        if feed is None:
            return {}
        selection = feed.audience.selection
        if payload is None:
            self._fanout.watch(client, Selection(selection.kind, client.organisation_id))
            return {}
        request = device_request(payload, self._service.settings.max_devices)
        everything = selection.everything and not request.everything
        rest = replace(selection, everything=everything).without_devices(request.device_ids)
        self._fanout.watch(client, rest)
        return {}

    async def _subscribe_loom(self, client: Client, loom_id: str) -> Answer:
        if self._service.directory.device(client.organisation_id, loom_id) is None:
            await self._service.directory.catch_up()
        if self._service.directory.device(client.organisation_id, loom_id) is None:
            raise NotFoundError(f"there is no loom {loom_id[:100]!r}", field="id", cure=_DEVICES_CURE)
        selection = self._looms(client).with_devices([loom_id])
        self._check_size(selection)
        feed = self._fanout.watch(client, selection)
        assert feed is not None  # it selects at least this loom
        asked = replace(selection, devices=frozenset([loom_id]))
        self._fanout.show(feed, asked.tags(self._service.directory))
        return {"loom": loom_id}

    def _unsubscribe_loom(self, client: Client, loom_id: str) -> Answer:
        self._fanout.watch(client, self._looms(client).without_devices([loom_id]))
        return {"loom": loom_id}

    def _looms(self, client: Client) -> Selection:
        feed = client.feeds.get("measurement")
        return feed.audience.selection if feed else Selection("measurement", client.organisation_id)

    async def _subscribe_alerts(self, client: Client, payload: Any) -> Answer:
        if not client.principal.may(ALARM_PERMISSION):
            raise ForbiddenError(
                f"this needs the permission {ALARM_PERMISSION}, which the role {client.principal.role} does not have",
                field="token",
                cure=f"ask an administrator for a role with {ALARM_PERMISSION}",
            )
        client.alerts = True
        return {"quietMs": self._service.announcer.quiet_ms(client.organisation_id)}

    async def _unsubscribe_alerts(self, client: Client, payload: Any) -> Answer:
        client.alerts = False
        return {}

    async def _subscribe_system(self, client: Client, payload: Any) -> Answer:
        client.system = True
        body = await self._service.system_status(client.organisation_id)
        self._tell(client, "system-status", body)
        return {}

    async def _unsubscribe_system(self, client: Client, payload: Any) -> Answer:
        client.system = False
        return {}

    async def _resume(self, client: Client, payload: Any) -> Answer:
        """Give back what was missed since a position: for what is watched now, or for what is subscribed next."""
        position = resume_position(payload)
        feeds = [feed for feed in client.feeds.values() if feed.audience.selection.kind != "topic"]
        if not feeds:
            client.resume_from = position
            return {"position": self._fanout.position}
        samples, truncated = 0, False
        for feed in feeds:
            missed = await self._service.catch_up(feed, feed.audience.tags, after=position)
            samples += len(missed.batch)
            truncated |= missed.truncated
        return self._resumed(client, samples, truncated)

    def _resumed(self, client: Client, samples: int, truncated: bool) -> Answer:
        """`resumed`: how many samples were given back, and whether older ones have to come from history."""
        body = {"position": self._fanout.position, "samples": samples, "truncated": truncated}
        self._tell(client, "resumed", body)
        return body

    async def _authenticate(self, client: Client, payload: Any) -> Answer:
        self._service.authorise_again(client, token_in(payload))
        return {"expiresAt": to_iso(client.principal.expires_at)}

    async def _ping(self, client: Client, payload: Any) -> Answer:
        body = {"timestamp": to_iso(now_us())}
        self._tell(client, "pong", body)
        return body

    def _tell(self, client: Client, event: str, body: Any) -> None:
        self._fanout.deliver(client, [socketio_event(event, messages.encode(body))])
