"""Who may write: users and passwords on InfluxDB 1, tokens on InfluxDB 2; no secret is ever shown."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import msgspec
import pytest
from aiohttp import web

from andon.historian.stores.influx.client import InfluxClient
from andon.historian.stores.influx.limits import Access, InfluxLimits
from andon.historian.stores.influx.store import InfluxStore
from andon.kit.errors import InvalidError, StartError, UnavailableError
from historian.influx.support import QUICK, looms
from historian.support import T0, batch
from support.engines import start
from support.servers import Influx

SECRET = "s3cret-of-the-plant"
SOON = replace(QUICK, start_wait_s=0.1)


class Guarded(Influx):
    """With users."""

    def prepare(self) -> None:
        super().prepare()
        config = self.folder / "influx.toml"
        config.write_text(config.read_text().replace("[http]", "[http]\n  auth-enabled = true"))


@pytest.fixture
async def guarded(tmp_path: Path) -> AsyncIterator[Guarded]:
    with start(Guarded, tmp_path / "influx") as server:
        first = InfluxClient(Access(server.url), QUICK)
        await first.query(f"CREATE USER andon WITH PASSWORD '{SECRET}' WITH ALL PRIVILEGES")
        await first.close()
        admin = InfluxClient(Access(server.url, "plant", "andon", SECRET), QUICK)
        await admin.query('CREATE DATABASE "plant"', f"CREATE USER looker WITH PASSWORD '{SECRET}'")
        await admin.query('GRANT READ ON "plant" TO looker')
        await admin.close()
        yield server


async def test_with_user_and_password(guarded: Guarded) -> None:
    store = await InfluxStore.open(Access(guarded.url, "plant", "andon", SECRET), SOON)
    store.describe = looms
    assert await store.write(batch((1, T0, 1.0)), 1) == 1
    await store.close()


@pytest.mark.parametrize(("user", "password"), [("andon", "wrong"), ("looker", SECRET), (None, None)])
async def test_who_may_not_is_told_so(guarded: Guarded, user: str | None, password: str | None, caplog: Any) -> None:
    caplog.set_level(logging.DEBUG)
    with pytest.raises(StartError, match="refuses us") as caught:
        await InfluxStore.open(Access(guarded.url, "plant", user, password), SOON)
    assert "ANDON_INFLUX_USERNAME" in (caught.value.cure or "")
    assert SECRET not in caught.value.message
    assert SECRET not in caplog.text


def test_no_secret_is_in_what_is_printed() -> None:
    access = Access("http://user:pass@host:8086", password=SECRET, token=SECRET)
    assert SECRET not in repr(access)
    assert InfluxClient(access, QUICK).shown == "http://host:8086"


@pytest.mark.parametrize("url", ["host:8086", "ftp://host", f"http://:{SECRET}@", SECRET])
def test_an_address_that_is_none_is_refused(url: str) -> None:
    with pytest.raises(StartError, match="not one") as caught:
        InfluxClient(Access(url), QUICK)
    assert SECRET not in caught.value.message


# InfluxDB 2: what we send, as its documentation says it.


class Second:
    """Answers as InfluxDB 2 would, and remembers what it was asked."""

    def __init__(self) -> None:
        self.writes: list[tuple[dict[str, str], str, str]] = []
        self.queries: list[tuple[dict[str, str], str]] = []
        self.answer: tuple[int, Any] = (204, None)

    async def write(self, request: web.Request) -> web.Response:
        body = (await request.read()).decode()
        self.writes.append((dict(request.query), body, request.headers.get("Authorization", "")))
        status, said = self.answer
        return web.Response(status=status, body=msgspec.json.encode(said) if said else b"")

    async def query(self, request: web.Request) -> web.Response:
        form = {key: str(value) for key, value in (await request.post()).items()}
        self.queries.append((form, request.headers.get("Authorization", "")))
        results = [{"statement_id": number} for number in range(form["q"].count(";") + 1)]
        return web.Response(body=msgspec.json.encode({"results": results}), content_type="application/json")


@pytest.fixture
async def second() -> AsyncIterator[tuple[Second, str]]:
    fake = Second()
    application = web.Application()
    application.router.add_post("/api/v2/write", fake.write)
    application.router.add_post("/query", fake.query)
    runner = web.AppRunner(application)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    yield fake, f"http://127.0.0.1:{runner.addresses[0][1]}"
    await runner.cleanup()


def token(url: str) -> Access:
    return Access(url, "plant", token=SECRET, organisation="acme")


async def test_influxdb_2_gets_lines_for_a_bucket_and_a_token(second: tuple[Second, str]) -> None:
    fake, url = second
    store = await InfluxStore.open(token(url), SOON)
    store.describe = looms
    assert await store.write(batch((1, T0, 1600.5), (2, T0, 21.0)), 7) == 7
    await store.close()
    samples = [(where, body) for where, body, _ in fake.writes if where["bucket"] == "plant/andon_raw"]
    assert samples == [
        (
            {"org": "acme", "bucket": "plant/andon_raw", "precision": "us"},
            "loom,device_id=loom-001,location=weaving-line-1,organisation=org-1 "
            f"bbw_value=1600.5,bbw_value_quality=192i,temperature=21.0,temperature_quality=192i {T0}",
        )
    ]
    assert {authorization for *_, authorization in fake.writes} == {f"Token {SECRET}"}
    assert {(form["db"], authorization) for form, authorization in fake.queries} == {("plant", f"Token {SECRET}")}
    assert not any("CREATE" in form["q"] for form, _ in fake.queries), "buckets are the administrator's"


@pytest.mark.parametrize(
    ("status", "said", "error"),
    [
        (401, {"code": "unauthorized", "message": "unauthorized access"}, UnavailableError),
        (404, {"code": "not found", "message": 'bucket "plant/andon_raw" not found'}, UnavailableError),
        (422, {"code": "unprocessable entity", "message": "field type conflict: bbw_value"}, InvalidError),
        (400, {"code": "invalid", "message": "unable to parse 'loom x': missing fields"}, InvalidError),
        (429, {"code": "too many requests", "message": "over quota"}, UnavailableError),
        (503, {"code": "unavailable", "message": "try later"}, UnavailableError),
    ],
)
async def test_what_influxdb_2_refuses(
    second: tuple[Second, str], status: int, said: dict[str, str], error: type[Exception]
) -> None:
    fake, url = second
    client = InfluxClient(token(url), InfluxLimits(first_pause_s=0.01))
    fake.answer = (status, said)
    with pytest.raises(error, match=said["message"][:10]):
        await client.write("andon_raw", [b"loom x=1 1"])
    assert len(fake.writes) == (3 if status in (429, 503) else 1), "only what may pass is tried again, and not for ever"
    await client.close()


async def test_lines_go_in_parts_and_what_is_too_large_in_halves(second: tuple[Second, str]) -> None:
    fake, url = second
    client = InfluxClient(token(url), replace(QUICK, lines_a_write=2))
    await client.write("andon_raw", [b"m x=1 %d" % number for number in range(5)])
    assert [body.count("\n") + 1 for _, body, _ in fake.writes] == [2, 2, 1]
    fake.answer = (413, {"error": "request entity too large"})
    with pytest.raises(InvalidError, match="too large"):
        await client.write("andon_raw", [b"m x=1 1", b"m x=1 2"])
    await client.close()
