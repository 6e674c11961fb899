"""An identity service on an empty data folder, and an application with its endpoints."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient

from andon.api.errors import install_error_handlers
from andon.engines.database import Database
from andon.identity.endpoints import router
from andon.identity.keys import SigningKeys
from andon.identity.service import IdentityService
from support.databases import migrated

PASSWORD = "correct horse battery"


@pytest.fixture(scope="session")
def keys() -> SigningKeys:
    return SigningKeys.generate()


@pytest.fixture
def database(tmp_path: Path, database_url: str | None) -> Iterator[Database]:
    opened = migrated(database_url, tmp_path)
    yield opened
    opened.close()


@pytest.fixture
def identity(database: Database, keys: SigningKeys) -> IdentityService:
    """With the user admin."""
    service = IdentityService(database, keys)
    assert service.ensure_admin(PASSWORD) is None
    return service


@pytest.fixture
def client(identity: IdentityService, database: Database) -> Iterator[TestClient]:
    app = FastAPI()
    app.state.identity = identity
    app.state.database = database
    app.include_router(router, prefix="/api/v1")
    install_error_handlers(app)
    with TestClient(app) as opened:
        yield opened
