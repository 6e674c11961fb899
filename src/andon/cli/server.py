"""A running Andon over HTTP, for commands: signs in, waits out short absences, turns refusals into errors."""

from __future__ import annotations

import http.client
import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import urlencode, urlsplit

from andon.kit.errors import AndonError, InvalidError, NotFoundError, UnauthenticatedError, UnavailableError

_PREFIX: Final = "/api/v1"
_TIMEOUT_S: Final = 60.0
_AWAY: Final = (502, 503, 504)
_SIGN_IN: Final = "set ANDON_ADMIN_PASSWORD, or ANDON_TOKEN to an access token"


@dataclass(frozen=True, slots=True)
class Access:
    """Where the server is, and who asks: a token, or a user with a password."""

    url: str
    username: str = "admin"
    password: str | None = None
    token: str | None = None


class Server:
    """One connection, kept open. Not safe for several threads.

    A server that is away is tried again for `patience_s`, with growing pauses; `on_wait` is told why, once.
    """

    def __init__(
        self, access: Access, *, patience_s: float = 60.0, on_wait: Callable[[str], None] = lambda why: None
    ) -> None:
        parts = urlsplit(access.url if "//" in access.url else f"http://{access.url}")
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise InvalidError(
                f"{access.url!r} is no address", field="url", cure="use one such as http://127.0.0.1:8080"
            )
        if access.token is None and access.password is None:
            raise UnauthenticatedError("nobody is signed in", field="password", cure=_SIGN_IN)
        kind = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
        self._connection = kind(parts.hostname, parts.port, timeout=_TIMEOUT_S)
        self._path = parts.path.rstrip("/") + _PREFIX
        self._url = access.url
        self._access = access
        self._token = access.token
        self._patience_s = patience_s
        self._on_wait = on_wait

    def ask(self, method: str, path: str, body: Mapping[str, Any] | None = None) -> dict[str, Any]:
        """`data` of the answer."""
        content = None if body is None else json.dumps(body).encode()
        found: dict[str, Any] = json.loads(self.send(method, path, content, "application/json"))["data"]
        return found

    def send(self, method: str, path: str, content: bytes | None, media_type: str) -> bytes:
        """The body of a successful answer. AndonError with the server's message and cure, otherwise."""
        with self._answer(method, path, content, media_type) as answer:
            return answer.read()

    def download(self, path: str, query: Mapping[str, Any]) -> http.client.HTTPResponse:
        """The answer to a GET, its body not read yet; close it."""
        return self._answer("GET", f"{path}?{urlencode(query, doseq=True)}", None, "")

    def close(self) -> None:
        """Close the connection."""
        self._connection.close()

    def _answer(self, method: str, path: str, content: bytes | None, media_type: str) -> http.client.HTTPResponse:
        if self._token is None:
            self._sign_in()
        answer = self._patiently(method, path, content, media_type)
        if answer.status == http.client.UNAUTHORIZED and self._access.password is not None:
            answer.read()
            self._sign_in()
            answer = self._patiently(method, path, content, media_type)
        if answer.status >= 400:
            raise _refusal(answer.status, answer.read())
        return answer

    def _sign_in(self) -> None:
        login = {"username": self._access.username, "password": self._access.password}
        self._token = None
        answer = self._patiently("POST", "/auth/login", json.dumps(login).encode(), "application/json")
        body = answer.read()
        if answer.status >= 400:
            raise _refusal(answer.status, body)
        self._token = json.loads(body)["data"]["accessToken"]

    def _patiently(self, method: str, path: str, content: bytes | None, media_type: str) -> http.client.HTTPResponse:
        """Any answer but that of a server which is away or busy; those are tried again."""
        until, pause = time.monotonic() + self._patience_s, 0.2
        while True:
            why, wait = "", pause
            try:
                answer = self._once(method, path, content, media_type)
                if answer.status not in (*_AWAY, http.client.TOO_MANY_REQUESTS):
                    return answer
                refusal = _refusal(answer.status, answer.read())
                why = refusal.message
                wait = max(pause, float(answer.headers.get("retry-after") or 0))
            except (OSError, http.client.HTTPException) as error:
                refusal = UnavailableError(
                    f"{self._url} cannot be reached: {error}",
                    field="url",
                    cure="start Andon, or name its address with --url",
                )
                why = refusal.message
                self._connection.close()
            if time.monotonic() + wait > until:
                raise refusal
            self._on_wait(why)
            time.sleep(wait)
            pause = min(pause * 2, 5.0)

    def _once(self, method: str, path: str, content: bytes | None, media_type: str) -> http.client.HTTPResponse:
        headers = {"Accept": "*/*"}
        if self._token is not None:
            headers["Authorization"] = f"Bearer {self._token}"
        if content is not None:
            headers["Content-Type"] = media_type
        self._connection.request(method, self._path + path, body=content, headers=headers)
        return self._connection.getresponse()


class RefusedError(AndonError):
    """The server said no; `status` is its answer's."""

    def __init__(self, status: int, message: str, field: str | None, cure: str | None) -> None:
        super().__init__(message, field=field, cure=cure)
        self.status = status


def _refusal(status: int, body: bytes) -> AndonError:
    try:
        found = json.loads(body)
        message = str(found["error"])
        detail = (found.get("details") or [{}])[0]
    except (ValueError, KeyError, TypeError, AttributeError):
        return NotFoundError(
            f"what answered is no Andon (status {status})", field="url", cure="check the address that --url names"
        )
    cure = detail.get("cure") or (_SIGN_IN if status == http.client.UNAUTHORIZED else None)
    return RefusedError(status, message, detail.get("field"), cure)
