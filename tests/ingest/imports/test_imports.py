"""An import from its beginning to its end: parts once each, durable when answered, sealed when finished."""

from __future__ import annotations

import asyncio
from typing import Any

import httpx
import pytest
from sqlalchemy import text

from andon.identity.model import ROLES, Principal
from andon.ingest.imports.model import NewImport
from andon.ingest.imports.settings import ImportSettings
from andon.kit.clock import US_PER_DAY, now_us, to_iso
from andon.kit.errors import ForbiddenError, UnavailableError
from andon.kit.samples import IMPORTED, PINNED
from andon.registry.model import DeviceChanges

from .conftest import ARROW, T0, Works, arrow, wide

Json = dict[str, Any]


async def begin(client: httpx.AsyncClient, status: int = 201, **body: Any) -> Json:
    answer = await client.post("/imports", json={"deviceId": "device-001", "source": "one", **body})
    assert answer.status_code == status, answer.text
    data: Json = answer.json()["data"]
    return data


async def put(client: httpx.AsyncClient, of: Json, number: int, body: bytes, status: int = 200) -> Json:
    answer = await client.put(f"/imports/{of['id']}/parts/{number}", content=body, headers=ARROW)
    assert answer.status_code == status, answer.text
    found: Json = answer.json()
    return found["data"] if status == 200 else found


async def test_a_part_is_in_the_log_when_it_is_answered(client: httpx.AsyncClient, works: Works) -> None:
    of = await begin(client, fileName="furnace.csv")
    assert (of["status"], of["keep"], of["durable"], of["resumed"]) == ("open", True, [], False)
    assert of["limits"] == {"partBytes": 200_000, "partSamples": 5_000}
    assert await put(client, of, 0, wide(2500)) == {"number": 0, "samples": 2500, "again": False}
    batch = await works.logged()
    assert len(batch) == 2500
    assert batch.marks is not None
    assert set(batch.marks.tolist()) == {IMPORTED | PINNED}
    assert batch.timestamps[:2].tolist() == [T0, T0 + 1_000_000]
    now = (await client.get(f"/imports/{of['id']}")).json()["data"]
    assert (now["parts"], now["samples"], now["durable"], now["createdBy"]) == (1, 2500, [[0, 0]], "operator")
    assert (now["firstAt"], now["lastAt"]) == (to_iso(T0), to_iso(T0 + 2499 * 1_000_000))


async def test_a_part_that_is_sent_again_changes_nothing(client: httpx.AsyncClient, works: Works) -> None:
    of = await begin(client)
    await put(client, of, 3, wide(10))
    assert await put(client, of, 3, wide(10)) == {"number": 3, "samples": 10, "again": True}
    assert len(await works.logged()) == 10
    answer = await put(client, of, 3, wide(11), 409)
    assert "another content" in answer["error"]


async def test_the_same_part_sent_twice_at_once_is_stored_once(client: httpx.AsyncClient, works: Works) -> None:
    of = await begin(client)
    found = await asyncio.gather(*(put(client, of, 0, wide(100)) for _ in range(5)))
    assert sorted(each["again"] for each in found) == [False, True, True, True, True]
    assert len(await works.logged()) == 100


async def test_an_import_that_broke_off_goes_on_where_it_was(client: httpx.AsyncClient) -> None:
    first = await begin(client)
    for number in (0, 1, 2, 5):
        await put(client, first, number, wide(10, T0 + number * 10_000_000))
    again = await begin(client, 200)
    assert (again["id"], again["resumed"], again["durable"]) == (first["id"], True, [[0, 2], [5, 5]])
    other = await begin(client, source="two")
    assert other["id"] != first["id"]
    elsewhere = await begin(client, deviceId="device-002")
    assert elsewhere["id"] != first["id"]


async def test_a_finish_seals_what_came(client: httpx.AsyncClient, works: Works) -> None:
    of = await begin(client)
    await put(client, of, 0, wide(2000))
    answer = await client.post(f"/imports/{of['id']}/finish")
    assert answer.json()["data"]["status"] == "finished"
    assert (answer.json()["data"]["samples"], answer.json()["data"]["durable"]) == (2000, [])
    tag = works.device("device-001").primary
    assert tag is not None
    assert len(await works.historian.read(tag.id, T0, T0 + 10**12, 10_000)) == 2000
    assert (await client.post(f"/imports/{of['id']}/finish")).json()["data"]["status"] == "finished"
    assert (await put(client, of, 1, wide(1), 409))["error"] == "the import is finished"
    assert (await begin(client))["id"] != of["id"], "what is over is not taken up again"


