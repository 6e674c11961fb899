"""Which endpoints are handed over, and what several shards of ingest answer together."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from typing import Any

import httpx
import pytest
from fastapi import APIRouter, FastAPI, Request
from fastapi.responses import JSONResponse
from starlette.types import Receive, Scope, Send

from andon.api.application import ApiOptions, create_application
from andon.api.errors import install_error_handlers
from andon.api.gateway import sharded
from andon.api.gateway.catching_up import CatchingUp
from andon.api.gateway.http import Forwarder
from andon.api.gateway.routes import Elsewhere, Rule
from andon.api.gateway.upstream import Upstream
from andon.api.middleware import RequestStats
from andon.api.routers import ROUTERS
from api.gateway.servers import served

router = APIRouter()
HERE = "here"


@router.get("/things")
async def things() -> str:
    return HERE


@router.get("/things/{key}")
async def thing(key: str) -> str:
    return HERE


@router.post("/things/{key}")
@router.put("/things/{key}")
async def act(key: str) -> str:
    return HERE


async def elsewhere(scope: Scope, receive: Receive, send: Send) -> None:
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": b'"elsewhere"'})


def client(rule: Rule) -> httpx.AsyncClient:
    app = create_application({}, ApiOptions(), RequestStats(), routers=(router,), elsewhere=Elsewhere([rule]))
    return httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://test")


async def asked(client: httpx.AsyncClient, method: str, path: str) -> str:
    return str((await client.request(method, path)).json())


@pytest.mark.parametrize("prefix", ["/api", "/api/v1"])
async def test_a_rule_takes_the_endpoints_that_it_names(prefix: str) -> None:
    async with client(Rule(router, elsewhere, methods={"POST", "PUT"})) as asking:
        assert await asked(asking, "GET", f"{prefix}/things/1") == HERE
        assert await asked(asking, "POST", f"{prefix}/things/1") == "elsewhere"
        assert await asked(asking, "PUT", f"{prefix}/things/1") == "elsewhere"
    async with client(Rule(router, elsewhere, paths={"/things"})) as asking:
        assert await asked(asking, "GET", f"{prefix}/things") == "elsewhere"
        assert await asked(asking, "GET", f"{prefix}/things/1") == HERE
    async with client(Rule(router, elsewhere)) as asking:
        assert await asked(asking, "GET", f"{prefix}/things/1") == "elsewhere"


async def test_the_document_tells_of_all_endpoints_wherever_they_are_answered() -> None:
    whole = create_application({}, ApiOptions(), RequestStats(), routers=ROUTERS)
    handed_over = Elsewhere([Rule(each, elsewhere) for each in ROUTERS[1:]])
    split = create_application({}, ApiOptions(), RequestStats(), routers=ROUTERS, elsewhere=handed_over)
    assert split.openapi() == whole.openapi()


class Shard:
    """An ingest process that knows some discovered devices."""

    def __init__(self, number: int) -> None:
        self.number = number
        self.asked: list[tuple[str, Any]] = []
        self.app = FastAPI()
        self.app.get("/devices/discovered")(self.discovered)
        self.app.post("/devices/discovered/{key}/adopt", status_code=201)(self.adopt)
        self.app.post("/system/dead-letters/replay")(self.replay)

    async def discovered(self) -> dict[str, Any]:
        return {"success": True, "data": {"discovered": [{"key": f"key-{self.number}"}]}}

    async def adopt(self, key: str, request: Request) -> Any:
        self.asked.append((key, await request.json()))
        if key != f"key-{self.number}":
            return JSONResponse({"success": False, "error": "no such device"}, 404)
        return {"success": True, "data": {"deviceId": key}}

    async def replay(self, request: Request) -> dict[str, Any]:
        ids = (await request.json())["ids"]
        mine = [each for each in ids if each % 2 == self.number]
        failed = [{"id": each, "reason": "not mine"} for each in ids if each not in mine]
        return {"success": True, "data": {"replayed": len(mine), "failed": failed}}


@pytest.fixture
async def shards() -> AsyncIterator[tuple[httpx.AsyncClient, list[Shard], list[str]]]:
    """Two shards behind a front door, and their URLs."""
    two = [Shard(0), Shard(1)]
    upstream = Upstream()
    async with AsyncExitStack() as stack:
        urls = [await stack.enter_async_context(served(each.app)) for each in two]
        forwarder = Forwarder(upstream, lambda _scope: urls, "ingest")
        app = FastAPI()
        install_error_handlers(app)
        strategies = {
            "/devices/discovered": sharded.merged("discovered"),
            "/devices/discovered/{key}/adopt": sharded.first_that_knows,
            "/system/dead-letters/replay": sharded.replayed,
        }
        for path, strategy in strategies.items():
            app.router.add_route(path, sharded.Sharded(forwarder, strategy), methods=["GET", "POST"])  # type: ignore[arg-type]
        transport = httpx.ASGITransport(app)
        async with httpx.AsyncClient(transport=transport, base_url="http://test") as opened:
            yield opened, two, urls
    upstream.close()


Shards = tuple[httpx.AsyncClient, list[Shard], list[str]]


async def test_what_all_shards_discovered_is_one_list(shards: Shards) -> None:
    client, _, urls = shards
    found = (await client.get("/devices/discovered")).json()["data"]["discovered"]
    assert [each["key"] for each in found] == ["key-0", "key-1"]
    urls.append("http://127.0.0.1:1")  # one that is away hides nothing of the others
    assert len((await client.get("/devices/discovered")).json()["data"]["discovered"]) == 2


async def test_the_shard_that_knows_a_device_adopts_it(shards: Shards) -> None:
    client, two, urls = shards
    answer = await client.post("/devices/discovered/key-1/adopt", json={"name": "Oven"})
    assert (answer.status_code, answer.json()["data"]["deviceId"]) == (201, "key-1")
    assert two[1].asked == [("key-1", {"name": "Oven"})]
    assert (await client.post("/devices/discovered/key-9/adopt", json={})).status_code == 404
    urls.append("http://127.0.0.1:1")
    assert (await client.post("/devices/discovered/key-9/adopt", json={})).status_code == 503, "that one may know it"


async def test_dead_letters_are_replayed_by_the_shard_that_can(shards: Shards) -> None:
    client, _, _ = shards
    answer = (await client.post("/system/dead-letters/replay", json={"ids": [1, 2, 3]})).json()["data"]
    assert answer == {"replayed": 3, "failed": []}
    assert (await client.post("/system/dead-letters/replay", content=b"{")).status_code == 422


async def test_who_knows_less_than_its_caller_catches_up_first() -> None:
    known = [3]
    looked = []

    async def catch_up() -> bool:
        looked.append(known[0])
        known[0] = 5
        return True

    app = CatchingUp(elsewhere, lambda: known[0], catch_up)
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://test") as client:
        for revision in ("2", "3", "nonsense", "5", "5"):
            assert (await client.get("/", headers={"x-andon-revision": revision})).text == json.dumps("elsewhere")
    assert looked == [3]
