"""A realtime service on a real log, live state, directory and web server; only who is signed in is made up."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from pathlib import Path
from typing import Any

import socketio
import uvicorn
import websockets

from andon.alarms.events import AlarmEvent
from andon.alarms.model import Change
from andon.engines.livestate.memory import MemoryLiveState
from andon.engines.log.embedded import EmbeddedLog
from andon.engines.log.port import SENSORS_DATA
from andon.identity.model import ROLES, Principal
from andon.kit.clock import now_us, parse_timestamp
from andon.kit.errors import UnauthenticatedError
from andon.kit.limits import Limits
from andon.kit.quality import Quality
from andon.kit.samples import Row, SampleBatch, encode
from andon.realtime.service import RealtimeService
from andon.realtime.settings import RealtimeSettings
from andon.realtime.socketio_server import SocketIoServer
from andon.realtime.websocket import WebSocketServer
from andon.registry.directory import DeviceInfo, Directory, TagInfo

ORGANISATION = "org-1"
OTHER_ORGANISATION = "org-2"
AT = parse_timestamp("2025-01-11T10:00:00.000Z")
WITHIN_S = 5.0


class FakeIdentity:
    """Tokens that are names: `viewer`, `guest`, `stranger` (another organisation)."""

    def __init__(self) -> None:
        self.principals = {
            "viewer": principal("viewer"),
            "guest": principal("guest"),
            "stranger": principal("viewer", organisation_id=OTHER_ORGANISATION),
        }

    def verify(self, token: str) -> Principal:
        found = self.principals.get(token)
        if found is None:
            raise UnauthenticatedError("the access token is not valid", field="Authorization", cure="sign in")
        if 0 < found.expires_at <= now_us():
            raise UnauthenticatedError("the access token has expired", field="Authorization", cure="renew it")
        return found


def principal(
    role: str, *, user: str = "user-1", organisation_id: str = ORGANISATION, expires_at: int = 0
) -> Principal:
    return Principal(user, user, role, ROLES[role], organisation_id, "session-1", expires_at)


def tag(tag_id: int, device_id: str, name: str, unit: str, **more: Any) -> TagInfo:
    values: dict[str, Any] = {
        "organisation_id": ORGANISATION,
        "kind": "number",
        "is_primary": True,
        "limits": Limits(20, 80, 15, 85),
        **more,
    }
    return TagInfo(
        tag_id,
        values["organisation_id"],
        f"{values['organisation_id']}/{device_id}",
        device_id,
        name,
        unit,
        values["kind"],
        1,
        values["is_primary"],
        values["limits"],
        0.0,
        0.0,
        0.0,
        "high",
        2.0,
    )


def device(
    device_id: str, *tags: TagInfo, type: str = "temperature", organisation_id: str = ORGANISATION
) -> DeviceInfo:
    return DeviceInfo(
        f"{organisation_id}/{device_id}",
        organisation_id,
        device_id,
        device_id.title(),
        type,
        "assembly-line-1",
        "mqtt",
        "active",
        30.0,
        "place-1",
        ("Plant", "Assembly"),
        "UTC",
        tags,
        AT,
    )


TEMPERATURE, PRESSURE, WIDTH, LOOM_TEMPERATURE, STRANGE = 1, 2, 3, 4, 9
LOOM = device(
    "loom-001",
    tag(WIDTH, "loom-001", "bbw_value", "mm", limits=Limits(1595, 1605, 1590, 1610)),
    tag(LOOM_TEMPERATURE, "loom-001", "temperature", "celsius", is_primary=False),
    type="loom",
)
DEVICES = (
    device("device-001", tag(TEMPERATURE, "device-001", "temperature", "celsius")),
    device("device-002", tag(PRESSURE, "device-002", "pressure", "psi")),
    LOOM,
    device(
        "device-001",
        tag(STRANGE, "device-001", "temperature", "celsius", organisation_id=OTHER_ORGANISATION),
        organisation_id=OTHER_ORGANISATION,
    ),
)


class Listener:
    """A Socket.IO client that keeps every event it hears."""

    def __init__(self) -> None:
        self.client = socketio.AsyncClient(reconnection=False)
        self.heard: asyncio.Queue[tuple[str, Any]] = asyncio.Queue()
        self.client.on("*", self._hear)
        self.client.on("disconnect", lambda reason=None: self.heard.put_nowait(("disconnect", reason)))

    async def _hear(self, event: str, *arguments: Any) -> None:
        self.heard.put_nowait((event, arguments[0] if arguments else None))

    async def connect(self, url: str, token: str | None = "viewer", transport: str = "websocket") -> Listener:
        auth = None if token is None else {"token": token}
        await self.client.connect(url, auth=auth, transports=[transport])
        return self

    async def ask(self, event: str, *payload: Any) -> Any:
        """Emit and wait for the acknowledgement."""
        return await self.client.call(event, *payload, timeout=WITHIN_S)

    async def next(self, wanted: str) -> Any:
        """The body of the next event of that name; others before it are passed over."""
        async with asyncio.timeout(WITHIN_S):
            while True:
                event, body = await self.heard.get()
                if event == wanted:
                    return body

    async def all(self) -> list[tuple[str, Any]]:
        """Everything that was sent until now: a ping's answer comes after it."""
        await self.ask("ping", {})
        found = []
        while True:
            event, body = await self.heard.get()
            if event == "pong":
                return found
            found.append((event, body))


