"""A mistyped query parameter is an error that names the cure, not a question other than the one that was meant."""

from __future__ import annotations

from typing import Annotated, Any

import httpx
import pytest
from fastapi import APIRouter, Depends, Query
from fastapi.routing import APIRoute

from andon.api.application import ApiOptions, create_application
from andon.api.middleware import RequestStats
from andon.api.parameters import known_parameters
from andon.api.routers import ROUTERS

router = APIRouter()


def page(limit: int = 10, next_cursor: Annotated[str, Query(alias="cursor")] = "") -> int:
    return limit


@router.get("/samples")
async def samples(limit: Annotated[int, Depends(page)], start: Annotated[str, Query(alias="from")] = "-1h") -> Any:
    return {"from": start, "limit": limit}


@router.post("/samples/{number}")
async def take(number: int) -> Any:
    return {"number": number}


async def ask(method: str, path: str) -> httpx.Response:
    app = create_application({}, ApiOptions(), RequestStats(), routers=(router,))
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://test") as client:
        return await client.request(method, path)


@pytest.mark.parametrize("prefix", ["/api", "/api/v1"])
async def test_a_mistyped_parameter_is_refused_with_the_nearest_name(prefix: str) -> None:
    answer = await ask("GET", f"{prefix}/samples?fom=-24h")
    body = answer.json()
    assert (answer.status_code, body["error"]) == (422, "fom is not a query parameter here")
    assert body["details"] == [{"field": "fom", "message": body["error"], "cure": "write from"}]


async def test_a_name_like_no_other_is_told_which_there_are() -> None:
    [detail] = (await ask("GET", "/api/samples?from=-1h&zzz=1")).json()["details"]
    assert (detail["field"], detail["cure"]) == ("zzz", "leave zzz out, or use one of from, limit, cursor")


async def test_where_there_are_no_parameters_it_says_so() -> None:
    answer = await ask("POST", "/api/samples/7?number=8")
    assert answer.status_code == 422
    assert answer.json()["details"][0]["cure"] == "leave number out: there are none here"


async def test_parameters_of_the_endpoint_and_of_what_it_depends_on_are_known() -> None:
    answer = await ask("GET", "/api/samples?from=-2h&limit=3&cursor=abc")
    assert answer.json() == {"from": "-2h", "limit": 3}


async def test_a_parameter_may_come_several_times_and_be_empty() -> None:
    answer = await ask("GET", "/api/samples?from=-2h&from=&limit=3")
    assert answer.json() == {"from": "", "limit": 3}


async def test_health_outside_the_api_takes_what_a_probe_may_add() -> None:
    assert (await ask("GET", "/health/live?probe=1")).status_code == 200


def test_all_parameters_that_the_document_names_are_known() -> None:
    document = create_application({}, ApiOptions(), RequestStats(), routers=ROUTERS).openapi()
    for route in (each for router in ROUTERS for each in router.routes if isinstance(each, APIRoute)):
        for operation in document["paths"][f"/api/v1{route.path_format}"].values():
            if operation["operationId"].startswith(route.name):
                named = {each["name"] for each in operation.get("parameters", ()) if each["in"] == "query"}
                assert named == set(known_parameters(route.dependant)), route.path
