"""The endpoints of all domains. Only the front door has them all: who imports this imports every domain."""

from __future__ import annotations

from fastapi import APIRouter

from andon.alarms import endpoints as alarms
from andon.analytics import endpoints as analytics
from andon.api import devices, health, looms, system
from andon.historian import endpoints as historian
from andon.identity import endpoints as identity
from andon.ingest import endpoints as ingest
from andon.ingest.imports import endpoints as imports
from andon.ingest.uploads import endpoints as uploads
from andon.registry import endpoints as registry

# Fixed paths such as /devices/discovered stand before /devices/{device_id}.
ROUTERS: tuple[APIRouter, ...] = (
    identity.router,
    ingest.router,
    imports.router,
    uploads.router,
    *historian.ROUTERS,
    registry.router,
    devices.router,
    looms.router,
    alarms.router,
    analytics.router,
    system.router,
    health.router,
)
