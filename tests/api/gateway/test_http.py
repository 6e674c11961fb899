"""Requests handed over to another process: as if it were the front door itself."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
from prometheus_client import REGISTRY
from starlette.types import Receive, Scope, Send

from andon.engines.broker.ports import free_port
from api.gateway.servers import Front, served

WITHIN_S = 20


class Backend:
    """Says what it was asked; streams what it is told to."""

    def __init__(self) -> None:
        self.asked: list[dict[str, Any]] = []
        self.gone = asyncio.Event()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        path = scope["path"]
        if path == "/endless":
            await self._endless(receive, send)
            return
        if path == "/refuse":
            await _answer(send, 413, b"too much")
            return
        body, more = b"", True
        while more:
            message = await receive()
            body += message.get("body", b"")
            more = message.get("more_body", False)
        headers = {name.decode(): value.decode() for name, value in scope["headers"]}
        asked = {
            "method": scope["method"],
            "path": scope["raw_path"].decode(),
            "query": scope["query_string"].decode(),
            "headers": headers,
            "size": len(body),
        }
        self.asked.append(asked)
        if path == "/nothing":
            await _answer(send, 204, b"")
        elif path == "/large":
            await _large(send)
        elif path == "/break":
            await _break(send)
        else:
            await _answer(send, 201, json.dumps(asked).encode(), (b"x-own", b"yes"), (b"x-frame-options", b"OURS"))

    async def _endless(self, receive: Receive, send: Send) -> None:
        await receive()
        await send({"type": "http.response.start", "status": 200, "headers": []})
        leaving = asyncio.create_task(_until_gone(receive))
        while not leaving.done():
            await send({"type": "http.response.body", "body": b"x" * 65_536, "more_body": True})
            await asyncio.sleep(0)
        self.gone.set()


async def _until_gone(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


async def _answer(send: Send, status: int, body: bytes, *headers: tuple[bytes, bytes]) -> None:
    length = [] if status == 204 else [(b"content-length", b"%d" % len(body))]
    await send({"type": "http.response.start", "status": status, "headers": [*headers, *length]})
    await send({"type": "http.response.body", "body": body})


async def _large(send: Send) -> None:
    await send({"type": "http.response.start", "status": 200, "headers": []})
    for number in range(400):
        await send({"type": "http.response.body", "body": b"%07d\n" % number * 8_192, "more_body": True})
    await send({"type": "http.response.body", "body": b""})


async def _break(send: Send) -> None:
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"1000")]})
    await send({"type": "http.response.body", "body": b"only this", "more_body": True})


@pytest.fixture
async def backend() -> Backend:
    return Backend()


@pytest.fixture
async def front() -> AsyncIterator[Front]:
    made = Front()
    yield made
    made.upstream.close()


@pytest.fixture
async def client(front: Front, backend: Backend) -> AsyncIterator[httpx.AsyncClient]:
    """Of a front door with one process behind it."""
    async with served(backend) as url, served(front.app()) as door:
        front.urls.append(url)
        async with httpx.AsyncClient(base_url=door, timeout=WITHIN_S) as opened:
            yield opened


async def test_the_request_arrives_as_it_was_written(client: httpx.AsyncClient, backend: Backend) -> None:
    answer = await client.put("/devices/a%2Fb/x?q=%20y&q=z", content=b"hello", headers={"authorization": "Bearer t"})
    assert answer.status_code == 201
    asked = answer.json()
    assert (asked["method"], asked["path"], asked["query"]) == ("PUT", "/devices/a%2Fb/x", "q=%20y&q=z")
    assert asked["size"] == 5 and asked["headers"]["authorization"] == "Bearer t"


async def test_the_other_process_learns_who_asks_and_what_is_known(client: httpx.AsyncClient) -> None:
    headers = {"x-andon-revision": "999", "x-request-id": "req-0123456789abcdef", "x-forwarded-for": "10.0.0.9"}
    answer = await client.get("/", headers=headers)
    asked = answer.json()["headers"]
    assert asked["x-andon-revision"] == "7", "what a client claims does not count"
    assert asked["x-forwarded-for"] == "10.0.0.9, 127.0.0.1"
    assert asked["x-request-id"] == answer.headers["x-request-id"] != "req-0123456789abcdef"


async def test_headers_are_said_once(client: httpx.AsyncClient) -> None:
    answer = await client.get("/")
    assert answer.headers.get_list("x-frame-options") == ["DENY"]
    assert len(answer.headers.get_list("x-request-id")) == 1
    assert answer.headers["x-own"] == "yes"


async def test_answers_and_bodies_of_any_size_pass(client: httpx.AsyncClient) -> None:
    answer = await client.get("/large")
    assert answer.content == b"".join(b"%07d\n" % number * 8_192 for number in range(400))

    async def parts() -> AsyncIterator[bytes]:
        for _ in range(50):
            yield b"y" * 100_000

    answer = await client.post("/chunked", content=parts())
    assert answer.json()["size"] == 5_000_000


async def test_answers_without_a_body_end(client: httpx.AsyncClient) -> None:
    assert (await client.delete("/nothing")).status_code == 204
    head = await client.head("/something")
    assert (head.status_code, head.content) == (201, b"")
    assert (await client.get("/again")).status_code == 201


async def test_a_refusal_before_the_body_was_read_arrives(client: httpx.AsyncClient) -> None:
    answer = await client.post("/refuse", content=b"z" * 4_000_000)
    assert (answer.status_code, answer.content) == (413, b"too much")


async def test_a_client_that_leaves_ends_the_work(client: httpx.AsyncClient, backend: Backend) -> None:
    async with client.stream("GET", "/endless") as answer:
        async for chunk in answer.aiter_raw():
            assert chunk
            break
    await asyncio.wait_for(backend.gone.wait(), WITHIN_S)


async def test_an_answer_that_breaks_off_is_not_taken_for_whole(client: httpx.AsyncClient) -> None:
    with pytest.raises(httpx.HTTPError):
        await client.get("/break")
    assert (await client.get("/")).status_code == 201


async def test_without_a_process_the_answer_names_the_role(front: Front) -> None:
    async with served(front.app()) as door, httpx.AsyncClient(base_url=door, timeout=WITHIN_S) as client:
        for urls in ([], [f"http://127.0.0.1:{free_port()}"]):
            front.urls[:] = urls
            answer = await client.get("/x")
            assert answer.status_code == 503
            assert answer.json()["path"] == "/x" and answer.json()["success"] is False
        front.urls.clear()
        assert "ingest" in (await client.get("/x")).json()["error"]


async def test_one_that_cannot_be_reached_is_passed_over(client: httpx.AsyncClient, front: Front) -> None:
    front.urls.insert(0, f"http://127.0.0.1:{free_port()}")
    assert (await client.get("/")).status_code == 201
    assert (await client.post("/", content=b"a")).status_code == 201


async def test_what_became_of_requests_is_counted(client: httpx.AsyncClient, front: Front) -> None:
    def counted() -> dict[str, float]:
        name = "andon_gateway_requests_total"
        outcomes = ("answered", "passed_over", "nobody", "broken")
        found = {each: REGISTRY.get_sample_value(name, {"role": "ingest", "outcome": each}) for each in outcomes}
        return {each: value or 0 for each, value in found.items()}

    before = counted()
    front.urls.insert(0, f"http://127.0.0.1:{free_port()}")
    await client.get("/")
    with pytest.raises(httpx.HTTPError):
        await client.get("/break")
    front.urls.clear()
    await client.get("/")
    assert {each: value - before[each] for each, value in counted().items()} == {
        "answered": 1,
        "passed_over": 2,
        "nobody": 1,
        "broken": 1,
    }


async def test_a_connection_that_died_while_idle_is_replaced(front: Front) -> None:
    port = free_port()
    async with served(front.app()) as door, httpx.AsyncClient(base_url=door, timeout=WITHIN_S) as client:
        for turn in range(3):
            backend = Backend()
            async with served(backend, port) as url:
                front.urls[:] = [url]
                for _ in range(2):
                    assert (await client.get("/")).status_code == 201
                assert len(backend.asked) == 2, turn


async def test_changes_are_caught_up_with_before_the_client_hears_of_them(
    client: httpx.AsyncClient, front: Front
) -> None:
    await client.get("/")
    assert front.changes == 0
    await client.post("/", content=b"a")
    assert front.changes == 1
    await client.post("/refuse", content=b"a")
    assert front.changes == 1, "nothing was changed"
