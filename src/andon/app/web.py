"""The front door: REST, UI, Socket.IO, `/ws`; what runs in other processes is asked there."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING, Any
from zlib import crc32

from starlette.types import ASGIApp, Scope

from andon.alarms import endpoints as alarms
from andon.analytics import endpoints as analytics
from andon.api import looms
from andon.api.application import ApiOptions, create_application, mount_ui
from andon.api.gateway import sharded
from andon.api.gateway.http import After, Forwarder
from andon.api.gateway.routes import Elsewhere, Rule
from andon.api.gateway.websocket import WebSocketForwarder
from andon.api.routers import ROUTERS
from andon.app.role_web import Asgi, state_of, with_live
from andon.historian import endpoints as historian
from andon.ingest import endpoints as ingest
from andon.ingest.imports import endpoints as imports
from andon.ingest.uploads import endpoints as uploads
from andon.realtime import paths

if TYPE_CHECKING:
    from andon.app.plant import Plant

_HISTORY = (*historian.ROUTERS, analytics.router, looms.router)


def build_asgi(plant: Plant) -> Asgi:
    """The front door. Live connections bypass the API's middleware: it wraps `send`, which would hide their sockets."""
    settings = plant.settings
    options = ApiOptions(
        rate_limit_per_minute=settings.rate_limit_per_minute,
        max_request_bytes=settings.max_request_bytes,
        allowed_origins=settings.allowed_origins,
    )
    elsewhere = _elsewhere(plant)
    api = create_application(state_of(plant), options, plant.requests, routers=ROUTERS, elsewhere=elsewhere)
    mount_ui(api)
    if plant.runs("realtime"):
        return with_live(plant, api)
    return _with_forwarded_live(plant, api)


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
    live = {} if plant.runs("realtime") else {paths.SOCKETIO: _forwarder(plant, "realtime")}
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
