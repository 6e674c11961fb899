"""Who watches what: selections resolve to tags, and topic filters match as MQTT says."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from andon.kit.errors import InvalidError
from andon.realtime.subscriptions import Selection, check_filter, compile_filters, tag_topic
from andon.registry.directory import Directory
from andon.wire.topics import topic_matches
from realtime.harness import DEVICES, LOOM_TEMPERATURE, ORGANISATION, PRESSURE, STRANGE, TEMPERATURE, WIDTH, tag

words = st.sampled_from(["a", "b", "", "$sys", "temperature", "x.y", "+1"])
levels = st.lists(words, min_size=1, max_size=5)
filters = st.builds(
    lambda parts, rest: "/".join([*parts, "#"] if rest else parts),
    st.lists(st.one_of(st.sampled_from(["a", "b", "", "$sys", "temperature", "x.y"]), st.just("+")), max_size=5),
    st.booleans(),
).filter(bool)


@given(filters, levels)
def test_filters_match_as_mqtt_does(topic_filter: str, parts: list[str]) -> None:
    topic = "/".join(parts)
    matched = compile_filters([check_filter(topic_filter)]).fullmatch(topic) is not None
    assert matched == topic_matches(topic_filter, topic)


@given(st.lists(filters, min_size=1, max_size=4), levels)
def test_several_filters_match_what_any_of_them_matches(several: list[str], parts: list[str]) -> None:
    topic = "/".join(parts)
    matched = compile_filters(several).fullmatch(topic) is not None
    assert matched == any(topic_matches(each, topic) for each in several)


@pytest.mark.parametrize(
    ("topic_filter", "topic", "matches"),
    [
        ("factory/device/+/temperature", "factory/device/device-001/temperature", True),
        ("factory/device/+/temperature", "factory/device/device-001/pressure", False),
        ("factory/device/+/temperature", "factory/device/press-1/zone/temperature", False),
        ("factory/device/#", "factory/device/press-1/zone/temperature", True),
        ("factory/device/#", "factory/device", True),
        ("#", "factory/device/a/b", True),
        ("+/device/a/b", "factory/device/a/b", True),
        ("factory/device/a", "factory/device/a/b", False),
        ("factory/device/a.b/c", "factory/device/axb/c", False),
    ],
)
def test_filters_by_example(topic_filter: str, topic: str, matches: bool) -> None:
    assert (compile_filters([topic_filter]).fullmatch(topic) is not None) == matches


@pytest.mark.parametrize("wrong", ["", "a/#/b", "a#", "a/b+", "+a/b", 7, None, "x" * 501, "a\0b"])
def test_what_is_no_filter_is_refused(wrong: object) -> None:
    with pytest.raises(InvalidError) as error:
        check_filter(wrong)
    assert error.value.field == "topic"
    assert error.value.cure


def resolve(selection: Selection) -> list[int]:
    directory = Directory()
    directory.replace(DEVICES)
    return selection.tags(directory).tolist()


def test_everything_is_everything_of_the_own_organisation() -> None:
    everything = resolve(Selection("sensor-data", ORGANISATION, everything=True))
    assert everything == [TEMPERATURE, PRESSURE, WIDTH, LOOM_TEMPERATURE]
    assert resolve(Selection("sensor-data", "org-2", everything=True)) == [STRANGE]


def test_devices_resolve_to_their_tags_and_unknown_ones_to_none() -> None:
    selection = Selection("sensor-data", ORGANISATION).with_devices(["loom-001", "nobody"])
    assert resolve(selection) == [WIDTH, LOOM_TEMPERATURE]
    assert resolve(selection.without_devices(["loom-001"])) == []


def test_filters_resolve_to_the_tags_whose_topic_they_match() -> None:
    selection = Selection("topic", ORGANISATION, filters=frozenset({"factory/device/+/temperature"}))
    assert resolve(selection) == [TEMPERATURE, LOOM_TEMPERATURE]


def test_a_tag_name_with_slashes_is_more_levels_of_the_topic() -> None:
    assert tag_topic(tag(7, "press-1", "zone/1", "mm")) == "factory/device/press-1/zone/1"
