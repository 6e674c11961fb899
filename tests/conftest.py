"""Fixtures that many tests share."""

from __future__ import annotations

import os

import pytest


@pytest.fixture(scope="session")
def engines_required() -> bool:
    """True in CI: a missing engine is then a failure, not a skip."""
    return os.environ.get("ANDON_REQUIRE_ENGINES") == "1"
