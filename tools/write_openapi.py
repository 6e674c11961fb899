"""Write docs/reference/openapi.json, and from it the types of the web UI's client (web/src/api/schema.d.ts).

Usage: python tools/write_openapi.py
Both are committed: a change of the contract shows up in review, and in the type checks of the UI.
"""

from __future__ import annotations

import json
from pathlib import Path

from build_web import install, machine_node, npm, wheel_node

from andon.api.application import ApiOptions, create_application
from andon.api.middleware import RequestStats
from andon.api.routers import ROUTERS

TARGET = Path(__file__).resolve().parent.parent / "docs" / "reference" / "openapi.json"


def openapi_text() -> str:
    """The document as it is committed: the same for the same code."""
    document = create_application({}, ApiOptions(), RequestStats(), routers=ROUTERS).openapi()
    return json.dumps(document, indent=1, ensure_ascii=False) + "\n"


def write() -> None:
    """Write both files."""
    TARGET.write_text(openapi_text(), "utf-8")
    node, npm_command = machine_node() or wheel_node()
    install(node, npm_command)
    npm(npm_command, node, "run", "client")


if __name__ == "__main__":
    write()
