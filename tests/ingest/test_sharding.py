"""Several ingest processes share the devices: each message is taken by exactly one of them."""

from __future__ import annotations

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from andon.ingest.sharding import Shard

NAMES = st.text(st.characters(codec="utf-8", exclude_characters="/+#\x00"), min_size=1, max_size=20)


def takers(topic: str, count: int) -> list[int]:
    return [number for number in range(count) if Shard(number, count).takes(topic)]


@given(NAMES, st.integers(1, 9))
def test_one_shard_takes_a_device_whatever_it_sends(name: str, count: int) -> None:
    for topics in (
        [f"factory-plus/devices/{name}/{channel}" for channel in ("data", "status")],
        [f"kaldor/loom/{name}/{channel}" for channel in ("bbw/raw", "status")],
    ):
        found = [takers(topic, count) for topic in topics]
        assert len(found[0]) == 1
        assert all(each == found[0] for each in found)


@given(NAMES, NAMES, NAMES, st.integers(1, 9))
def test_an_edge_node_and_its_devices_are_in_one_shard(group: str, node: str, device: str, count: int) -> None:
    kinds = [f"spBv1.0/{group}/{kind}/{node}" for kind in ("NBIRTH", "NDATA", "NDEATH")]
    kinds += [f"spBv1.0/{group}/{kind}/{node}/{device}" for kind in ("DBIRTH", "DDATA", "DDEATH")]
    found = {tuple(takers(topic, count)) for topic in kinds if group != "STATE"}
    assert len(found) <= 1 and all(len(each) == 1 for each in found)


def test_devices_are_spread() -> None:
    counts = Counter(takers(f"factory-plus/devices/device-{number:03d}/data", 4)[0] for number in range(1_000))
    assert all(count > 150 for count in counts.values()) and len(counts) == 4


def test_what_belongs_to_nobody_is_taken_once() -> None:
    assert takers("what/is/this", 3) == [0]
    assert takers("factory-plus/system/health", 3) == [0]


def test_every_shard_hears_of_the_hosts_own_state() -> None:
    assert takers("spBv1.0/STATE/andon", 3) == [0, 1, 2]