class Plant:
    """What a test needs in its hands."""

    def __init__(self, log: EmbeddedLog, settings: RealtimeSettings) -> None:
        self.log = log
        self.directory = Directory()
        self.directory.replace(DEVICES)
        self.livestate = MemoryLiveState()
        self.identity = FakeIdentity()
        self.figures: Callable[[str], Awaitable[Mapping[str, Any]]] = self._figures
        self.service = RealtimeService(
            log,
            self.directory,
            self.livestate,
            self.identity,  # type: ignore[arg-type]
            lambda organisation_id: self.figures(organisation_id),
            settings,
        )
        self.socketio = SocketIoServer(self.service)
        self.websocket = WebSocketServer(self.service)
        self.url = ""
        self.opened: list[Listener] = []

    async def _figures(self, organisation_id: str) -> Mapping[str, Any]:
        return {"totalDevices": len(self.directory.devices(organisation_id)), "systemHealth": "healthy"}

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        application = self.websocket if scope["path"] == "/ws" else self.socketio
        await application(scope, receive, send)

    async def sample(self, *rows: Row) -> int:
        """Samples arrive: in live state, then in the log. Their position."""
        batch = SampleBatch.from_rows(rows)
        self.livestate.apply(batch)
        return await self.log.append(SENSORS_DATA, [encode(batch)])

    async def listen(self, token: str | None = "viewer", transport: str = "websocket") -> Listener:
        listener = Listener()
        self.opened.append(listener)
        return await listener.connect(self.url, token, transport)

    def web_socket(self, query: str = "?token=viewer", **options: Any) -> Any:
        return websockets.connect(self.url.replace("http", "ws") + "/ws" + query, **options)


def row(tag_id: int, value: float | str, at: int = AT, quality: int = Quality.GOOD, received: int | None = None) -> Row:
    return (tag_id, at, value, quality, at if received is None else received)


def alarm_event(lifecycle: str, change: Change, **more: Any) -> AlarmEvent:
    """Something happened to S1's example alert."""
    alert = {
        "id": "alert-001",
        "deviceId": "device-002",
        "type": "high_pressure",
        "severity": "high",
        "message": "Pressure reading above threshold",
        "value": 58.5,
        "threshold": 55,
        "status": "active",
        "state": "unacknowledged",
        "acknowledgedBy": None,
        "resolvedBy": None,
        **more,
    }
    at = parse_timestamp("2025-01-11T10:05:00.000Z")
    return AlarmEvent(ORGANISATION, alert["deviceId"], change, lifecycle, "warning", at, alert)


async def until(condition: Callable[[], bool]) -> None:
    """Wait for something that happens on this loop."""
    async with asyncio.timeout(WITHIN_S):
        while not condition():  # noqa: ASYNC110 (nothing tells when it becomes true)
            await asyncio.sleep(0.005)


@contextlib.asynccontextmanager
async def running(directory: Path, settings: RealtimeSettings | None = None) -> AsyncIterator[Plant]:
    """A plant that serves on a free port."""
    log = EmbeddedLog.open(directory / "log.db")
    plant = Plant(log, settings or RealtimeSettings())
    await plant.service.start()
    with socket.create_server(("127.0.0.1", 0)) as listening:
        plant.url = f"http://127.0.0.1:{listening.getsockname()[1]}"
        options: dict[str, Any] = {"ws": "websockets-sansio", "http": "httptools", "lifespan": "off"}
        config = uvicorn.Config(plant, log_config=None, timeout_graceful_shutdown=1, **options)
        server = uvicorn.Server(config)
        with contextlib.ExitStack() as stack:
            stack.enter_context(_without_signals(server))
            serving = asyncio.create_task(server.serve(sockets=[listening]))
            try:
                while not server.started:
                    await asyncio.wait({serving}, timeout=0.01)
                yield plant
            finally:
                for listener in plant.opened:
                    await listener.client.disconnect()
                await plant.service.stop()
                await plant.socketio.stop()
                server.should_exit = True
                await serving
                await log.close()


@contextlib.contextmanager
def _without_signals(server: uvicorn.Server) -> Any:
    server.capture_signals = contextlib.nullcontext  # type: ignore[method-assign]
    yield
