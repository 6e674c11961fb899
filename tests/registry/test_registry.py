"""Devices and tags: registering, changing, deleting, and what the directory shows of it."""

from __future__ import annotations

import threading

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import select

from andon.engines.database import Database
from andon.identity.model import Principal
from andon.identity.tables import AuditRow, OrganisationRow
from andon.kit.errors import ConflictError, InvalidError, NotFoundError, StartError, TooLargeError
from andon.kit.limits import Limits
from andon.registry.directory import Directory
from andon.registry.model import DeviceChanges, NewDevice, NewTag, check_limits
from andon.registry.places import SITE, Tree
from andon.registry.service import Registry, RegistryLimits
from support.databases import on_both as database_url  # noqa: F401 (the same tests on SQLite and PostgreSQL)

TEMPERATURE = NewTag("temperature", "celsius", limits=Limits(20, 80, 15, 85))
OVEN = NewDevice("oven-1", "oven", "hall-1", "Oven 1", tags=(TEMPERATURE, NewTag("humidity", "percent")))


@pytest.fixture
def oven(registry: Registry, organisation: str, actor: Principal) -> str:
    return registry.create_device(organisation, OVEN, actor).device_id


def test_a_device_is_found_in_every_way_once_it_is_registered(
    registry: Registry, directory: Directory, organisation: str, actor: Principal
) -> None:
    device = registry.create_device(organisation, OVEN, actor)
    assert directory.device(organisation, "oven-1") is device
    assert directory.by_uuid(device.uuid) is device
    tag = device.tag("temperature")
    assert tag is not None
    assert directory.tag(tag.id) is tag
    assert directory.tag_of(organisation, "oven-1", "temperature") is tag
    assert tag.limits == Limits(20, 80, 15, 85)
    assert list(directory.devices(organisation)) == [device]
    assert {each.name for each in directory.tags(organisation)} == {"temperature", "humidity"}


def test_a_restart_shows_the_same_directory(
    database: Database, registry: Registry, directory: Directory, organisation: str, actor: Principal
) -> None:
    registry.seed_demo(3)
    registry.create_device(organisation, OVEN, actor)
    again = Directory()
    Registry(database, again).load()
    assert again.default_organisation == organisation
    assert list(again.devices(organisation)) == list(directory.devices(organisation))
    assert again.max_tag_id == directory.max_tag_id


def test_the_first_tag_stands_for_the_device_unless_another_is_chosen(
    registry: Registry, organisation: str, actor: Principal
) -> None:
    first = registry.create_device(organisation, OVEN, actor).primary
    assert first is not None and first.name == "temperature"
    chosen = NewDevice("oven-2", "oven", tags=(NewTag("a"), NewTag("b", is_primary=True)))
    primary = registry.create_device(organisation, chosen, actor).primary
    assert primary is not None and primary.name == "b"


def test_a_device_without_a_name_is_called_by_its_id(registry: Registry, organisation: str, actor: Principal) -> None:
    assert registry.create_device(organisation, NewDevice("x-1", "x"), actor).name == "x-1"


def test_a_device_without_a_place_stands_in_the_default_area_in_its_time_zone(
    registry: Registry, organisation: str, actor: Principal
) -> None:
    device = registry.create_device(organisation, OVEN, actor)
    assert device.equipment_path == ("Main site", "Unassigned devices")
    assert device.timezone == "Europe/Zagreb"


def test_a_site_has_its_own_time_zone(
    database: Database, registry: Registry, organisation: str, actor: Principal
) -> None:
    with database.session() as session:
        row = session.get_one(OrganisationRow, organisation)
        tree = Tree(session, row)
        site = tree.ensure(SITE, "Osaka", tree.root())
        site.timezone = "Asia/Tokyo"
    device = registry.create_device(organisation, NewDevice("o-1", "oven", equipment_id=site.id), actor)
    assert (device.equipment_path, device.timezone) == (("Osaka",), "Asia/Tokyo")


def test_a_place_that_is_not_there_is_refused(registry: Registry, organisation: str, actor: Principal) -> None:
    with pytest.raises(InvalidError) as raised:
        registry.create_device(organisation, NewDevice("o-1", "oven", equipment_id="nowhere"), actor)
    assert raised.value.field == "equipmentId"


def test_an_unknown_time_zone_stops_the_start(registry: Registry) -> None:
    with pytest.raises(StartError, match="Mars"):
        registry.ensure_default_organisation("Mars/Olympus")


