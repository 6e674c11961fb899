"""Recordings that come as files: in pieces that survive, looked at, imported by the server, taken away in time."""

from __future__ import annotations

import asyncio
import io
import os
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from andon.api.errors import install_error_handlers
from andon.identity.model import Principal
from andon.ingest.imports.files.model import ReadOptions
from andon.ingest.imports.settings import ImportSettings
from andon.ingest.uploads.endpoints import router
from andon.ingest.uploads.limits import check_room
from andon.ingest.uploads.model import Order
from andon.ingest.uploads.service import UploadService
from andon.ingest.uploads.settings import UploadSettings
from andon.ingest.uploads.spool import Spool
from andon.kit.errors import AndonError, ConflictError, ForbiddenError, UnavailableError

from .conftest import Works

LIMITS = UploadSettings(file_bytes=1 << 20, spool_bytes=3 << 20, min_free_bytes=0, piece_bytes=1 << 16, max_open=4)
WIDE = b"time,temperature,operator\n" + b"".join(b"2014-03-01 10:%02d:00,%d,AB\n" % (m, 20 + m) for m in range(60))


@pytest.fixture
async def uploads(works: Works, tmp_path: Path) -> AsyncIterator[UploadService]:
    service = UploadService(tmp_path / "uploads", works.imports, LIMITS)
    await service.start()
    yield service
    await service.stop()


@pytest.fixture
async def api(client: httpx.AsyncClient, uploads: UploadService) -> httpx.AsyncClient:
    """The operator's client, with the endpoints of uploads."""
    app = client._transport.app  # type: ignore[attr-defined]
    app.state.uploads = uploads
    app.include_router(router)
    install_error_handlers(app)
    return client


async def begun(api: httpx.AsyncClient, content: bytes, name: str = "a.csv", **more: Any) -> dict[str, Any]:
    body = {"fileName": name, "size": len(content), "fingerprint": f"{name} {hash(content)}", **more}
    answer = await api.post("/import-files", json=body)
    assert answer.status_code in (200, 201), answer.text
    found: dict[str, Any] = answer.json()["data"]
    return found


async def uploaded(api: httpx.AsyncClient, content: bytes, name: str = "a.csv") -> str:
    file_id: str = (await begun(api, content, name))["id"]
    for offset in range(0, len(content), LIMITS.piece_bytes):
        piece = content[offset : offset + LIMITS.piece_bytes]
        answer = await api.put(f"/import-files/{file_id}/content", params={"offset": offset}, content=piece)
        assert answer.status_code == 200, answer.text
    return file_id


async def previewed(api: httpx.AsyncClient, file_id: str, **read: Any) -> dict[str, Any]:
    answer = await api.post(f"/import-files/{file_id}/preview", json=read)
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()["data"]
    return found


async def ended(api: httpx.AsyncClient, file_id: str, within_s: float = 60) -> dict[str, Any]:
    """How the import ended."""
    async with asyncio.timeout(within_s):
        while True:
            found: dict[str, Any] = (await api.get(f"/import-files/{file_id}")).json()["data"]
            if found["state"] != "importing":
                return found
            await asyncio.sleep(0.05)


async def held_up(api: httpx.AsyncClient, file_id: str) -> None:
    """Until the import waits for the historian."""
    async with asyncio.timeout(60):
        while not (await api.get(f"/import-files/{file_id}")).json()["data"]["progress"]["waiting"]:  # noqa: ASYNC110 (a task brings it about)
            await asyncio.sleep(0.05)


async def imported(api: httpx.AsyncClient, file_id: str, device: str = "device-001", **order: Any) -> dict[str, Any]:
    answer = await api.post(f"/import-files/{file_id}/import", json={"deviceId": device, **order})
    assert answer.status_code == 202, answer.text
    return await ended(api, file_id)


def parquet(columns: dict[str, Any]) -> bytes:
    sink = io.BytesIO()
    pq.write_table(pa.table(columns), sink)
    return sink.getvalue()


