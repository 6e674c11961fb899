"""What can be set or called is documented."""

from __future__ import annotations

from pathlib import Path

import pytest
from typer.main import get_command

from andon.app.settings import Settings
from andon.cli.main import app

DOCS = Path(__file__).parents[2] / "docs"


@pytest.mark.parametrize("name", Settings.model_fields)
def test_every_setting_is_in_the_reference_with_its_default(name: str) -> None:
    line = next(
        (
            line
            for line in (DOCS / "reference/settings.md").read_text().splitlines()
            if f"`ANDON_{name.upper()}`" in line
        ),
        None,
    )
    assert line, f"docs/reference/settings.md does not list ANDON_{name.upper()}"
    default = Settings.model_fields[name].get_default(call_default_factory=True)
    assert default is None or f"`{default}`" in line


def test_every_command_is_in_the_reference() -> None:
    text = (DOCS / "reference/command-line.md").read_text()
    for name in get_command(app).commands:  # type: ignore[attr-defined]
        assert f"`andon {name}" in text, f"docs/reference/command-line.md does not list andon {name}"