async def test_a_finish_waits_for_the_historian_and_can_be_asked_again(
    client: httpx.AsyncClient, works: Works, monkeypatch: pytest.MonkeyPatch
) -> None:
    works.imports.settings = ImportSettings(patience_s=0.01)
    of = await begin(client)
    await put(client, of, 0, wide(10))

    async def behind(_: int) -> int:
        return 0

    with monkeypatch.context() as patched:
        patched.setattr(works.historian, "durable", behind)
        answer = await client.post(f"/imports/{of['id']}/finish")
        assert answer.json()["data"]["status"] == "finishing"
        assert (await put(client, of, 1, wide(1), 409))["error"] == "the import is finishing"
    works.imports.settings = ImportSettings(patience_s=10)
    assert (await client.post(f"/imports/{of['id']}/finish")).json()["data"]["status"] == "finished"


async def test_an_import_can_be_given_up(client: httpx.AsyncClient, works: Works) -> None:
    of = await begin(client)
    await put(client, of, 0, wide(10))
    assert (await client.delete(f"/imports/{of['id']}")).json()["data"]["status"] == "cancelled"
    assert (await client.delete(f"/imports/{of['id']}")).status_code == 409
    assert len(await works.logged()) == 10


async def test_what_is_not_to_be_kept_is_not_pinned(client: httpx.AsyncClient, works: Works) -> None:
    of = await begin(client, keep=False)
    await put(client, of, 0, wide(10))
    marks = (await works.logged()).marks
    assert marks is not None
    assert set(marks.tolist()) == {IMPORTED}


async def test_imports_are_listed_newest_first(client: httpx.AsyncClient) -> None:
    for source in ("one", "two"):
        await begin(client, source=source, fileName=f"{source}.csv")
    listed = (await client.get("/imports")).json()["data"]["imports"]
    assert [each["fileName"] for each in listed] == ["two.csv", "one.csv"]


async def test_a_device_is_registered_when_that_is_asked_for_and_allowed(
    client: httpx.AsyncClient, works: Works
) -> None:
    assert (await client.post("/imports", json={"deviceId": "new-1"})).status_code == 404
    of = await begin(client, deviceId="new-1", create=True, type="furnace", units={"temperature": "celsius"})
    assert works.device("new-1").type == "furnace"
    await put(client, of, 0, wide(3, temperature=[1.0, 2.0, 3.0], running=[True, None, False], note=["a", "b", None]))
    tags = {tag.name: (tag.unit, tag.kind) for tag in works.device("new-1").tags}
    assert tags == {"temperature": ("celsius", "number"), "running": ("", "boolean"), "note": ("", "text")}
    assert await works.values("new-1", "running") == [1.0, 0.0]
    assert await works.values("new-1", "note") == ["a", "b"]


async def test_a_device_id_that_cannot_be_is_refused(client: httpx.AsyncClient) -> None:
    answer = await client.post("/imports", json={"deviceId": "my machine", "create": True})
    assert (answer.status_code, answer.json()["details"][0]["field"]) == (422, "deviceId")


async def test_a_recording_of_one_signal_goes_to_the_primary_tag(client: httpx.AsyncClient, works: Works) -> None:
    primary = works.device("device-001").primary
    assert primary is not None
    of = await begin(client)
    await put(client, of, 0, wide(2, value=[1.5, 2.5]))
    assert await works.values("device-001", primary.name) == [1.5, 2.5]
    assert works.device("device-001").tag("value") is None
    fresh = await begin(client, deviceId="nab-1", create=True)
    await put(client, fresh, 0, wide(2, value=[1.5, 2.5]))
    assert [tag.name for tag in works.device("nab-1").tags] == ["value"]