async def test_a_file_is_uploaded_looked_at_and_imported(
    api: httpx.AsyncClient, works: Works, uploads: UploadService
) -> None:
    file_id = await uploaded(api, WIDE)
    found = await previewed(api, file_id, timezone="Europe/Berlin")
    assert [(each["name"], each["kind"]) for each in found["columns"]] == [
        ("time", "time"),
        ("temperature", "number"),
        ("operator", "text"),
    ]
    assert (found["format"], found["separator"], found["rows"], found["timeColumn"]) == ("csv", ",", 60, "time")
    assert found["namesNoZone"] and found["signals"] == ["temperature"] and found["problem"] is None
    assert found["first"][0] == {"timestamp": "2014-03-01T09:00:00.000Z", "values": {"temperature": 20.0}}
    assert found["leftOut"]["columns"] == ["operator"]
    done = await imported(api, file_id, timezone="Europe/Berlin", columns=["temperature"])
    assert (done["state"], done["problem"]) == ("finished", None)
    progress = done["progress"]
    assert (progress["samples"], progress["rows"], progress["rowsTotal"]) == (60, 60, 60)
    assert (progress["firstAt"], progress["lastAt"]) == ("2014-03-01T09:00:00.000Z", "2014-03-01T09:59:00.000Z")
    assert await works.values("device-001", "temperature") == [20.0 + minute for minute in range(60)]
    assert not list((uploads._spool.folder).glob("*.data")), "the bytes are gone, the result stays"


async def test_pieces_that_come_again_or_too_early_change_nothing(api: httpx.AsyncClient) -> None:
    file = await begun(api, WIDE)
    url = f"/import-files/{file['id']}/content"
    for _ in range(2):
        answer = await api.put(url, params={"offset": 0}, content=WIDE[:100])
        assert answer.json()["data"]["received"] == 100
    hole = await api.put(url, params={"offset": 200}, content=WIDE[200:])
    assert hole.status_code == 409 and "go on from byte 100" in hole.text
    over = await api.put(url, params={"offset": 100}, content=WIDE)
    assert over.status_code == 409
    rest = await api.put(url, params={"offset": 50}, content=WIDE[50:])
    assert rest.json()["data"]["state"] == "received"
    assert (await previewed(api, file["id"]))["rows"] == 60


async def test_the_same_file_goes_on_where_it_broke_off_also_after_a_restart(
    api: httpx.AsyncClient, works: Works, uploads: UploadService, tmp_path: Path
) -> None:
    file = await begun(api, WIDE)
    await api.put(f"/import-files/{file['id']}/content", params={"offset": 0}, content=WIDE[:70])
    await uploads.stop()
    again = UploadService(tmp_path / "uploads", works.imports, LIMITS)
    os.utime(tmp_path / "uploads" / f"{file['id']}.data", (2e9, 2e9))
    await again.start()
    assert again.get(works.organisation, file["id"]).updated_at == 2_000_000_000_000_000, "when the last piece came"
    api._transport.app.state.uploads = again  # type: ignore[attr-defined]
    found = await begun(api, WIDE)
    assert (found["id"], found["received"], found["resumed"]) == (file["id"], 70, True)
    other = await begun(api, WIDE + b" ")
    assert not other["resumed"], "another size is another file"
    await again.stop()


async def test_an_import_goes_on_after_a_restart_and_doubles_nothing(
    api: httpx.AsyncClient, works: Works, uploads: UploadService, tmp_path: Path
) -> None:
    """Killed while the historian held it up: its parts are there once."""
    works.imports.settings = ImportSettings(max_backlog=-1, patience_s=0.01)
    file_id = await uploaded(api, WIDE)
    await api.post(f"/import-files/{file_id}/import", json={"deviceId": "device-001"})
    await held_up(api, file_id)
    await uploads.stop()
    works.imports.settings = ImportSettings(patience_s=10)
    again = UploadService(tmp_path / "uploads", works.imports, LIMITS)
    await again.start()
    api._transport.app.state.uploads = again  # type: ignore[attr-defined]
    done = await ended(api, file_id)
    assert (done["state"], done["progress"]["samples"], done["createdBy"]) == ("finished", 60, "operator")
    assert len(await works.values("device-001", "temperature")) == 60
    await again.stop()


async def test_what_is_wrong_is_said_with_row_column_and_cure_and_can_be_tried_again(api: httpx.AsyncClient) -> None:
    broken = WIDE.replace(b"10:07:00,27", b"10:07:00,hot")
    file_id = await uploaded(api, broken, "june.csv")
    problem = (await previewed(api, file_id))["problem"]
    assert problem["message"] == "row 8, column 'temperature': 'hot' is not a number"
    assert "--" not in problem["cure"] and "leave out what cannot be read" in problem["cure"]
    failed = await imported(api, file_id)
    assert (failed["state"], failed["problem"]) == ("failed", problem)
    left = (await previewed(api, file_id, skipBad=True))["leftOut"]
    assert (left["cells"], left["examples"]) == (1, ["row 8, column 'temperature': 'hot' is not a number"])
    done = await imported(api, file_id, skipBad=True)
    assert (done["state"], done["progress"]["samples"], done["progress"]["leftOut"]["cells"]) == ("finished", 59, 1)


