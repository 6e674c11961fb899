"""A value fits what its tag holds, or is refused with what it is."""

from __future__ import annotations

import pytest

from andon.wire.errors import WireError
from andon.wire.values import as_boolean, as_number, as_text


def test_numbers_are_numbers() -> None:
    assert as_number(3, "value") == 3.0
    assert as_number(2.5, "value") == 2.5


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        ("75.2", "the text '75.2'"),
        (True, "true"),
        (None, "null"),
        ([1], "list"),
        (float("nan"), "nan is not a finite"),
        (float("-inf"), "-inf is not a finite"),
        (10**400, "bits is not a finite"),
    ],
)
def test_what_is_no_number_is_refused(value: object, shown: str) -> None:
    with pytest.raises(WireError, match=shown) as caught:
        as_number(value, "speed")
    assert (caught.value.reason, caught.value.field) == ("not_a_number", "speed")


def test_booleans_are_true_false_one_and_zero() -> None:
    assert [as_boolean(value, "running") for value in (True, False, 1, 0, 1.0)] == [1.0, 0.0, 1.0, 0.0, 1.0]


@pytest.mark.parametrize("value", ["true", 2, -1, 0.5, float("nan"), None])
def test_what_is_no_boolean_is_refused(value: object) -> None:
    with pytest.raises(WireError, match="running: true or false belongs here"):
        as_boolean(value, "running")


def test_text_is_text() -> None:
    assert as_text("A-17", "recipe") == "A-17"
    with pytest.raises(WireError, match="recipe: text belongs here, not 17"):
        as_text(17, "recipe")
