"""`/auth` and `/users`. Plain functions: they hash and query, which belongs in a worker thread."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request, Response

from andon.identity.guard import bearer_token, requires, signed_in
from andon.identity.model import Principal
from andon.identity.schemas import (
    LoginBody,
    NewUserBody,
    RefreshBody,
    Session,
    SignedInUser,
    SignedOut,
    TotalMeta,
    UserAccount,
    UserChangesBody,
    UserList,
    principal_view,
    signed_in_view,
    user_view,
)
from andon.identity.service import IdentityService
from andon.identity.sessions import SignedIn
from andon.kit.contract import answers
from andon.kit.envelope import success
from andon.kit.errors import UnauthenticatedError

REFRESH_COOKIE = "andon_refresh"
COOKIE_PATH = "/api/v1/auth"

router = APIRouter()


def _identity(request: Request) -> IdentityService:
    service: IdentityService = request.app.state.identity
    return service


Identity = Annotated[IdentityService, Depends(_identity)]
UserManager = Annotated[Principal, Depends(requires("users:manage"))]

_REFUSED = {
    401: "Wrong user name or password, or the token is no longer good",
    429: "Too many failed sign-ins; the cure says how long to wait",
}
_NO_USER = {404: "There is no such user in your organisation"}


@router.post("/auth/login", tags=["auth"], summary="Sign in")
@answers(Session, refuses=_REFUSED)
def login(body: LoginBody, request: Request, response: Response, identity: Identity) -> dict[str, Any]:
    """Answers with an access token and a refresh token, and sets the refresh token as a cookie for browsers."""
    address = request.client.host if request.client else ""
    return _answer(identity.login(body.username, body.password, address), request, response, identity)


@router.post("/auth/refresh", tags=["auth"], summary="Get a new access token")
@answers(Session, refuses=_REFUSED)
def refresh(
    request: Request, response: Response, identity: Identity, body: RefreshBody | None = None
) -> dict[str, Any]:
    """Takes the refresh token from the body, or from the cookie; it is good once and the answer holds the next."""
    token = _refresh_token(request, body)
    if not token:
        raise UnauthenticatedError("there is no refresh token", field="refreshToken", cure="sign in")
    return _answer(identity.refresh(token), request, response, identity)


@router.post("/auth/logout", tags=["auth"], summary="Sign out")
@answers(SignedOut)
def logout(request: Request, response: Response, identity: Identity, body: RefreshBody | None = None) -> dict[str, Any]:
    """Ends the sign-in of the access token, the refresh token or the cookie, whichever is there."""
    identity.logout(_refresh_token(request, body), _principal_if_any(request, identity))
    response.delete_cookie(REFRESH_COOKIE, path=COOKIE_PATH, httponly=True, samesite="strict")
    return success({"signedOut": True})


@router.get("/auth/me", tags=["auth"], summary="Who is signed in")
@answers(SignedInUser)
def me(identity: Identity, principal: Annotated[Principal, Depends(signed_in)]) -> dict[str, Any]:
    """The user, the permissions and the organisation."""
    return success(principal_view(principal, identity.organisation(principal.organisation_id)))


@router.get("/users", tags=["users"], summary="List users")
@answers(UserList, TotalMeta)
def list_users(identity: Identity, principal: UserManager) -> dict[str, Any]:
    """All users of the organisation, by name."""
    users = [user_view(user) for user in identity.users(principal.organisation_id)]
    return success({"users": users}, {"total": len(users)})


@router.post("/users", tags=["users"], summary="Add a user", status_code=201)
@answers(UserAccount, refuses={409: "There is a user of that name already"})
def create_user(body: NewUserBody, identity: Identity, principal: UserManager) -> dict[str, Any]:
    """The user can sign in at once."""
    user = identity.create_user(principal, body.username, body.password, body.role, body.email)
    return success(user_view(user))


@router.put("/users/{username}", tags=["users"], summary="Change a user's role, access or password")
@answers(UserAccount, refuses=_NO_USER)
def change_user(username: str, body: UserChangesBody, identity: Identity, principal: UserManager) -> dict[str, Any]:
    """The user is signed out everywhere, so that the change holds at once."""
    user = identity.update_user(principal, username, role=body.role, is_active=body.is_active, password=body.password)
    return success(user_view(user))


def _answer(signed_in: SignedIn, request: Request, response: Response, identity: IdentityService) -> dict[str, Any]:
    response.set_cookie(
        REFRESH_COOKIE,
        signed_in.refresh_token,
        max_age=round(identity.settings.refresh_ttl_s),
        path=COOKIE_PATH,
        httponly=True,
        samesite="strict",
        secure=identity.settings.secure_cookies or request.url.scheme == "https",
    )
    response.headers["Cache-Control"] = "no-store"
    return success(signed_in_view(signed_in))


def _refresh_token(request: Request, body: RefreshBody | None) -> str | None:
    sent = body.refresh_token if body else None
    return sent or request.cookies.get(REFRESH_COOKIE)


def _principal_if_any(request: Request, identity: IdentityService) -> Principal | None:
    """Signing out with an access token that has expired is fine."""
    try:
        return identity.verify(bearer_token(request.headers.get("authorization")))
    except UnauthenticatedError:
        return None