def test_an_id_is_taken_once(registry: Registry, organisation: str, oven: str, actor: Principal) -> None:
    with pytest.raises(ConflictError) as raised:
        registry.create_device(organisation, OVEN, actor)
    assert raised.value.field == "deviceId"


BAD_DEVICES = {
    "deviceId": NewDevice("no spaces", "x"),
    "name": NewDevice("d", "x", name="x" * 201),
    "type": NewDevice("d", " "),
    "location": NewDevice("d", "x", location="line\nbreak"),
    "offlineAfterSeconds": NewDevice("d", "x", offline_after_s=0),
    "unit": NewDevice("d", "x", tags=(NewTag("t", unit="\x00"),)),
    "kind": NewDevice("d", "x", tags=(NewTag("t", kind="blob"),)),
    "severity": NewDevice("d", "x", tags=(NewTag("t", severity="urgent"),)),
    "decimals": NewDevice("d", "x", tags=(NewTag("t", decimals=11),)),
    "deadband": NewDevice("d", "x", tags=(NewTag("t", deadband=-1),)),
    "onDelaySeconds": NewDevice("d", "x", tags=(NewTag("t", on_delay_s=float("inf")),)),
    "expectedIntervalSeconds": NewDevice("d", "x", tags=(NewTag("t", expected_interval_s=0),)),
    "alertMax": NewDevice("d", "x", tags=(NewTag("t", limits=Limits(normal_max=80, alert_max=70)),)),
    "normalMin": NewDevice("d", "x", tags=(NewTag("t", limits=Limits(normal_min=float("nan"))),)),
    "tags": NewDevice("d", "x", tags=(NewTag("t"), NewTag("t"))),
    "tags.b.severity": NewDevice("d", "x", tags=(NewTag("a"), NewTag("b", severity="urgent"))),
}


@pytest.mark.parametrize("field", BAD_DEVICES)
def test_a_device_that_cannot_be_registered_names_the_field_and_the_cure(
    registry: Registry, directory: Directory, organisation: str, actor: Principal, field: str
) -> None:
    with pytest.raises(InvalidError) as raised:
        registry.create_device(organisation, BAD_DEVICES[field], actor)
    assert raised.value.field == field
    assert raised.value.cure
    assert not directory.devices(organisation)


@pytest.mark.parametrize("device_id", ["", "-x", "a b", "a/b", "a+b", "a#b", "é", "x" * 101, "a\n", "\ud800"])
def test_an_id_that_does_not_fit_into_a_topic_is_refused(
    registry: Registry, organisation: str, actor: Principal, device_id: str
) -> None:
    with pytest.raises(InvalidError):
        registry.create_device(organisation, NewDevice(device_id, "x"), actor)


HOSTILE = ["'; DROP TABLE devices; --", "<script>alert(1)</script>", '" OR 1=1', "${7*7}", "100 % żółć 织机 🏭", "=1+1"]


@pytest.mark.parametrize("name", HOSTILE)
def test_any_text_is_a_name_and_is_kept_as_it_is(
    database: Database, registry: Registry, organisation: str, actor: Principal, name: str
) -> None:
    device = NewDevice("d-1", name, name, name, tags=(NewTag(name, unit=name),))
    registry.create_device(organisation, device, actor)
    again = Directory()
    Registry(database, again).load()
    stored = again.device(organisation, "d-1")
    assert stored is not None and stored.primary is not None
    assert {stored.name, stored.type, stored.location, stored.primary.name, stored.primary.unit} == {name}


def test_changes_hold_for_device_primary_and_other_tags(
    registry: Registry, organisation: str, oven: str, actor: Principal
) -> None:
    changes = DeviceChanges(
        {"name": "Oven one", "status": "disabled"},
        {"alert_max": 90.0, "normal_min": None},
        {"humidity": {"decimals": 0, "alert_max": 70.0}},
    )
    device = registry.update_device(organisation, oven, changes, actor)
    assert (device.name, device.status, device.location) == ("Oven one", "disabled", "hall-1")
    assert device.primary is not None
    assert device.primary.limits == Limits(None, 80, 15, 90)
    humidity = device.tag("humidity")
    assert humidity is not None
    assert (humidity.decimals, humidity.limits.alert_max, humidity.unit) == (0, 70, "percent")


def test_changes_are_made_all_or_none(
    registry: Registry, directory: Directory, organisation: str, oven: str, actor: Principal
) -> None:
    before = directory.device(organisation, oven)
    changes = DeviceChanges({"name": "Oven one"}, {"alert_max": 70.0}, {})
    with pytest.raises(InvalidError) as raised:
        registry.update_device(organisation, oven, changes, actor)
    assert raised.value.field == "alertMax"
    registry.load()
    assert directory.device(organisation, oven) == before


