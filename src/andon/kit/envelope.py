"""The outer shape of every successful answer of the API."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def success(data: Any, meta: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """`{"success": true, "data": …}`, with `meta` when there is any."""
    body: dict[str, Any] = {"success": True, "data": data}
    if meta is not None:
        body["meta"] = dict(meta)
    return body
