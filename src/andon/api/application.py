"""Assembles the domains' routers into one FastAPI application."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from typing import Any

from fastapi import APIRouter, Depends, FastAPI
from fastapi.middleware.cors import CORSMiddleware

from andon import __version__
from andon.api import health, metrics
from andon.api.errors import install_error_handlers
from andon.api.gateway.routes import Elsewhere
from andon.api.middleware import RateWindow, RequestMiddleware, RequestStats
from andon.api.parameters import only_known_parameters
from andon.api.ui import WebUi

DESCRIPTION = "From the machine to the browser: devices, samples, alarms, analytics. Sign in at /api/v1/auth/login."

PREFIX = "/api/v1"


@dataclass(frozen=True, slots=True)
class ApiOptions:
    """Limits of the HTTP side."""

    rate_limit_per_minute: int = 6_000
    max_request_bytes: int = 8 << 20
    allowed_origins: list[str] = field(default_factory=list)
    behind_front_door: bool = False
    """Another process of Andon hands requests over: its request ids are taken on, and it documents the API."""


class Application(FastAPI):
    """FastAPI with the completed OpenAPI document."""

    def openapi(self) -> dict[str, Any]:
        """The document, built at the first call."""
        if self.openapi_schema is None:
            # Of all endpoints, also those that another process answers: who documents nothing need not have them.
            from andon.api.openapi import complete_openapi
            from andon.api.routers import ROUTERS

            described = FastAPI(title=self.title, version=self.version, description=self.description)
            for router in ROUTERS:
                described.include_router(router, prefix=PREFIX)
            self.openapi_schema = complete_openapi(described, ROUTERS, PREFIX)
        return self.openapi_schema


Lifespan = Callable[[FastAPI], AbstractAsyncContextManager[None]]


def create_application(
    state: Mapping[str, Any],
    options: ApiOptions,
    requests: RequestStats,
    lifespan: Lifespan | None = None,
    *,
    routers: Sequence[APIRouter],
    elsewhere: Elsewhere | None = None,
) -> FastAPI:
    """The HTTP application. `state` are the services that endpoints take from `request.app.state`.

    `routers`: those whose endpoints it has, besides health and metrics. `elsewhere`: which of them others answer.
    """
    elsewhere = elsewhere or Elsewhere()
    app = Application(
        title="Andon",
        version=__version__,
        description=DESCRIPTION,
        docs_url=None,
        redoc_url=None,
        openapi_url=None if options.behind_front_door else "/api/openapi.json",
        lifespan=lifespan,
    )
    for name, service in state.items():
        setattr(app.state, name, service)
    install_error_handlers(app)
    checks = [Depends(only_known_parameters)]
    for router in routers:
        here, handed_over = elsewhere.split(router, (PREFIX, "/api"))
        app.include_router(here, prefix=PREFIX, dependencies=checks)
        app.include_router(here, prefix="/api", dependencies=checks, include_in_schema=False)
        app.router.routes.extend(handed_over)
    app.router.routes.extend(elsewhere.mounted())
    app.include_router(health.router, include_in_schema=False)
    app.include_router(metrics.router, include_in_schema=False)
    _add_middleware(app, options, requests)
    return app


def _add_middleware(app: FastAPI, options: ApiOptions, requests: RequestStats) -> None:
    if options.allowed_origins:
        app.add_middleware(
            CORSMiddleware,
            allow_origins=options.allowed_origins,
            allow_methods=["*"],
            allow_headers=["authorization", "content-type"],
            allow_credentials=True,
        )
    app.add_middleware(
        RequestMiddleware,
        stats=requests,
        rate=RateWindow(options.rate_limit_per_minute),
        max_request_bytes=options.max_request_bytes,
        take_ids=options.behind_front_door,
    )


def mount_ui(app: FastAPI) -> None:
    """The web UI takes every path that nothing else has; call it last."""
    app.mount("/", WebUi())
