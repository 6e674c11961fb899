"""Tokens, roles and permissions of Factory+'s document, as it prints them."""

from __future__ import annotations

import time
from typing import Any

import httpx
import jwt
import pytest

from support.listener import token_of
from support.running import RunningAndon

pytestmark = [pytest.mark.xdist_group("demo"), pytest.mark.topology]

ROLES = {
    "admin": {"system:read", "system:write", "users:manage", "devices:manage", "schemas:manage"},
    "operator": {"devices:read", "devices:write", "data:read", "alerts:manage"},
    "viewer": {"data:read", "dashboards:read"},
    "guest": {"dashboards:read"},
}
PASSWORD = "four unrelated words here"


def claims_of(token: str) -> dict[str, Any]:
    """The claims, not verified."""
    return jwt.decode(token, options={"verify_signature": False})


@pytest.fixture(scope="module")
def tokens(demo: RunningAndon, demo_client: httpx.Client) -> dict[str, str]:
    """An access token of each role."""
    found = {}
    for role in ROLES:
        body = {"username": f"contract-{role}", "password": PASSWORD, "role": role}
        demo_client.post("/api/v1/users", json=body).raise_for_status()
        with demo.client(body["username"], PASSWORD) as client:
            found[role] = token_of(client)
    return found


def test_the_tokens_header_is_the_documents(tokens: dict[str, str]) -> None:
    header = jwt.get_unverified_header(tokens["operator"])
    assert (header["alg"], header["typ"]) == ("RS256", "JWT")


@pytest.mark.parametrize("role", ROLES)
def test_the_tokens_claims_are_the_documents(tokens: dict[str, str], role: str) -> None:
    claims = claims_of(tokens[role])
    assert {"sub", "iss", "aud", "exp", "iat", "roles", "permissions"} <= set(claims)
    assert (claims["iss"], claims["aud"]) == ("factory-plus", "factory-plus")
    assert claims["sub"] and isinstance(claims["sub"], str)
    assert claims["roles"] == [role]
    assert claims["iat"] <= time.time() < claims["exp"]


@pytest.mark.parametrize("role", ROLES)
def test_a_role_has_at_least_the_documents_permissions(tokens: dict[str, str], role: str) -> None:
    assert ROLES[role] <= set(claims_of(tokens[role])["permissions"])


def test_a_guest_has_no_other_permission(tokens: dict[str, str]) -> None:
    assert claims_of(tokens["guest"])["permissions"] == ["dashboards:read"]


@pytest.mark.parametrize(
    ("role", "method", "path", "status"),
    [
        ("guest", "GET", "/devices", 403),
        ("viewer", "GET", "/devices", 200),
        ("viewer", "PUT", "/devices/device-001/config", 403),
        ("viewer", "PUT", "/alerts/alert-999999/acknowledge", 403),
        ("viewer", "GET", "/metrics/system", 403),
        ("operator", "PUT", "/alerts/alert-999999/acknowledge", 404),
        ("operator", "GET", "/users", 403),
        ("operator", "DELETE", "/devices/no-such", 403),
        ("admin", "GET", "/users", 200),
        ("admin", "DELETE", "/devices/no-such", 404),
    ],
)
def test_what_a_role_may_not_is_refused(
    demo: RunningAndon, tokens: dict[str, str], role: str, method: str, path: str, status: int
) -> None:
    headers = {"authorization": f"Bearer {tokens[role]}"}
    body = {} if method == "PUT" else None
    answer = httpx.request(method, f"{demo.url}/api/v1{path}", headers=headers, json=body)
    assert answer.status_code == status, answer.text


def test_a_token_that_was_tampered_with_is_refused(demo: RunningAndon, tokens: dict[str, str]) -> None:
    header, _, signature = tokens["viewer"].split(".")
    stolen = tokens["admin"].split(".")[1]
    forged = [f"{header}.{stolen}.{signature}", jwt.encode(claims_of(tokens["admin"]), key="", algorithm="none")]
    for token in forged:
        answer = httpx.get(f"{demo.url}/api/v1/users", headers={"authorization": f"Bearer {token}"})
        assert answer.status_code == 401
