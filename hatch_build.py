"""Puts the built web UI into the wheel, so that an installed Andon needs no Node."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface


class WebHook(BuildHookInterface):  # type: ignore[type-arg]
    """Builds the UI for a wheel; an editable install leaves that to `make setup`."""

    PLUGIN_NAME = "custom"

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        if version == "editable":
            return
        root = Path(self.root)
        if (root / "web" / "package.json").exists():
            sys.path.insert(0, str(root / "tools"))
            from build_web import build

            build()
        build_data["artifacts"].append("src/andon/api/static/**")
