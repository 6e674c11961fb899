"""Passwords and the slowing down of guesses."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from andon.identity.errors import TooManyAttemptsError
from andon.identity.passwords import Passwords, check_password, generate_password
from andon.identity.throttle import LoginThrottle, ThrottleLimits
from andon.kit.clock import US_PER_S
from andon.kit.errors import InvalidError

QUICK = Passwords(time_cost=1, memory_kib=8)


def test_a_password_matches_its_own_hash_only() -> None:
    stored = QUICK.hash("correct horse")
    assert QUICK.verify(stored, "correct horse")
    assert not QUICK.verify(stored, "correct horsf")


def test_the_hash_is_argon2id_with_a_salt() -> None:
    assert QUICK.hash("correct horse").startswith("$argon2id$")
    assert QUICK.hash("correct horse") != QUICK.hash("correct horse")


def test_nobody_has_no_password() -> None:
    assert not QUICK.verify(None, "correct horse")


@pytest.mark.parametrize("stored", ["", "plain text", "$argon2id$broken"])
def test_a_broken_hash_matches_nothing(stored: str) -> None:
    assert not QUICK.verify(stored, stored)


@pytest.mark.parametrize("password", ["", "short", "x" * 257, "broken \ud800 text"])
def test_a_password_that_cannot_be_accepted_names_the_field(password: str) -> None:
    with pytest.raises(InvalidError) as raised:
        check_password(password)
    assert raised.value.field == "password"
    assert raised.value.cure


def test_generated_passwords_are_accepted_and_never_the_same() -> None:
    generated = {generate_password() for _ in range(50)}
    assert len(generated) == 50
    for password in generated:
        check_password(password)


def fail(
    throttle: LoginThrottle, times: int, *, now: int = 0, username: str = "anna", address: str = "10.0.0.1"
) -> None:
    for _ in range(times):
        throttle.enter(username, address, now)


def test_a_few_mistakes_cost_nothing() -> None:
    fail(LoginThrottle(ThrottleLimits(free_attempts=5)), 5)


def test_then_each_further_mistake_doubles_the_wait() -> None:
    throttle = LoginThrottle(ThrottleLimits(free_attempts=2, first_wait_s=1))
    fail(throttle, 2)
    with pytest.raises(TooManyAttemptsError, match="too many") as raised:
        fail(throttle, 1)
    assert raised.value.status == 429
    assert raised.value.cure == "try again in 1 s"
    fail(throttle, 1, now=1 * US_PER_S)
    with pytest.raises(TooManyAttemptsError) as raised:
        fail(throttle, 1, now=1 * US_PER_S)
    assert raised.value.cure == "try again in 2 s"


def test_attempts_during_the_wait_do_not_lengthen_it() -> None:
    throttle = LoginThrottle(ThrottleLimits(free_attempts=1, first_wait_s=1))
    fail(throttle, 1)
    for _ in range(20):
        with pytest.raises(TooManyAttemptsError):
            fail(throttle, 1)
    fail(throttle, 1, now=1 * US_PER_S)


def test_the_wait_has_an_upper_bound() -> None:
    throttle = LoginThrottle(ThrottleLimits(free_attempts=0, first_wait_s=1, longest_wait_s=60))
    now = 0
    for _ in range(100):
        now += 60 * US_PER_S
        fail(throttle, 1, now=now)


def test_a_stranger_elsewhere_does_not_lock_a_user_out() -> None:
    throttle = LoginThrottle(ThrottleLimits(free_attempts=2))
    fail(throttle, 2, address="203.0.113.9")
    with pytest.raises(TooManyAttemptsError):
        fail(throttle, 1, address="203.0.113.9")
    fail(throttle, 1, address="10.0.0.1")


def test_one_address_cannot_try_many_names_for_ever() -> None:
    throttle = LoginThrottle(ThrottleLimits(free_attempts_of_address=10))
    for number in range(10):
        fail(throttle, 1, username=f"user-{number}")
    with pytest.raises(TooManyAttemptsError):
        fail(throttle, 1, username="user-11")


def test_the_right_password_makes_up_for_earlier_mistakes() -> None:
    throttle = LoginThrottle(ThrottleLimits(free_attempts=3))
    for _ in range(10):
        fail(throttle, 3)
        throttle.succeeded("anna", "10.0.0.1")


def test_old_mistakes_are_forgotten() -> None:
    throttle = LoginThrottle(ThrottleLimits(free_attempts=1, first_wait_s=900, longest_wait_s=900, forget_after_s=60))
    fail(throttle, 1)
    fail(throttle, 1, now=61 * US_PER_S)


@given(st.lists(st.tuples(st.text(max_size=3), st.text(max_size=3)), max_size=60))
def test_memory_is_bounded_whatever_is_tried(attempts: list[tuple[str, str]]) -> None:
    throttle = LoginThrottle(ThrottleLimits(max_entries=10, free_attempts=1000, free_attempts_of_address=1000))
    for username, address in attempts:
        throttle.enter(username, address, 0)
        assert len(throttle._failures) <= 10
