"""Bodies of the sign-in and user endpoints, and what these answer."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from andon.identity.model import Principal
from andon.identity.service import User
from andon.identity.sessions import Organisation, SignedIn
from andon.kit.clock import to_iso
from andon.kit.contract import Answer, example

_TOKEN_LENGTH = 4096


class LoginBody(BaseModel):
    """User name and password."""

    model_config = ConfigDict(
        extra="forbid", json_schema_extra={"examples": [{"username": "admin", "password": "four-unrelated-words-here"}]}
    )

    username: str = Field(max_length=256)
    password: str = Field(max_length=1024)


class RefreshBody(BaseModel):
    """The refresh token, for clients without cookies."""

    model_config = ConfigDict(
        extra="forbid",
        populate_by_name=True,
        json_schema_extra={"examples": [{"refreshToken": "hJ3k-long-random-text"}]},
    )

    refresh_token: str | None = Field(None, alias="refreshToken", max_length=_TOKEN_LENGTH)


class NewUserBody(BaseModel):
    """A user to add."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={"examples": [{"username": "shift-lead", "password": "a-long-password", "role": "operator"}]},
    )

    username: str
    password: str
    role: str = "viewer"
    email: str | None = None


class UserChangesBody(BaseModel):
    """What to change of a user; what is left out stays."""

    model_config = ConfigDict(
        extra="forbid", populate_by_name=True, json_schema_extra={"examples": [{"role": "viewer", "isActive": True}]}
    )

    role: str | None = None
    is_active: bool | None = Field(None, alias="isActive")
    password: str | None = None


_ME = {
    "id": "01942f3e-6d49-7420-8e20-c638892c7d34",
    "username": "admin",
    "role": "admin",
    "permissions": ["alerts:manage", "alerts:read"],
    "organisation": {
        "id": "01942f3e-6d0d-7ec7-849a-e84a3cbb1862",
        "name": "Default organisation",
        "timezone": "Europe/Berlin",
    },
}
_ACCOUNT = {
    "id": "01942f3e-6d49-7420-8e20-c638892c7d34",
    "username": "shift-lead",
    "email": None,
    "role": "operator",
    "isActive": True,
    "createdAt": "2025-01-11T10:00:00.000Z",
}


class OrganisationSummary(Answer):
    """The organisation that everything seen belongs to; `timezone` is its site's."""

    id: str
    name: str
    timezone: str


class SignedInUser(Answer):
    """Who is signed in, and what they may do."""

    model_config = example(_ME)

    id: str
    username: str
    role: str
    permissions: list[str]
    organisation: OrganisationSummary


class Session(Answer):
    """Tokens of a sign-in; `expiresIn` are the seconds that the access token lasts."""

    model_config = example(
        {
            "accessToken": "eyJhbGciOiJFZERTQSJ9.e30.c2ln",
            "refreshToken": "hJ3k-long-random-text",
            "expiresIn": 900,
            "tokenType": "Bearer",
            "user": _ME,
        }
    )

    access_token: str
    refresh_token: str
    expires_in: int
    token_type: Literal["Bearer"]
    user: SignedInUser


class SignedOut(Answer):
    """Nobody is signed in any more."""

    model_config = example({"signedOut": True})

    signed_out: Literal[True]


class UserAccount(Answer):
    """A user."""

    model_config = example(_ACCOUNT)

    id: str
    username: str
    email: str | None
    role: str
    is_active: bool
    created_at: str


class UserList(Answer):
    """The organisation's users, by name."""

    model_config = example({"users": [_ACCOUNT]})

    users: list[UserAccount]


class TotalMeta(Answer):
    """How many there are."""

    model_config = example({"total": 1})

    total: int


def signed_in_view(signed_in: SignedIn) -> dict[str, Any]:
    """The answer to a sign-in and to a refresh."""
    return {
        "accessToken": signed_in.access_token,
        "refreshToken": signed_in.refresh_token,
        "expiresIn": signed_in.expires_in_s,
        "tokenType": "Bearer",
        "user": principal_view(signed_in.principal, signed_in.organisation),
    }


def principal_view(principal: Principal, organisation: Organisation) -> dict[str, Any]:
    """Who is signed in, and what they may do."""
    return {
        "id": principal.user_id,
        "username": principal.username,
        "role": principal.role,
        "permissions": sorted(principal.permissions),
        "organisation": {"id": organisation.id, "name": organisation.name, "timezone": organisation.timezone},
    }


def user_view(user: User) -> dict[str, Any]:
    """A user in the list of users."""
    return {
        "id": user.id,
        "username": user.username,
        "email": user.email,
        "role": user.role,
        "isActive": user.is_active,
        "createdAt": to_iso(user.created_at),
    }