async def test_units_are_converted_to_the_tags_own(client: httpx.AsyncClient, works: Works) -> None:
    of = await begin(client, units={"temperature": "fahrenheit"})
    await put(client, of, 0, wide(2, temperature=[32.0, 212.0]))
    assert await works.values("device-001", "temperature") == pytest.approx([0.0, 100.0])
    bad = await begin(client, source="two", units={"temperature": "bar"})
    answer = await put(client, bad, 0, wide(1), 422)
    assert "cannot be converted" in answer["error"]


async def test_a_long_part_as_exports_have_it(client: httpx.AsyncClient, works: Works) -> None:
    of = await begin(client, deviceId="loom-001")
    body = arrow(
        {
            "timestamp": [to_us(0), to_us(1), to_us(0), to_us(0), to_us(1)],
            "device": ["loom-001"] * 5,
            "tag": ["bbw_value", "bbw_value", "temperature", "note", "note"],
            "value": [1600.0, None, 25.0, None, None],
            "text": [None, None, None, "fine", None],
            "unit": ["mm", "mm", "fahrenheit", "", ""],
            "quality": ["good", "good", "bad", None, "good"],
        }
    )
    assert (await put(client, of, 0, body))["samples"] == 3
    assert await works.values("loom-001", "bbw_value") == [1600.0]
    assert await works.values("loom-001", "temperature") == pytest.approx([-3.889], abs=0.001)
    assert await works.values("loom-001", "note") == ["fine"]
    assert sorted((await works.logged()).qualities.tolist()) == [0, 192, 192]


def to_us(second: int) -> int:
    return T0 + second * 1_000_000


async def test_a_json_part(client: httpx.AsyncClient, works: Works) -> None:
    of = await begin(client)
    samples = [
        {"timestamp": to_iso(T0), "value": 71.5},
        {"timestamp": T0 + 1, "value": 72.5, "quality": "uncertain", "tag": "temperature"},
        {"timestamp": to_iso(T0), "value": "started", "tag": "note"},
    ]
    answer = await client.put(f"/imports/{of['id']}/parts/0", json={"samples": samples})
    assert answer.json()["data"]["samples"] == 3
    assert sorted(map(str, [row[2] for row in (await works.logged()).rows()])) == ["71.5", "72.5", "started"]


@pytest.mark.parametrize(
    ("body", "row", "field"),
    [
        ([{"value": 1}], "row 1", "timestamp"),
        ([{"timestamp": "2013-12-02T21:15:00Z", "value": 1}, {"timestamp": "x", "value": 1}], "row 2", "timestamp"),
        ([{"timestamp": "2013-12-02T21:15:00Z"}], "row 1", "value"),
        ([{"timestamp": "2013-12-02T21:15:00Z", "value": 1, "quality": "fine"}], "row 1", "quality"),
        ([{"timestamp": "2013-12-02T21:15:00Z", "value": 1, "colour": "red"}], "row 1", "colour"),
        ([{"timestamp": "9000-12-02T21:15:00Z", "value": 1}], "in the future", "timestamp"),
    ],
)
async def test_a_json_part_that_is_wrong_names_row_and_column(
    client: httpx.AsyncClient, works: Works, body: Any, row: str, field: str
) -> None:
    of = await begin(client)
    answer = await client.put(f"/imports/{of['id']}/parts/0", json={"samples": body})
    assert answer.status_code == 422
    assert row in answer.json()["error"]
    assert answer.json()["details"][0]["field"] == field
    assert len(await works.logged()) == 0


async def test_other_types_of_bodies_are_refused(client: httpx.AsyncClient) -> None:
    of = await begin(client)
    answer = await client.put(f"/imports/{of['id']}/parts/0", content=b"a,b", headers={"content-type": "text/csv"})
    assert (answer.status_code, answer.json()["details"][0]["field"]) == (422, "content-type")


async def test_too_large_parts_are_refused(client: httpx.AsyncClient) -> None:
    of = await begin(client)
    assert "import_part_bytes" in (await put(client, of, 0, b"x" * 200_001, 413))["error"]
    assert "rows" in (await put(client, of, 0, wide(5001), 422))["error"]
    several = wide(1000, **{f"c{i}": [1.0] * 1000 for i in range(6)})
    assert "import_part_samples" in (await put(client, of, 0, several, 422))["error"]
    answer = await client.put(f"/imports/{of['id']}/parts/1000000", content=wide(1), headers=ARROW)
    assert answer.status_code == 413


