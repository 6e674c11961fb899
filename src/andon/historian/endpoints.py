"""The historian's endpoints, by topic."""

from __future__ import annotations

from fastapi import APIRouter

from andon.historian import (
    download_endpoints,
    export_endpoints,
    history_query,
    latest_endpoint,
    retention_endpoints,
    statistics_endpoint,
    storage_endpoint,
    top_endpoint,
)

ROUTERS: tuple[APIRouter, ...] = (
    history_query.router,
    latest_endpoint.router,
    top_endpoint.router,
    statistics_endpoint.router,
    export_endpoints.router,
    download_endpoints.router,
    storage_endpoint.router,
    retention_endpoints.router,
)