async def test_a_file_without_times_still_shows_its_columns(api: httpx.AsyncClient) -> None:
    file_id = await uploaded(api, b"when;speed\n3/7/2014 10:00;1,5\n3/8/2014 10:00;2,5\n", "b.csv")
    found = await previewed(api, file_id)
    assert [each["name"] for each in found["columns"]] == ["when", "speed"]
    assert found["problem"]["message"] == "b.csv has no column of times"
    found = await previewed(api, file_id, timeColumn="when", timeFormat="%m/%d/%Y %H:%M")
    assert found["problem"] is None
    assert found["first"][1] == {"timestamp": "2014-03-08T10:00:00.000Z", "values": {"speed": 2.5}}


async def test_parquet_is_looked_at_when_it_is_complete(api: httpx.AsyncClient) -> None:
    times = pa.array([1_394_000_000_000_000, 1_394_000_060_000_000], pa.timestamp("us", "UTC"))
    content = parquet({"timestamp": times, "on": [True, False], "note": ["a", "b"]})
    file = await begun(api, content, "b.parquet")
    await api.put(f"/import-files/{file['id']}/content", params={"offset": 0}, content=content[:-5])
    assert (await api.post(f"/import-files/{file['id']}/preview", json={})).status_code == 409
    rest = {"offset": len(content) - 5}
    await api.put(f"/import-files/{file['id']}/content", params=rest, content=content[-5:])
    found = await previewed(api, file["id"])
    assert [(each["name"], each["kind"]) for each in found["columns"]] == [
        ("timestamp", "time"),
        ("on", "boolean"),
        ("note", "text"),
    ]
    assert not found["namesNoZone"] and found["first"][1]["values"] == {"on": False}


async def test_the_devices_of_an_export_are_named(api: httpx.AsyncClient, works: Works) -> None:
    lines = ["timestamp,device,tag,value,unit,quality"]
    lines += [f"2014-03-01T10:00:0{i}Z,device-00{1 + i % 2},temperature,{i},celsius,good" for i in range(6)]
    file_id = await uploaded(api, "\n".join(lines).encode(), "export.csv")
    found = await previewed(api, file_id)
    assert found["long"] and found["devices"] == ["device-001", "device-002"] and len(found["first"]) == 3
    done = await imported(api, file_id, "device-002")
    assert (done["progress"]["samples"], done["progress"]["leftOut"]["rows"]) == (3, 3)
    other = await uploaded(api, "\n".join(lines).encode() + b"\n", "export.csv")
    failed = await imported(api, other, "device-003")
    assert failed["problem"]["message"] == "export.csv has no rows of device-003"


async def test_parts_with_long_texts_are_cut_finer(api: httpx.AsyncClient, works: Works) -> None:
    rows = "".join(f"2014-03-01 10:{m:02}:{s:02},{'x' * 500}\n" for m in range(10) for s in range(60))
    file_id = await uploaded(api, f"time,note\n{rows}".encode())
    done = await imported(api, file_id, columns=["note"])
    assert (done["state"], done["progress"]["samples"]) == ("finished", 600)
    statuses = [(each.status, each.parts) for each in await works.imports.newest(works.organisation)]
    assert statuses == [("finished", 3), ("cancelled", 0)]


async def test_who_may_not_register_a_device_is_told_and_the_file_stays(
    api: httpx.AsyncClient, works: Works, uploads: UploadService
) -> None:
    file_id = await uploaded(api, WIDE)
    writer = Principal("w", "writer", "writer", frozenset({"data:write"}), works.organisation)
    with pytest.raises(ForbiddenError, match="devices:write"):
        await uploads.run(writer, file_id, Order("furnace-99"), "furnace")
    unknown = await api.post(f"/import-files/{file_id}/import", json={"deviceId": "furnace-99"})
    assert unknown.status_code == 404
    assert (await imported(api, file_id, "furnace-99", create=True, type="furnace"))["state"] == "finished"
    assert works.device("furnace-99").type == "furnace"


