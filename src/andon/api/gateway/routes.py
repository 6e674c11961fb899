"""Which endpoints are answered by other processes: the same paths and methods, handed over instead of done here."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence, Set
from dataclasses import dataclass, field

from fastapi import APIRouter
from fastapi.routing import APIRoute
from starlette.routing import BaseRoute, Route
from starlette.types import ASGIApp, Receive, Scope, Send


@dataclass(frozen=True, slots=True)
class _Asgi:
    """Starlette takes a plain function for one that wants a request; an object it takes for an ASGI application."""

    app: ASGIApp

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self.app(scope, receive, send)


@dataclass(frozen=True, slots=True)
class Rule:
    """Endpoints of `router` that `app` answers: all, or those of some methods or paths.

    `special`: by (method, path), those that something else answers.
    """

    router: APIRouter
    app: ASGIApp
    methods: Set[str] | None = None
    paths: Set[str] | None = None
    special: Mapping[tuple[str, str], ASGIApp] = field(default_factory=dict)

    def takes(self, route: APIRoute) -> bool:
        """Whether the endpoint is answered elsewhere."""
        fits_method = self.methods is None or bool(_methods(route) & self.methods)
        return fits_method and (self.paths is None or route.path in self.paths)

    def app_of(self, route: APIRoute) -> ASGIApp:
        """What answers it."""
        found = (self.special.get((method, route.path)) for method in _methods(route))
        return next((app for app in found if app is not None), self.app)


@dataclass(frozen=True, slots=True)
class Elsewhere:
    """All rules of a front door, and what other processes answer under whole paths such as `/socket.io/`."""

    rules: Sequence[Rule] = ()
    mounts: Mapping[str, ASGIApp] = field(default_factory=dict)

    def split(self, router: APIRouter, prefixes: Iterable[str]) -> tuple[APIRouter, list[BaseRoute]]:
        """The router with what stays here, and routes for what is handed over, under each prefix."""
        rule = next((each for each in self.rules if each.router is router), None)
        if rule is None:
            return router, []
        endpoints = [route for route in router.routes if isinstance(route, APIRoute)]
        handed = [route for route in endpoints if rule.takes(route)]
        here = APIRouter()
        here.routes = [route for route in router.routes if route not in handed]
        routes = [
            Route(prefix + route.path, endpoint=_Asgi(rule.app_of(route)), methods=sorted(_methods(route)))
            for prefix in prefixes
            for route in handed
        ]
        return here, list(routes)

    def mounted(self) -> list[BaseRoute]:
        """Routes for whole paths, any method."""
        return [Route(f"{path}{{rest:path}}", endpoint=_Asgi(app)) for path, app in self.mounts.items()]


def _methods(route: APIRoute) -> set[str]:
    return route.methods or {"GET"}
