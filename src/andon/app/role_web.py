"""What a role answers on its own port when it runs apart. It imports what that role has, not what all have."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import TYPE_CHECKING, Any

from fastapi import APIRouter
from starlette.types import ASGIApp

from andon.api.application import ApiOptions, create_application
from andon.api.gateway.catching_up import CatchingUp
from andon.realtime import paths

if TYPE_CHECKING:
    from andon.app.plant import Plant

Asgi = Callable[[Any, Any, Any], Awaitable[None]]

_STATE = (
    *("settings", "database", "log", "livestate", "directory", "registry", "identity", "context", "alarm_reader"),
    "consumer_lags",
)
_SERVICES = {"ingest": "ingest", "alerts": "alarms", "realtime": "realtime"}


def build_role_asgi(plant: Plant, role: str) -> Asgi:
    """Health, metrics, and the endpoints that are the role's own. That of `api` is the front door: see `web`."""
    # The front door has counted the requests: here they all come from there.
    options = ApiOptions(
        rate_limit_per_minute=0, max_request_bytes=plant.settings.max_request_bytes, behind_front_door=True
    )
    api: Asgi = CatchingUp(
        create_application(state_of(plant), options, plant.requests, routers=_routers(role)),
        lambda: plant.registry.revision,
        plant.directory.catch_up,
    )
    return with_live(plant, api) if role == "realtime" else api


def _routers(role: str) -> Sequence[APIRouter]:
    if role == "ingest":
        from andon.ingest import endpoints as ingest

        return (ingest.router,)
    if role == "alerts":
        from andon.alarms import endpoints as alarms

        return (alarms.router,)
    if role == "historian":
        from andon.analytics import endpoints as analytics
        from andon.api import looms
        from andon.historian import endpoints as historian
        from andon.ingest.imports import endpoints as imports
        from andon.ingest.uploads import endpoints as uploads

        return (imports.router, uploads.router, *historian.ROUTERS, analytics.router, looms.router)
    return ()


def state_of(plant: Plant) -> dict[str, Any]:
    """The services that endpoints of this process find on `request.app.state`."""
    names = [*_STATE, *(service for role, service in _SERVICES.items() if plant.runs(role))]
    if plant.engines.store is not None:
        names += ["historian", "housekeeper", *(["imports", "uploads"] if plant.runs("historian") else [])]
    return dict(plant.api_state(names))


def with_live(plant: Plant, api: Asgi) -> Asgi:
    """An API with the live connections of the role realtime beside it."""
    from andon.realtime.websocket import WebSocketServer

    return _by_path(plant.socketio, WebSocketServer(plant.realtime), api)


def _by_path(socketio: ASGIApp, ws: ASGIApp, api: Asgi) -> Asgi:
    async def asgi(scope: Any, receive: Any, send: Any) -> None:
        path = scope.get("path", "")
        if path.startswith(paths.SOCKETIO):
            await socketio(scope, receive, send)
        elif path == paths.WEBSOCKET:
            await ws(scope, receive, send)
        else:
            await api(scope, receive, send)

    return asgi
