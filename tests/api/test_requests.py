"""What every HTTP request passes: ids, security headers, limits, one shape of error."""

from __future__ import annotations

from collections.abc import AsyncIterator

import httpx
import pytest
from fastapi import FastAPI, Request
from pydantic import BaseModel

from andon.api.errors import install_error_handlers
from andon.api.middleware import RateWindow, RequestMiddleware, RequestStats
from andon.kit.errors import ForbiddenError, UnauthenticatedError


class Body(BaseModel):
    size: int


def application(per_minute: int = 0, max_request_bytes: int = 1_000) -> tuple[FastAPI, RequestStats]:
    app, stats = FastAPI(), RequestStats()
    install_error_handlers(app)

    @app.get("/forbidden")
    async def forbidden() -> None:
        raise ForbiddenError("this needs devices:write", field="role", cure="ask an administrator")

    @app.get("/signed-out")
    async def signed_out() -> None:
        raise UnauthenticatedError("nobody is signed in")

    @app.get("/broken")
    async def broken() -> None:
        raise RuntimeError("password=hunter2")

    @app.post("/sizes")
    async def sizes(body: Body) -> dict[str, int]:
        return {"size": body.size}

    @app.post("/raw")
    async def raw(request: Request) -> dict[str, int]:
        return {"bytes": len(await request.body())}

    rate = RateWindow(per_minute)
    app.add_middleware(RequestMiddleware, stats=stats, rate=rate, max_request_bytes=max_request_bytes)
    return app, stats


def client_of(app: FastAPI) -> httpx.AsyncClient:
    transport = httpx.ASGITransport(app, raise_app_exceptions=False)
    return httpx.AsyncClient(transport=transport, base_url="http://test")


@pytest.fixture
async def client() -> AsyncIterator[httpx.AsyncClient]:
    async with client_of(application()[0]) as client:
        yield client


async def test_an_error_has_the_seeds_body_with_field_and_cure(client: httpx.AsyncClient) -> None:
    answer = await client.get("/forbidden")
    body = answer.json()
    assert answer.status_code == body["status"] == 403
    assert body["success"] is False
    assert body["error"] == "this needs devices:write"
    assert body["path"] == "/forbidden"
    assert body["timestamp"].endswith("Z")
    assert body["request_id"] == answer.headers["x-request-id"]
    assert body["details"] == [{"field": "role", "message": "this needs devices:write", "cure": "ask an administrator"}]


async def test_a_malformed_body_names_the_field_but_does_not_echo_the_input(client: httpx.AsyncClient) -> None:
    answer = await client.post("/sizes", json={"size": "secret-value"})
    assert answer.status_code == 422
    assert answer.json()["details"][0]["field"] == "size"
    assert "secret-value" not in answer.text


async def test_a_missing_field_says_to_add_it(client: httpx.AsyncClient) -> None:
    answer = await client.post("/sizes", json={})
    assert answer.json()["details"][0]["cure"] == "add size to the request"


async def test_an_unexpected_error_shows_no_internals(client: httpx.AsyncClient) -> None:
    answer = await client.get("/broken")
    assert answer.status_code == 500
    assert "hunter2" not in answer.text
    assert answer.json()["request_id"] in answer.json()["error"]


async def test_an_unknown_path_has_the_same_shape(client: httpx.AsyncClient) -> None:
    answer = await client.get("/nowhere")
    assert answer.status_code == answer.json()["status"] == 404


async def test_signed_out_is_401_with_a_challenge(client: httpx.AsyncClient) -> None:
    answer = await client.get("/signed-out")
    assert (answer.status_code, answer.headers["www-authenticate"]) == (401, "Bearer")


async def test_security_headers_stand_on_every_answer(client: httpx.AsyncClient) -> None:
    headers = (await client.get("/nowhere")).headers
    assert headers["x-frame-options"] == "DENY"
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["x-xss-protection"] == "1; mode=block"
    assert headers["content-security-policy"].startswith("default-src 'self'")


async def test_a_body_over_the_limit_is_refused(client: httpx.AsyncClient) -> None:
    answer = await client.post("/raw", content=b"x" * 1_001)
    assert answer.status_code == 413
    assert "max_request_bytes" in answer.json()["error"]


async def test_the_rate_limit_counts_down_and_then_refuses() -> None:
    async with client_of(application(per_minute=2)[0]) as client:
        answers = [await client.get("/nowhere") for _ in range(3)]
    assert [answer.status_code for answer in answers] == [404, 404, 429]
    assert [answer.headers["x-ratelimit-remaining"] for answer in answers] == ["1", "0", "0"]
    assert int(answers[2].headers["retry-after"]) <= 60


def test_the_rate_limit_starts_anew_each_minute_and_knows_clients_apart() -> None:
    rate = RateWindow(1)
    assert [rate.take("a", 0), rate.take("a", 59), rate.take("b", 59), rate.take("a", 60)] == [0, -1, 0, 0]


def test_the_rate_limit_remembers_a_bounded_number_of_clients() -> None:
    rate = RateWindow(1, max_clients=3)
    for client in range(100):
        rate.take(str(client), 0)
    assert len(rate._windows) == 3


async def test_failures_here_are_counted_for_the_health_body() -> None:
    app, stats = application()
    async with client_of(app) as client:
        await client.get("/broken")
        await client.get("/nowhere")
    assert (stats.requests, stats.errors, stats.error_rate()) == (2, 1, 0.5)
