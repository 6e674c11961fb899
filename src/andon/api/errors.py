"""One shape for every error: what happened, where, the field at fault and the cure."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException

from andon.kit.clock import now_us, to_iso
from andon.kit.errors import AndonError, UnauthenticatedError

logger = logging.getLogger(__name__)

Details = Sequence[dict[str, Any]]


def error_body(path: str, request_id: str, status: int, message: str, details: Details = ()) -> dict[str, Any]:
    """The error body that S4 prints, in Andon's envelope."""
    body: dict[str, Any] = {
        "success": False,
        "error": message,
        "status": status,
        "timestamp": to_iso(now_us()),
        "path": path,
        "request_id": request_id,
    }
    if details:
        body["details"] = list(details)
    return body


def _response(request: Request, status: int, message: str, details: Details = ()) -> JSONResponse:
    request_id = getattr(request.state, "request_id", "")
    return JSONResponse(error_body(request.url.path, request_id, status, message, details), status)


def install_error_handlers(app: FastAPI) -> None:
    """Turn every exception into the error body; only unexpected ones are logged with their trace."""

    @app.exception_handler(AndonError)
    async def known(request: Request, error: AndonError) -> JSONResponse:
        details = []
        if error.field or error.cure:
            details = [{"field": error.field, "message": error.message, "cure": error.cure}]
        response = _response(request, error.status, error.message, details)
        if isinstance(error, UnauthenticatedError):
            response.headers["WWW-Authenticate"] = "Bearer"
        return response

    @app.exception_handler(RequestValidationError)
    async def malformed(request: Request, error: RequestValidationError) -> JSONResponse:
        details = [_explain(item) for item in error.errors()]
        return _response(request, 422, f"{details[0]['field']}: {details[0]['message']}", details)

    @app.exception_handler(HTTPException)
    async def plain(request: Request, error: HTTPException) -> JSONResponse:
        message = str(error.detail or HTTPStatus(error.status_code).phrase)
        response = _response(request, error.status_code, message)
        response.headers.update(error.headers or {})
        return response

    @app.exception_handler(Exception)
    async def unexpected(request: Request, error: Exception) -> JSONResponse:
        request_id = getattr(request.state, "request_id", "")
        logger.error("request failed", extra={"path": request.url.path, "request_id": request_id}, exc_info=error)
        return _response(request, 500, f"Something went wrong here; the log has it under {request_id}")


def _explain(item: dict[str, Any]) -> dict[str, Any]:
    """One pydantic error as field, message and cure. The input itself is not echoed: it may hold a secret."""
    place = [str(part) for part in item["loc"]]
    field = ".".join(place[1:] if len(place) > 1 else place)
    message = str(item["msg"])
    cures = {
        "missing": f"add {field} to the request",
        "json_invalid": "send a JSON body",
        "extra_forbidden": f"leave {field} out",
    }
    return {
        "field": field,
        "message": message,
        "cure": cures.get(item["type"], f"correct {field}: {message}"),
    }
