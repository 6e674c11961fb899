"""The door of every endpoint: `Depends(requires("devices:read"))` gives the Principal, or refuses."""

from __future__ import annotations

from typing import Protocol

from fastapi import Request
from fastapi.openapi.models import HTTPBearer
from fastapi.security.base import SecurityBase

from andon.identity.errors import SIGN_IN
from andon.identity.model import PERMISSIONS, Principal
from andon.kit.errors import ForbiddenError, UnauthenticatedError


class Verifier(Protocol):
    """What a guard needs of the identity service."""

    def verify(self, token: str) -> Principal:
        """Who the access token stands for; UnauthenticatedError when it is not good. Never blocks."""
        ...


class Guard(SecurityBase):
    """A FastAPI dependency that lets through whoever has `permission`; "" asks only for being signed in.

    Raises UnauthenticatedError (401) without a good token and ForbiddenError (403) without the permission.
    """

    def __init__(self, permission: str) -> None:
        self.permission = permission
        self.model = HTTPBearer(bearerFormat="JWT", description="The accessToken of POST /auth/login.")
        self.scheme_name = "accessToken"

    async def __call__(self, request: Request) -> Principal:
        identity: Verifier = request.app.state.identity
        principal = identity.verify(bearer_token(request.headers.get("authorization")))
        request.state.principal = principal
        return self.check(principal)

    def check(self, principal: Principal) -> Principal:
        """The principal when it has the permission. ForbiddenError names the permission when it has not."""
        if self.permission and not principal.may(self.permission):
            raise ForbiddenError(
                f"this needs the permission {self.permission}, which the role {principal.role} does not have",
                field="Authorization",
                cure=f"ask an administrator for a role with {self.permission}",
            )
        return principal


def requires(permission: str) -> Guard:
    """The dependency that lets through who has `permission`. ValueError when there is no such permission."""
    if permission not in PERMISSIONS:
        raise ValueError(f"{permission} is not a permission; identity/model.py lists them")
    return Guard(permission)


signed_in = Guard("")


def bearer_token(header: str | None) -> str:
    """The token of an Authorization header. UnauthenticatedError when there is none."""
    scheme, _, token = (header or "").partition(" ")
    if scheme.lower() != "bearer" or not token.strip():
        raise UnauthenticatedError("nobody is signed in", field="Authorization", cure=SIGN_IN)
    return token.strip()
