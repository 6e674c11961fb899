"""Serves the built web UI: hashed files are cached for ever, every other path is the app's page."""

from __future__ import annotations

import gzip
import mimetypes
from pathlib import Path
from typing import NamedTuple

from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Match
from starlette.types import Receive, Scope, Send

STATIC = Path(__file__).parent / "static"
_COMPRESSIBLE = {".html", ".js", ".css", ".svg", ".json", ".webmanifest", ".txt", ".map"}
_NOT_BUILT = "The web UI is not built yet: run `make setup`. The API answers under /api/v1."


class _File(NamedTuple):
    """A file as it was read; `changed` is its modification time then, ns."""

    changed: int
    plain: bytes
    packed: bytes | None


class WebUi:
    """An ASGI app over a folder of built files; each file is read and compressed once, until it changes."""

    def __init__(self, folder: Path = STATIC) -> None:
        self._folder = folder.resolve()
        self._cache: dict[Path, _File] = {}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            raise HTTPException(404)
        await self._answer(scope)(scope, receive, send)

    def _answer(self, scope: Scope) -> Response:
        if scope["path"].startswith("/api/"):
            raise _no_endpoint(scope)
        if scope["method"] not in ("GET", "HEAD"):
            raise HTTPException(405)
        path = self._find(scope["path"])
        if path is None:
            return PlainTextResponse(_NOT_BUILT, 503)
        file = self._load(path)
        headers = {"cache-control": _cache_control(path), "vary": "accept-encoding"}
        body = file.plain
        if file.packed is not None and "gzip" in Headers(scope=scope).get("accept-encoding", ""):
            body, headers["content-encoding"] = file.packed, "gzip"
        media = mimetypes.guess_type(path.name)[0] or "application/octet-stream"
        return Response(body, media_type=media, headers=headers)

    def _find(self, url_path: str) -> Path | None:
        if "\0" in url_path:
            raise HTTPException(404)  # no file system knows such a name
        asked = (self._folder / url_path.lstrip("/")).resolve()
        if asked.is_relative_to(self._folder) and asked.is_file() and not asked.name.startswith("."):
            return asked
        if url_path.startswith("/assets/"):
            raise HTTPException(404)
        index = self._folder / "index.html"
        return index if index.is_file() else None

    def _load(self, path: Path) -> _File:
        changed = path.stat().st_mtime_ns
        known = self._cache.get(path)
        if known is None or known.changed != changed:
            plain = path.read_bytes()
            packed = gzip.compress(plain, 6) if path.suffix in _COMPRESSIBLE and len(plain) > 1_000 else None
            known = self._cache[path] = _File(changed, plain, packed)
        return known


def _no_endpoint(scope: Scope) -> HTTPException:
    """The API has no pages: what comes here asks for a path that there is not, or with another method than it has."""
    routes = getattr(scope.get("app"), "routes", ())
    return HTTPException(405 if any(route.matches(scope)[0] is Match.PARTIAL for route in routes) else 404)


def _cache_control(path: Path) -> str:
    return "public, max-age=31536000, immutable" if path.parent.name == "assets" else "no-cache"
