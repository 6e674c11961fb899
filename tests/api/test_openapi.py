"""The OpenAPI document is complete, its examples hold, and the committed one is what the application says."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from fastapi import APIRouter, FastAPI
from fastapi.routing import APIRoute

from andon.api.application import ApiOptions, create_application
from andon.api.middleware import RequestStats
from andon.api.openapi import NO_PERMISSION, SIGNED_IN, complete_openapi
from andon.api.routers import ROUTERS
from andon.identity.model import PERMISSIONS
from andon.kit.contract import contract_of

ROOT = Path(__file__).parents[2]
COMMITTED = ROOT / "docs" / "reference" / "openapi.json"
APPLICATION = create_application({}, ApiOptions(), RequestStats(), routers=ROUTERS)
DOCUMENT: dict[str, Any] = APPLICATION.openapi()
OPEN = {
    "/api/v1/auth/login",
    "/api/v1/auth/refresh",
    "/api/v1/auth/logout",
    "/api/v1/health",
    "/api/v1/health/ready",
    "/api/v1/health/live",
    "/api/v1/history/exports/{export_id}/file",  # a link brings no token, but a ticket that is good once
}


def operations() -> Iterator[tuple[str, str, dict[str, Any]]]:
    """(method, path, operation) of every endpoint."""
    for path, methods in DOCUMENT["paths"].items():
        for method, operation in methods.items():
            yield method, path, operation


def bodies(operation: dict[str, Any]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """(status, media type, content) of every response."""
    for status, response in operation["responses"].items():
        if "$ref" in response:
            response = DOCUMENT["components"]["responses"][response["$ref"].rsplit("/", 1)[1]]
        for media, content in response["content"].items():
            yield status, media, content


each_operation = pytest.mark.parametrize(
    ("method", "path", "operation"), [pytest.param(*found, id=f"{found[0]} {found[1]}") for found in operations()]
)


def check(example: Any, schema: dict[str, Any]) -> None:
    """Fails when the example is not what the schema says."""
    jsonschema.validate(example, {**schema, "components": DOCUMENT["components"]}, jsonschema.Draft202012Validator)


def test_the_committed_document_is_what_the_application_says() -> None:
    sys.path.insert(0, str(ROOT / "tools"))
    from write_openapi import openapi_text

    assert COMMITTED.read_text("utf-8") == openapi_text(), "the contract changed: run `make openapi` and look at it"


def test_every_route_is_in_the_document() -> None:
    routes = {
        (method.lower(), f"/api/v1{route.path_format}")
        for router in ROUTERS
        for route in router.routes
        if isinstance(route, APIRoute)
        for method in route.methods or ()
    }
    assert routes == {(method, path) for method, path, _ in operations()}


@each_operation
def test_an_endpoint_says_what_it_is_for(method: str, path: str, operation: dict[str, Any]) -> None:
    assert operation["summary"]
    assert operation["description"]
    assert operation["tags"]


@each_operation
def test_an_endpoint_names_its_permission(method: str, path: str, operation: dict[str, Any]) -> None:
    permission = operation["x-permission"]
    assert permission in PERMISSIONS | {SIGNED_IN, NO_PERMISSION}
    assert (permission == NO_PERMISSION) == (path in OPEN), "everything is denied unless allowed"
    assert (permission == NO_PERMISSION) == ("security" not in operation)


@each_operation
def test_an_answer_has_a_model_and_an_example_that_is_valid(method: str, path: str, operation: dict[str, Any]) -> None:
    good = [(media, content) for status, media, content in bodies(operation) if status.startswith("2")]
    assert "application/json" in dict(good)
    for _, content in good:
        check(content["example"], content["schema"])
    schema = dict(good)["application/json"]["schema"]
    assert "$ref" in schema or "$ref" in schema["properties"]["data"]


@each_operation
def test_an_endpoint_says_how_it_refuses(method: str, path: str, operation: dict[str, Any]) -> None:
    responses = operation["responses"]
    assert "429" in responses
    assert "422" in responses or not ({"parameters", "requestBody"} & operation.keys())
    assert "401" in responses or operation["x-permission"] == NO_PERMISSION
    assert "403" in responses or operation["x-permission"] in (NO_PERMISSION, SIGNED_IN)
    assert "404" in responses or "{" not in path
    for status, _, content in bodies(operation):
        check(content["example"], content["schema"])
        if "Error" in str(content["schema"]):
            assert content["example"]["status"] == int(status)


@each_operation
def test_a_body_that_is_sent_has_an_example_that_is_valid(method: str, path: str, operation: dict[str, Any]) -> None:
    if "requestBody" not in operation:
        return
    if "application/octet-stream" in operation["requestBody"]["content"]:  # pieces of any file
        return
    schema = operation["requestBody"]["content"]["application/json"]["schema"]
    wanted = next((part for part in schema.get("anyOf", [schema]) if part.get("type") != "null"), schema)
    name = wanted.get("$ref", "").rsplit("/", 1)[-1]
    described = DOCUMENT["components"]["schemas"][name] if name else wanted
    examples = described.get("examples") or [described["example"]]
    for example in examples:
        check(example, wanted)


def test_operation_ids_are_unique_names() -> None:
    names = [operation["operationId"] for _, _, operation in operations()]
    assert len(set(names)) == len(names)
    assert all(re.fullmatch(r"[a-z_]+", name) for name in names)


def test_every_reference_leads_somewhere() -> None:
    for place in set(re.findall(r'"\$ref": "#/([^"]+)"', json.dumps(DOCUMENT))):
        found: Any = DOCUMENT
        for part in place.split("/"):
            found = found[part]


def test_an_endpoint_without_a_contract_is_refused() -> None:
    router = APIRouter()

    @router.get("/silent")
    def silent() -> None: ...

    assert contract_of(silent) is None
    app = FastAPI()
    app.include_router(router, prefix="/api/v1")
    with pytest.raises(ValueError, match="silent does not say what it answers"):
        complete_openapi(app, [router], "/api/v1")
