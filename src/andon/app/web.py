"""The ASGI applications: the front door (REST, UI, Socket.IO, `/ws`), and what each role answers when it runs apart."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any
from zlib import crc32

from fastapi import APIRouter
from starlette.types import ASGIApp, Scope

from andon.alarms import endpoints as alarms
from andon.analytics import endpoints as analytics
from andon.api import looms
from andon.api.application import ApiOptions, create_application, mount_ui
from andon.api.gateway import sharded
from andon.api.gateway.catching_up import CatchingUp
from andon.api.gateway.http import After, Forwarder
from andon.api.gateway.routes import Elsewhere, Rule
from andon.api.gateway.websocket import WebSocketForwarder
from andon.historian import endpoints as historian
from andon.ingest import endpoints as ingest
from andon.ingest.imports import endpoints as imports
from andon.ingest.uploads import endpoints as uploads
from andon.realtime import socketio_server, websocket
from andon.realtime.websocket import WebSocketServer

if TYPE_CHECKING:
    from andon.app.plant import Plant

Asgi = Callable[[Any, Any, Any], Awaitable[None]]

_STATE = (
    *("settings", "database", "log", "livestate", "directory", "registry", "identity", "context", "alarm_reader"),
    "consumer_lags",
)
_HISTORY = (*historian.ROUTERS, analytics.router, looms.router)
_OF_ROLE: dict[str, tuple[APIRouter, ...]] = {
    "ingest": (ingest.router,),
    "alerts": (alarms.router,),
    "historian": (imports.router, uploads.router, *_HISTORY),
}
_SERVICES = {"ingest": "ingest", "alerts": "alarms", "realtime": "realtime"}


def build_asgi(plant: Plant) -> Asgi:
    """The front door. Live connections bypass the API's middleware: it wraps `send`, which would hide their sockets."""
    settings = plant.settings
    options = ApiOptions(
        rate_limit_per_minute=settings.rate_limit_per_minute,
        max_request_bytes=settings.max_request_bytes,
        allowed_origins=settings.allowed_origins,
    )
    elsewhere = _elsewhere(plant)
    api = create_application(_state(plant), options, plant.requests, elsewhere=elsewhere)
    mount_ui(api)
    if plant.runs("realtime"):
        return _with_live(plant, api)
    return _with_forwarded_live(plant, api)


def build_role_asgi(plant: Plant, role: str) -> Asgi:
    """What a role answers on its own port: health, metrics, and the endpoints that are its own."""
    settings = plant.settings
    if role == "api":
        return build_asgi(plant)
    # The front door has counted the requests: here they all come from there.
    options = ApiOptions(rate_limit_per_minute=0, max_request_bytes=settings.max_request_bytes, behind_front_door=True)
    routers = _OF_ROLE.get(role, ())
    api: Asgi = CatchingUp(
        create_application(_state(plant), options, plant.requests, routers=routers),
        lambda: plant.registry.revision,
        plant.directory.catch_up,
    )
    return _with_live(plant, api) if role == "realtime" else api


def _state(plant: Plant) -> dict[str, Any]:
    names = [*_STATE, *(service for role, service in _SERVICES.items() if plant.runs(role))]
    if plant.engines.store is not None:
        names += ["historian", "housekeeper", *(["imports", "uploads"] if plant.runs("historian") else [])]
    return dict(plant.api_state(names))


def _with_live(plant: Plant, api: Asgi) -> Asgi:
    return _by_path(plant.socketio, WebSocketServer(plant.realtime), api)


def _by_path(socketio: ASGIApp, ws: ASGIApp, api: Asgi) -> Asgi:
    async def asgi(scope: Any, receive: Any, send: Any) -> None:
        path = scope.get("path", "")
        if path.startswith(socketio_server.PATH):
            await socketio(scope, receive, send)
        elif path == websocket.PATH:
            await ws(scope, receive, send)
        else:
            await api(scope, receive, send)

    return asgi


# What is answered by other processes


def _elsewhere(plant: Plant) -> Elsewhere | None:
    """Whom the front door asks, and for what. None when everything is here."""
    if plant.topology.alone:
        return None
    rules: list[Rule] = []
    if not plant.runs("alerts"):
        acting = _forwarder(plant, "alerts", after=plant.alarm_follower.caught_up)
        rules += [Rule(alarms.router, acting, methods={"POST", "PUT", "DELETE", "PATCH"})]
    if not plant.runs("ingest"):
        taking = _forwarder(plant, "ingest", after=plant.directory.catch_up)
        strategies = {
            ("GET", "/devices/discovered"): sharded.merged("discovered"),
            ("POST", "/devices/discovered/{key}/adopt"): sharded.first_that_knows,
            ("DELETE", "/devices/discovered/{key}"): sharded.first_that_knows,
            ("POST", "/system/dead-letters/replay"): sharded.replayed,
        }
        asked = {at: sharded.Sharded(taking, strategy) for at, strategy in strategies.items()}
        rules.append(Rule(ingest.router, taking, special=asked))
    if not plant.runs("historian"):
        importing = _forwarder(plant, "historian", after=plant.directory.catch_up)
        rules += [Rule(imports.router, importing), Rule(uploads.router, importing, special=_where_files_are(importing))]
    if plant.engines.store is None:
        asking = _forwarder(plant, "historian")
        rules += [Rule(router, asking) for router in _HISTORY if router is not looms.router]
        rules.append(Rule(looms.router, asking, paths={"/looms/{loom_id}/measurements"}))
    live = {} if plant.runs("realtime") else {socketio_server.PATH: _forwarder(plant, "realtime")}
    return Elsewhere(rules, live)


def _where_files_are(importing: Forwarder) -> dict[tuple[str, str], ASGIApp]:
    """An uploaded file lies with the one process that it came to."""
    of_one = {
        *(("GET", "/import-files/{file_id}"), ("DELETE", "/import-files/{file_id}")),
        *(("PUT", "/import-files/{file_id}/content"), ("POST", "/import-files/{file_id}/preview")),
        ("POST", "/import-files/{file_id}/import"),
    }
    found: dict[tuple[str, str], ASGIApp] = {at: sharded.Sharded(importing, sharded.first_that_knows) for at in of_one}
    return found | {("GET", "/import-files"): sharded.Sharded(importing, sharded.merged("files"))}


def _forwarder(plant: Plant, role: str, *, after: After | None = None) -> Forwarder:
    return Forwarder(
        plant.upstream, partial(_located, plant, role), role, lambda: plant.registry.newest_revision, after
    )


def _located(plant: Plant, role: str, scope: Scope) -> Sequence[str]:
    """Processes of the role; a client keeps to the same one as long as that lives: Socket.IO's sessions are there."""
    urls = plant.fleet.urls(role)
    client = scope["client"][0] if scope.get("client") else ""
    return sorted(urls, key=lambda url: crc32(f"{client} {url}".encode()))


def _with_forwarded_live(plant: Plant, api: Asgi) -> Asgi:
    """Requests of Socket.IO without a WebSocket are among the API's: see `_elsewhere`."""
    sockets = WebSocketForwarder(_forwarder(plant, "realtime"))

    async def asgi(scope: Any, receive: Any, send: Any) -> None:
        await (sockets if scope["type"] == "websocket" else api)(scope, receive, send)

    return asgi
