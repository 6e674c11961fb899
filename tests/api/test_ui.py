"""The built web UI is served from the package."""

from __future__ import annotations

import gzip
import os
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest
from fastapi import FastAPI

from andon.api.errors import install_error_handlers
from andon.api.ui import WebUi

SCRIPT = "console.log(1);" * 200


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "static" / "assets").mkdir(parents=True)
    (tmp_path / "static" / "index.html").write_text("<title>Andon</title>")
    (tmp_path / "static" / "assets" / "index-abc.js").write_text(SCRIPT)
    (tmp_path / "secret.txt").write_text("secret")
    return tmp_path / "static"


@pytest.fixture
async def client(folder: Path) -> AsyncIterator[httpx.AsyncClient]:
    app = FastAPI()
    install_error_handlers(app)
    app.mount("/", WebUi(folder))
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://test") as client:
        yield client


@pytest.mark.parametrize("path", ["/", "/devices", "/devices/oven-1", "/admin/system"])
async def test_every_page_of_the_app_is_the_same_document(client: httpx.AsyncClient, path: str) -> None:
    answer = await client.get(path)
    assert answer.text == "<title>Andon</title>"
    assert answer.headers["cache-control"] == "no-cache"


async def test_hashed_files_are_cached_for_ever_and_compressed(client: httpx.AsyncClient) -> None:
    answer = await client.get("/assets/index-abc.js")
    assert answer.text == SCRIPT
    assert "immutable" in answer.headers["cache-control"]
    assert answer.headers["content-encoding"] == "gzip"
    assert int(answer.headers["content-length"]) == len(gzip.compress(SCRIPT.encode(), 6))


@pytest.mark.parametrize("path", ["/%00", "/assets/%00.js"])
async def test_a_name_that_no_file_can_have_is_not_found(client: httpx.AsyncClient, path: str) -> None:
    assert (await client.get(path)).status_code == 404


async def test_a_missing_asset_is_not_the_page(client: httpx.AsyncClient) -> None:
    assert (await client.get("/assets/index-old.js")).status_code == 404


@pytest.mark.parametrize("path", ["/../secret.txt", "/%2e%2e/secret.txt", "/assets/../../secret.txt"])
async def test_nothing_outside_the_folder_is_served(client: httpx.AsyncClient, path: str) -> None:
    assert "secret" not in (await client.get(path)).text


async def test_a_rebuilt_page_is_served_without_a_restart(client: httpx.AsyncClient, folder: Path) -> None:
    await client.get("/")
    (folder / "index.html").write_text("<title>New</title>")
    os.utime(folder / "index.html", (2e9, 2e9))
    assert (await client.get("/")).text == "<title>New</title>"


async def test_without_a_build_it_says_what_to_do(tmp_path: Path) -> None:
    async with httpx.AsyncClient(transport=httpx.ASGITransport(WebUi(tmp_path)), base_url="http://test") as client:
        answer = await client.get("/")
    assert answer.status_code == 503
    assert "make setup" in answer.text
