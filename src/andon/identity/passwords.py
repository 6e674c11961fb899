"""Passwords: what is accepted, and argon2id hashes of them."""

from __future__ import annotations

import secrets
import threading

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from andon.kit.errors import InvalidError

MIN_LENGTH = 8
MAX_LENGTH = 256
_READABLE = "abcdefghijkmnpqrstuvwxyz23456789"  # without look-alikes: people type it from a terminal


class Passwords:
    """argon2id with OWASP's parameters (19 MiB, 2 passes); at most `max_parallel` at a time, which bounds memory."""

    def __init__(self, *, time_cost: int = 2, memory_kib: int = 19 * 1024, max_parallel: int = 2) -> None:
        self._hasher = PasswordHasher(time_cost=time_cost, memory_cost=memory_kib, parallelism=1)
        self._slots = threading.BoundedSemaphore(max_parallel)
        self._nobody: str | None = None

    def hash(self, password: str) -> str:
        """The hash to store. InvalidError when the password is too short, too long, or no proper text."""
        check_password(password)
        with self._slots:
            return self._hasher.hash(password)

    def verify(self, stored: str | None, password: str) -> bool:
        """Whether `password` is the one that `stored` was made of; as much work when there is no such user (None)."""
        with self._slots:
            if stored is None:
                stored = self._nobody = self._nobody or self._hasher.hash(secrets.token_hex(16))
                self._matches(stored, password)
                return False
            return self._matches(stored, password)

    def _matches(self, stored: str, password: str) -> bool:
        try:
            return self._hasher.verify(stored, password)
        except (VerificationError, InvalidHashError, UnicodeEncodeError):
            return False


def check_password(password: str) -> None:
    """InvalidError when `password` cannot be accepted."""
    if not MIN_LENGTH <= len(password) <= MAX_LENGTH:
        raise InvalidError(
            f"the password must have {MIN_LENGTH} to {MAX_LENGTH} characters",
            field="password",
            cure="choose another; a few unrelated words make a good one",
        )
    if any(0xD800 <= ord(character) <= 0xDFFF for character in password):
        raise InvalidError("the password holds broken Unicode", field="password", cure="send it as UTF-8 text")


def generate_password() -> str:
    """A password that nobody guesses (100 bits) and that a person can type: `xxxxx-xxxxx-xxxxx-xxxxx`."""
    groups = ("".join(secrets.choice(_READABLE) for _ in range(5)) for _ in range(4))
    return "-".join(groups)
