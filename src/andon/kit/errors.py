"""Errors that name the field and the cure; the API turns each into its HTTP status."""

from __future__ import annotations


class AndonError(Exception):
    """Something a caller can act on.

    `message` says what and why; `field` names the input at fault; `cure` says what to do next.
    """

    status = 400

    def __init__(self, message: str, *, field: str | None = None, cure: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.field = field
        self.cure = cure


class InvalidError(AndonError):
    """The input is malformed or out of range."""

    status = 422


class UnauthenticatedError(AndonError):
    """Nobody is signed in, or the token is no longer good."""

    status = 401


class ForbiddenError(AndonError):
    """Signed in, but without the permission that this needs."""

    status = 403


class NotFoundError(AndonError):
    """There is no such thing in the caller's organisation."""

    status = 404


class ConflictError(AndonError):
    """The request does not fit the present state (duplicate name, stale etag, wrong alarm state)."""

    status = 409


class TooLargeError(AndonError):
    """The input is over a size limit; the message names the setting that holds the limit."""

    status = 413


class UnavailableError(AndonError):
    """A limit is reached or an engine is away: try again later."""

    status = 503


class StartError(AndonError):
    """Andon cannot start: the port is taken, the data folder is in use. The CLI exits with code 2."""

    status = 500
