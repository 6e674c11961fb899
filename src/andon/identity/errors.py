"""Errors of sign-in that no other domain has."""

from __future__ import annotations

from andon.kit.errors import AndonError


class TooManyAttemptsError(AndonError):
    """Too many failed sign-ins: wait."""

    status = 429
