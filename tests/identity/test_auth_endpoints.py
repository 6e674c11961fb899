"""`/auth` and `/users` over HTTP."""

from __future__ import annotations

from typing import Annotated

import pytest
from fastapi import Depends, FastAPI
from fastapi.testclient import TestClient

from andon.identity.guard import requires
from andon.identity.model import Principal
from andon.identity.service import IdentityService

from .conftest import PASSWORD

LOGIN = {"username": "admin", "password": PASSWORD}
AUTH = "/api/v1/auth"


def bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


def sign_in(client: TestClient, username: str = "admin", password: str = PASSWORD) -> dict[str, str]:
    answer = client.post(f"{AUTH}/login", json={"username": username, "password": password})
    assert answer.status_code == 200
    return bearer(answer.json()["data"]["accessToken"])


def test_signing_in_answers_with_tokens_and_the_user(client: TestClient) -> None:
    body = client.post(f"{AUTH}/login", json=LOGIN).json()
    assert body["success"] is True
    assert set(body["data"]) == {"accessToken", "refreshToken", "expiresIn", "tokenType", "user"}
    assert body["data"]["tokenType"] == "Bearer"
    assert body["data"]["expiresIn"] == 900
    user = body["data"]["user"]
    assert (user["username"], user["role"]) == ("admin", "admin")
    assert user["organisation"]["name"] == "Default organisation"
    assert user["organisation"]["timezone"] == "UTC"
    assert "devices:write" in user["permissions"]


def test_the_refresh_cookie_is_out_of_reach_of_scripts_and_other_sites(client: TestClient) -> None:
    cookie = client.post(f"{AUTH}/login", json=LOGIN).headers["set-cookie"]
    assert cookie.startswith("andon_refresh=")
    for part in ("HttpOnly", "SameSite=strict", f"Path={AUTH}"):
        assert part in cookie
    assert "Secure" not in cookie


def test_over_https_the_cookie_stays_on_https(client: TestClient) -> None:
    client.base_url = "https://testserver"
    assert "Secure" in client.post(f"{AUTH}/login", json=LOGIN).headers["set-cookie"]


def test_tokens_are_not_kept_in_caches(client: TestClient) -> None:
    assert client.post(f"{AUTH}/login", json=LOGIN).headers["cache-control"] == "no-store"


def test_a_browser_refreshes_by_its_cookie_alone(client: TestClient) -> None:
    sign_in(client)
    answer = client.post(f"{AUTH}/refresh")
    assert answer.status_code == 200
    assert client.get(f"{AUTH}/me", headers=bearer(answer.json()["data"]["accessToken"])).status_code == 200


def test_a_program_refreshes_with_the_token_in_the_body(client: TestClient) -> None:
    token = client.post(f"{AUTH}/login", json=LOGIN).json()["data"]["refreshToken"]
    client.cookies.clear()
    assert client.post(f"{AUTH}/refresh", json={"refreshToken": token}).status_code == 200


def test_without_a_refresh_token_there_is_nothing_to_refresh(client: TestClient) -> None:
    answer = client.post(f"{AUTH}/refresh")
    assert answer.status_code == 401
    assert answer.json()["details"][0]["cure"] == "sign in"


def test_signing_out_ends_the_tokens_and_takes_the_cookie_back(client: TestClient) -> None:
    headers = sign_in(client)
    answer = client.post(f"{AUTH}/logout", headers=headers)
    assert answer.status_code == 200
    assert 'andon_refresh=""' in answer.headers["set-cookie"]
    assert client.get(f"{AUTH}/me", headers=headers).status_code == 401
    assert client.post(f"{AUTH}/refresh").status_code == 401


def test_signing_out_twice_or_with_an_old_token_is_fine(client: TestClient) -> None:
    assert client.post(f"{AUTH}/logout", headers=bearer("old")).status_code == 200
    assert client.post(f"{AUTH}/logout").status_code == 200


def test_a_wrong_password_is_401_and_does_not_echo_it(client: TestClient) -> None:
    answer = client.post(f"{AUTH}/login", json={**LOGIN, "password": "guessed secret"})
    assert answer.status_code == 401
    assert answer.headers["www-authenticate"] == "Bearer"
    assert "guessed secret" not in answer.text


def test_too_many_wrong_passwords_are_429_with_the_time_to_wait(client: TestClient) -> None:
    wrong = {**LOGIN, "password": "wrong password"}
    answers = [client.post(f"{AUTH}/login", json=wrong) for _ in range(6)]
    assert [answer.status_code for answer in answers] == [401] * 5 + [429]
    assert "try again in" in answers[-1].json()["details"][0]["cure"]


@pytest.mark.parametrize(
    "body", [{}, {"username": "admin"}, {"username": 1, "password": PASSWORD}, {**LOGIN, "x": 1}, []]
)
def test_a_malformed_sign_in_is_422(client: TestClient, body: object) -> None:
    answer = client.post(f"{AUTH}/login", json=body)
    assert answer.status_code == 422
    assert answer.json()["details"][0]["cure"]
    assert PASSWORD not in answer.text


@pytest.mark.parametrize("header", [None, "", "Bearer", "Bearer ", "Basic YWRtaW46eA==", "Bearer not-a-token"])
def test_without_a_good_token_every_door_is_closed_and_says_the_cure(client: TestClient, header: str | None) -> None:
    answer = client.get(f"{AUTH}/me", headers={} if header is None else {"Authorization": header})
    assert answer.status_code == 401
    assert "/auth/login" in answer.json()["details"][0]["cure"]


def test_a_missing_permission_is_403_and_is_named(client: TestClient, identity: IdentityService) -> None:
    sign_in(client)
    admin = identity.verify(identity.login("admin", PASSWORD).access_token)
    identity.create_user(admin, "vera", "viewer password", "viewer")
    answer = client.get("/api/v1/users", headers=sign_in(client, "vera", "viewer password"))
    assert answer.status_code == 403
    assert "users:manage" in answer.json()["error"]
    assert "users:manage" in answer.json()["details"][0]["cure"]


def test_administrators_add_list_and_change_users(client: TestClient) -> None:
    headers = sign_in(client)
    new = {"username": "vera", "password": "viewer password", "role": "viewer", "email": "vera@example.com"}
    created = client.post("/api/v1/users", json=new, headers=headers)
    assert created.status_code == 201
    assert set(created.json()["data"]) == {"id", "username", "email", "role", "isActive", "createdAt"}
    listed = client.get("/api/v1/users", headers=headers).json()
    assert [user["username"] for user in listed["data"]["users"]] == ["admin", "vera"]
    assert listed["meta"]["total"] == 2
    changed = client.put("/api/v1/users/vera", json={"isActive": False}, headers=headers)
    assert changed.json()["data"]["isActive"] is False
    refused = client.post(f"{AUTH}/login", json={"username": "vera", "password": "viewer password"})
    assert refused.status_code == 401


def test_the_api_documentation_says_which_endpoints_need_a_token() -> None:
    app = FastAPI()

    @app.get("/guarded")
    def guarded(principal: Annotated[Principal, Depends(requires("data:read"))]) -> str:
        return principal.username

    schema = app.openapi()
    assert schema["paths"]["/guarded"]["get"]["security"] == [{"accessToken": []}]
    assert schema["components"]["securitySchemes"]["accessToken"]["scheme"] == "bearer"