@pytest.mark.parametrize("changes", [DeviceChanges(tags={"speed": {"decimals": 1}}), DeviceChanges({"status": "lost"})])
def test_a_change_that_makes_no_sense_is_refused(
    registry: Registry, organisation: str, oven: str, actor: Principal, changes: DeviceChanges
) -> None:
    with pytest.raises(InvalidError):
        registry.update_device(organisation, oven, changes, actor)


def test_limits_of_a_device_without_signals_have_nowhere_to_go(
    registry: Registry, organisation: str, actor: Principal
) -> None:
    registry.create_device(organisation, NewDevice("press-9", "press"), actor)
    with pytest.raises(ConflictError, match="no signal yet"):
        registry.update_device(organisation, "press-9", DeviceChanges(primary={"alert_max": 1.0}), actor)


def test_a_deleted_device_is_gone_for_everybody(
    registry: Registry, directory: Directory, organisation: str, oven: str, actor: Principal
) -> None:
    device = directory.device(organisation, oven)
    assert device is not None and device.primary is not None
    registry.delete_device(organisation, oven, actor)
    assert directory.device(organisation, oven) is None
    assert directory.by_uuid(device.uuid) is None
    assert directory.tag(device.primary.id) is None
    assert directory.tag_of(organisation, oven, "temperature") is None
    with pytest.raises(NotFoundError):
        registry.delete_device(organisation, oven, actor)
    with pytest.raises(NotFoundError):
        registry.update_device(organisation, oven, DeviceChanges({"name": "x"}), actor)
    registry.load()
    assert not directory.devices(organisation)


def test_the_tag_ids_of_a_deleted_device_go_to_nobody_else(
    registry: Registry, directory: Directory, organisation: str, oven: str, actor: Principal
) -> None:
    used = {tag.id for tag in directory.tags(organisation)}
    registry.delete_device(organisation, oven, actor)
    registry.load()
    assert directory.max_tag_id == max(used)
    other = registry.create_device(organisation, NewDevice("other", "x", tags=(NewTag("t"),)), actor)
    assert not used & {tag.id for tag in other.tags}


def test_a_device_that_comes_back_has_its_history_again(
    registry: Registry, directory: Directory, organisation: str, oven: str, actor: Principal
) -> None:
    before = directory.device(organisation, oven)
    assert before is not None
    registry.delete_device(organisation, oven, actor)
    wanted = NewDevice("oven-1", "oven", name="Back again", tags=(NewTag("temperature", "kelvin"), NewTag("speed")))
    after = registry.create_device(organisation, wanted, actor)
    assert (after.uuid, after.name) == (before.uuid, "Back again")
    assert after.primary is not None and before.primary is not None
    assert (after.primary.id, after.primary.unit) == (before.primary.id, "kelvin")
    assert [tag.name for tag in after.tags] == ["temperature", "humidity", "speed"]


def test_signals_that_appear_later_become_tags(
    registry: Registry, directory: Directory, organisation: str, actor: Principal
) -> None:
    registry.create_device(organisation, NewDevice("press-9", "press", protocol="sparkplug"), actor)
    wanted = [NewTag("Speed", "rpm"), NewTag("Force/left", "kN")]
    tags = registry.ensure_tags(organisation, "press-9", wanted)
    assert [tag.name for tag in tags] == ["Speed", "Force/left"]
    assert [tag.is_primary for tag in tags] == [True, False]
    version = directory.version
    assert registry.ensure_tags(organisation, "press-9", [*reversed(wanted)]) == [*reversed(tags)]
    assert directory.version == version


def test_what_people_have_set_survives_the_next_birth(
    registry: Registry, organisation: str, oven: str, actor: Principal
) -> None:
    registry.update_device(organisation, oven, DeviceChanges(primary={"alert_max": 82.0}), actor)
    born = NewTag("temperature", "fahrenheit", limits=Limits(alert_max=300))
    (tag,) = registry.ensure_tags(organisation, oven, [born])
    assert (tag.unit, tag.limits.alert_max) == ("celsius", 82)


def test_a_unit_that_was_unknown_is_filled_in(registry: Registry, organisation: str, oven: str) -> None:
    registry.ensure_tags(organisation, oven, [NewTag("speed")])
    (tag,) = registry.ensure_tags(organisation, oven, [NewTag("speed", "rpm")])
    assert tag.unit == "rpm"