async def test_only_so_many_imports_are_open(client: httpx.AsyncClient, works: Works) -> None:
    opened = [await begin(client, source=str(number)) for number in range(3)]
    answer = await client.post("/imports", json={"deviceId": "device-001", "source": "more"})
    assert answer.status_code == 503
    assert "import_max_open" in answer.json()["error"]
    await client.delete(f"/imports/{opened[0]['id']}")
    await begin(client, source="more")


async def test_an_import_that_nobody_goes_on_with_expires(client: httpx.AsyncClient, works: Works) -> None:
    of = await begin(client)
    with works.registry._database.session() as session:
        session.execute(text("UPDATE imports SET updated_at = :at"), {"at": now_us() - 8 * US_PER_DAY})
    assert (await begin(client))["id"] != of["id"]
    assert (await client.get(f"/imports/{of['id']}")).json()["data"]["status"] == "expired"


async def test_parts_wait_while_the_historian_is_behind(
    client: httpx.AsyncClient, works: Works, monkeypatch: pytest.MonkeyPatch
) -> None:
    of = await begin(client)
    works.imports.settings = ImportSettings(max_backlog=10, patience_s=0.01)
    lags = iter([100, 100, 100, 100, 100])

    async def lag() -> int:
        return next(lags, 0)

    monkeypatch.setattr(works.historian, "lag", lag)
    answer = await put(client, of, 0, wide(1), 503)
    assert answer["error"] == "the historian is behind"
    assert len(await works.logged()) == 0
    works.imports.settings = ImportSettings(max_backlog=10, patience_s=10)
    await put(client, of, 0, wide(1))


async def test_a_part_that_the_log_does_not_take_is_not_durable(
    client: httpx.AsyncClient, works: Works, monkeypatch: pytest.MonkeyPatch
) -> None:
    of = await begin(client)

    async def full(*_: Any, **__: Any) -> int:
        raise UnavailableError("the disk is full")

    with monkeypatch.context() as patched:
        patched.setattr(works.log, "append", full)
        assert (await put(client, of, 0, wide(1), 503))["error"] == "the disk is full"
    assert (await client.get(f"/imports/{of['id']}")).json()["data"]["durable"] == []
    assert not (await put(client, of, 0, wide(1)))["again"]


@pytest.mark.parametrize(("token", "status"), [("viewer", 403), ("guest", 403), ("nobody", 401), ("stranger", 404)])
async def test_others_may_not_see_or_change_an_import(
    client: httpx.AsyncClient, works: Works, token: str, status: int
) -> None:
    of = await begin(client)
    headers = {"authorization": f"Bearer {token}", **ARROW}
    url = f"/imports/{of['id']}"
    asked = [
        await client.get(url, headers=headers),
        await client.put(f"{url}/parts/0", content=wide(1), headers=headers),
        await client.post(f"{url}/finish", headers=headers),
        await client.delete(url, headers=headers),
    ]
    assert [each.status_code for each in asked] == [status] * 4
    begun = await client.post("/imports", json={"deviceId": "device-001"}, headers={"authorization": f"Bearer {token}"})
    assert begun.status_code == status
    listed = await client.get("/imports", headers=headers)
    assert listed.status_code == status if token != "stranger" else listed.json()["data"]["imports"] == []
    assert len(await works.logged()) == 0


async def test_registering_a_device_needs_its_own_permission(works: Works, client: httpx.AsyncClient) -> None:
    writer = Principal("w", "w", "writer", frozenset({"data:write"}), works.organisation)
    with pytest.raises(ForbiddenError, match="devices:write"):
        await works.imports.begin(writer, NewImport("new-9", "s", create_type="sensor"))


async def test_a_disabled_device_takes_nothing(client: httpx.AsyncClient, works: Works) -> None:
    device = works.device("device-001")
    works.registry.update_device(
        works.organisation, device.device_id, DeviceChanges({"status": "disabled"}), _admin(works)
    )
    assert (await client.post("/imports", json={"deviceId": "device-001"})).status_code == 409


def _admin(works: Works) -> Principal:
    return Principal("1", "admin", "admin", ROLES["admin"], works.organisation)
