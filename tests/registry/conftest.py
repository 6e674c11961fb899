"""A registry on an empty data folder, and an application with its endpoints."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient

from andon.api.errors import install_error_handlers
from andon.engines.database import Database
from andon.identity.model import ROLES, Principal
from andon.kit.errors import UnauthenticatedError
from andon.registry.directory import Directory
from andon.registry.endpoints import router
from andon.registry.service import Registry
from support.databases import migrated


class Tokens:
    """Stands for the identity service: the token is the role."""

    def __init__(self, organisation_id: str) -> None:
        self._organisation_id = organisation_id

    def verify(self, token: str) -> Principal:
        if token not in ROLES:
            raise UnauthenticatedError("no such token")
        return Principal(token, token, token, ROLES[token], self._organisation_id)


@pytest.fixture
def database(tmp_path: Path, database_url: str | None) -> Iterator[Database]:
    opened = migrated(database_url, tmp_path)
    yield opened
    opened.close()


@pytest.fixture
def directory() -> Directory:
    return Directory()


@pytest.fixture
def registry(database: Database, directory: Directory) -> Registry:
    return Registry(database, directory)


@pytest.fixture
def organisation(registry: Registry) -> str:
    return registry.ensure_default_organisation("Europe/Zagreb")


@pytest.fixture
def actor(organisation: str) -> Principal:
    return Principal("user-1", "anna", "operator", ROLES["operator"], organisation)


@pytest.fixture
def client(registry: Registry, organisation: str) -> Iterator[TestClient]:
    app = FastAPI()
    app.state.registry = registry
    app.state.identity = Tokens(organisation)
    app.include_router(router, prefix="/api/v1")
    install_error_handlers(app)
    with TestClient(app, headers={"Authorization": "Bearer admin"}) as opened:
        yield opened