def test_tags_of_an_unknown_device_are_refused(registry: Registry, organisation: str) -> None:
    with pytest.raises(NotFoundError):
        registry.ensure_tags(organisation, "nobody", [NewTag("x")])


def test_one_bad_tag_and_none_is_registered(
    registry: Registry, directory: Directory, organisation: str, oven: str
) -> None:
    with pytest.raises(InvalidError):
        registry.ensure_tags(organisation, oven, [NewTag("good"), NewTag("bad\x00")])
    assert directory.tag_of(organisation, oven, "good") is None


def test_the_number_of_tags_and_devices_is_bounded(
    database: Database, directory: Directory, organisation: str, actor: Principal
) -> None:
    registry = Registry(database, directory, RegistryLimits(max_devices=1, max_tags_per_device=3))
    registry.create_device(organisation, OVEN, actor)
    with pytest.raises(TooLargeError, match="at most 3"):
        registry.ensure_tags(organisation, "oven-1", [NewTag("a"), NewTag("b")])
    with pytest.raises(TooLargeError) as raised:
        registry.create_device(organisation, NewDevice("oven-2", "oven"), actor)
    assert "max_devices" in str(raised.value.cure)


def test_organisations_do_not_see_each_other(
    database: Database, registry: Registry, directory: Directory, organisation: str, oven: str
) -> None:
    with database.session() as session:
        session.add(OrganisationRow(id="other", name="Other", timezone="UTC", created_at=2**60, updated_at=0))
    stranger = Principal("u", "eve", "admin", frozenset(), "other")
    assert directory.device("other", oven) is None
    assert not directory.devices("other") and not directory.tags("other")
    with pytest.raises(NotFoundError):
        registry.delete_device("other", oven, stranger)
    with pytest.raises(NotFoundError):
        registry.ensure_tags("other", oven, [NewTag("x")])
    theirs = registry.create_device("other", OVEN, stranger)
    ours = directory.device(organisation, oven)
    assert ours is not None
    assert theirs.uuid != ours.uuid
    assert {tag.id for tag in theirs.tags}.isdisjoint(tag.id for tag in ours.tags)


def test_every_change_is_in_the_audit_log(
    database: Database, registry: Registry, organisation: str, oven: str, actor: Principal
) -> None:
    registry.update_device(organisation, oven, DeviceChanges(primary={"alert_max": 90.0}), actor)
    registry.delete_device(organisation, oven, actor)
    with database.reading() as session:
        rows = session.scalars(select(AuditRow).order_by(AuditRow.at, AuditRow.id)).all()
    assert [(row.actor, row.action, row.target) for row in rows] == [
        ("anna", "device.create", "oven-1"),
        ("anna", "device.update", "oven-1"),
        ("anna", "device.delete", "oven-1"),
    ]
    assert rows[1].detail == {"primary": {"alert_max": 90.0}}


def test_listeners_hear_of_each_change_after_it_holds(
    registry: Registry, directory: Directory, organisation: str, actor: Principal
) -> None:
    heard: list[bool] = []
    stop = directory.subscribe(lambda: heard.append(directory.device(organisation, "oven-1") is not None))
    registry.create_device(organisation, OVEN, actor)
    registry.delete_device(organisation, "oven-1", actor)
    stop()
    registry.create_device(organisation, OVEN, actor)
    assert heard == [True, False]


def test_changes_from_many_threads_all_hold(
    registry: Registry, directory: Directory, organisation: str, oven: str
) -> None:
    def appear(number: int) -> None:
        for each in range(5):
            registry.ensure_tags(organisation, oven, [NewTag(f"signal-{number}-{each}"), NewTag("shared")])

    threads = [threading.Thread(target=appear, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    device = directory.device(organisation, oven)
    assert device is not None
    assert len(device.tags) == 2 + 4 * 5 + 1
    registry.load()
    assert directory.device(organisation, oven) == device


number = st.floats(allow_nan=False, allow_infinity=False, width=32) | st.none()


@given(number, number, number, number)
def test_limits_are_accepted_exactly_when_they_stand_in_order(
    alert_min: float | None, normal_min: float | None, normal_max: float | None, alert_max: float | None
) -> None:
    present = [each for each in (alert_min, normal_min, normal_max, alert_max) if each is not None]
    empty = alert_min is not None and alert_min == alert_max
    limits = Limits(normal_min, normal_max, alert_min, alert_max)
    if present == sorted(present) and not empty:
        check_limits(limits)
    else:
        with pytest.raises(InvalidError):
            check_limits(limits)