async def test_others_see_nothing_of_it_and_who_may_not_write_data_cannot_upload(api: httpx.AsyncClient) -> None:
    file_id = await uploaded(api, WIDE)
    stranger = {"authorization": "Bearer stranger"}
    assert (await api.get(f"/import-files/{file_id}", headers=stranger)).status_code == 404
    assert (await api.delete(f"/import-files/{file_id}", headers=stranger)).status_code == 404
    assert (await api.get("/import-files", headers=stranger)).json()["data"]["files"] == []
    assert [each["id"] for each in (await api.get("/import-files")).json()["data"]["files"]] == [file_id]
    viewer = {"authorization": "Bearer viewer"}
    assert (await api.get("/import-files", headers=viewer)).status_code == 403


async def test_an_import_can_be_given_up(api: httpx.AsyncClient, works: Works, uploads: UploadService) -> None:
    works.imports.settings = ImportSettings(max_backlog=-1, patience_s=0.01)
    file_id = await uploaded(api, WIDE)
    await api.post(f"/import-files/{file_id}/import", json={"deviceId": "device-001"})
    await held_up(api, file_id)
    answer = await api.delete(f"/import-files/{file_id}")
    assert answer.json()["data"]["state"] == "cancelled"
    (of,) = await works.imports.newest(works.organisation)
    assert of.status == "cancelled" and not list(uploads._spool.folder.glob("*.data"))
    await api.delete(f"/import-files/{file_id}")
    assert (await api.get(f"/import-files/{file_id}")).status_code == 404, "what is over is forgotten"


async def test_a_file_that_wants_more_memory_than_allowed_harms_nobody(works: Works, tmp_path: Path) -> None:
    """A few bytes of Parquet that stand for gigabytes of text."""
    texts = pa.DictionaryArray.from_arrays(pa.array([0] * 60_000, pa.int32()), pa.array(["x" * 100_000]))
    times = pa.array(range(60_000), pa.timestamp("s", "UTC"))
    content = parquet({"timestamp": times, "note": texts})
    assert len(content) < 1 << 20
    service = UploadService(tmp_path / "u", works.imports, replace(LIMITS, reader_bytes=400 << 20))
    path = tmp_path / "bomb.data"
    path.write_bytes(content)
    with pytest.raises(AndonError, match="more memory than is allowed"):
        await service._reader.preview(path, "bomb.parquet", ReadOptions("x", ("note",)), 60)


def test_files_over_a_limit_are_refused_by_the_name_of_the_setting() -> None:
    def refused(size: int, waiting: list[tuple[str, int, int]], free: int = 1 << 40) -> str:
        with pytest.raises(AndonError) as raised:
            check_room(LIMITS, "mine", size, waiting, free)
        return raised.value.message

    check_room(LIMITS, "mine", 1 << 20, [("other", 1 << 20, 0)] * 2, 1 << 40)
    assert "import_file_bytes" in refused((1 << 20) + 1, [])
    assert "import_spool_bytes" in refused(1 << 20, [("other", 1 << 20, 0)] * 3)
    assert "import_max_open" in refused(1, [("mine", 1, 1)] * 4)
    assert "free" in refused(600, [("mine", 500, 100)], free=999)


def test_a_full_disk_is_said_and_the_piece_can_come_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    spool = Spool(tmp_path)
    spool.append("a", 0, b"first")

    def full(_descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(os, "fdatasync", full)
        with pytest.raises(UnavailableError, match="the disk is full"):
            spool.append("a", 5, b"second")
    assert spool.received("a") == 5, "nothing of it is there"
    assert spool.append("a", 5, b"second") == 11
    assert spool.path("a").read_bytes() == b"firstsecond"
    with pytest.raises(ConflictError):
        spool.append("a", 12, b"x")


async def test_what_nobody_touches_goes(api: httpx.AsyncClient, uploads: UploadService) -> None:
    file_id = await uploaded(api, WIDE)
    stray = uploads._spool.folder / "stray.data"
    stray.write_bytes(b"x")
    uploads.settings = replace(LIMITS, expire_s=3_600)
    await uploads.sweep()
    assert (await api.get(f"/import-files/{file_id}")).status_code == 200
    uploads.settings = replace(LIMITS, expire_s=-1)
    await uploads.sweep()
    assert (await api.get(f"/import-files/{file_id}")).status_code == 404
    uploads._spool.open()
    assert list(uploads._spool.folder.iterdir()) == []
