"""A small plant behind the history endpoints, and clients of two organisations."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import httpx
import pytest
from fastapi import FastAPI

from andon.api.errors import install_error_handlers
from andon.historian.endpoints import ROUTERS
from andon.historian.limits import QueryLimits
from andon.historian.service import Historian, HistorianLimits
from andon.historian.stores.columnar.store import LocalStore
from andon.identity.model import ROLES, Principal
from andon.kit.errors import UnauthenticatedError
from andon.kit.quality import Quality
from historian.support import ORGANISATION, T0, S, batch, device, directory, tag

OTHER = "org-2"
PRESS = device(
    "press-1",
    [
        tag(1, "press-1", "force", unit="kN"),
        tag(2, "press-1", "=cmd()", unit="+1", kind="text"),
        tag(3, "press-1", "speed", unit="rpm"),
    ],
)
BARE = device("=bare 1", [])
BERLIN = replace(
    device("oven:2", [tag(4, "oven:2", "temp:core"), tag(5, "oven:2", "speed", unit="rpm")]),
    type="oven",
    timezone="Europe/Berlin",
)
FOREIGN = device("foreign", [tag(9, "foreign", "secret")], organisation_id=OTHER)
LIMITS = QueryLimits(max_series=5, max_answer=20_000, exports=2)


def verify(token: str) -> Principal:
    """Each role is its own token; `stranger` is an administrator of another organisation."""
    if token == "stranger":
        return Principal("s", token, "admin", ROLES["admin"], OTHER)
    if token not in ROLES:
        raise UnauthenticatedError("unknown")
    return Principal("u", token, token, ROLES[token], ORGANISATION)


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[LocalStore]:
    """Eleven samples of force, three of a text, one of a foreign tag."""
    store = LocalStore.open(tmp_path / "history")
    rows = [(1, T0 + i * S, float(i)) for i in range(10)]
    await store.write(batch(*rows, (1, T0 + 10 * S + 1, 99.0, Quality.BAD), (9, T0, 1.0)), 1)
    await store.write(batch((2, T0, "=1+2"), (2, T0 + S, 'a,"b"\nc'), (2, T0 + 2 * S, -5.0)), 2)
    yield store
    await store.close()


@pytest.fixture
def app(store: LocalStore) -> FastAPI:
    """The history endpoints on that store."""
    app = FastAPI()
    for router in ROUTERS:
        app.include_router(router)
    install_error_handlers(app)
    app.state.directory = directory(PRESS, BARE, BERLIN, FOREIGN)
    app.state.historian = Historian(store, app.state.directory, HistorianLimits(page_rows=4), LIMITS)
    app.state.identity = SimpleNamespace(verify=verify)
    return app


@pytest.fixture
async def client(app: FastAPI) -> AsyncIterator[httpx.AsyncClient]:
    """Signed in as a viewer."""
    headers = {"authorization": "Bearer viewer"}
    transport = httpx.ASGITransport(app)
    async with httpx.AsyncClient(transport=transport, base_url="http://andon", headers=headers) as client:
        yield client
