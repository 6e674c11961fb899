"""Requests that concern all shards of ingest: what each knows is put together, or the one that knows is found."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec
from starlette.types import Receive, Scope, Send

from andon.api.gateway.http import Forwarder, request_headers, response_headers, target
from andon.kit.errors import InvalidError, NotFoundError, TooLargeError, UnavailableError

MAX_BYTES = 64 << 20
_OK, _NOT_FOUND = 200, 404


@dataclass(frozen=True, slots=True)
class Answered:
    """The whole answer of one process."""

    status: int
    headers: list[tuple[bytes, bytes]]
    body: bytes

    def json(self) -> Any:
        """The body, decoded."""
        return msgspec.json.decode(self.body)


Strategy = Callable[["Shards", bytes], Any]


class Shards:
    """All processes that can answer a request, asked one by one or together."""

    def __init__(self, forwarder: Forwarder, scope: Scope) -> None:
        self.urls: Sequence[str] = forwarder.locate(scope)
        self._forwarder = forwarder
        self._scope = scope

    async def ask(self, url: str, body: bytes) -> Answered:
        """One of them. UnavailableError when it does not answer."""
        upstream = self._forwarder.upstream
        connection = await upstream.connect(url)
        try:
            headers = request_headers(self._scope, chunked=False, revision=self._forwarder.revision())
            headers = [(name, value) for name, value in headers if name != b"content-length"]
            headers.append((b"content-length", b"%d" % len(body)))
            await connection.send_head(self._scope["method"], target(self._scope), headers)
            await connection.send(body)
            status, found = await connection.head(upstream.limits.answer_s)
            parts, size = [], 0
            async for chunk in connection.body():
                size += len(chunk)
                if size > MAX_BYTES:
                    raise UnavailableError("an answer of another process is too large to be put together")
                parts.append(chunk)
        except BaseException:
            connection.close()
            raise
        upstream.release(url, connection)
        return Answered(status, response_headers(found), b"".join(parts))


@dataclass(frozen=True, slots=True)
class Sharded:
    """An ASGI application: `strategy` answers when several processes run the role, `forwarder` when one does."""

    forwarder: Forwarder
    strategy: Strategy

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer. UnavailableError when nobody can."""
        shards = Shards(self.forwarder, scope)
        if len(shards.urls) < 2:
            await self.forwarder(scope, receive, send)
            return
        answer: Answered = await self.strategy(shards, await _whole(receive))
        if self.forwarder.after is not None and scope["method"] != "GET" and answer.status < 400:
            await self.forwarder.after()
        headers = [(name, value) for name, value in answer.headers if name != b"content-length"]
        headers.append((b"content-length", b"%d" % len(answer.body)))
        await send({"type": "http.response.start", "status": answer.status, "headers": headers})
        await send({"type": "http.response.body", "body": answer.body})


def merged(name: str) -> Strategy:
    """The lists `data.<name>` of all, one after the other."""

    async def ask_all(shards: Shards, body: bytes) -> Answered:
        found = await asyncio.gather(*(shards.ask(url, body) for url in shards.urls), return_exceptions=True)
        answers = [each for each in found if isinstance(each, Answered)]
        refused = next((each for each in answers if each.status != _OK), None)
        if refused is not None or not answers:
            return refused or _nobody(found)
        bodies = [each.json() for each in answers]
        whole = bodies[0]
        whole["data"][name] = [item for each in bodies for item in each["data"][name]]
        return Answered(_OK, answers[0].headers, msgspec.json.encode(whole))

    return ask_all


async def first_that_knows(shards: Shards, body: bytes) -> Answered:
    """The answer of the first that does not say 404."""
    missing: Answered | None = None
    problem: UnavailableError | None = None
    for url in shards.urls:
        try:
            answer = await shards.ask(url, body)
        except UnavailableError as error:
            problem = error
            continue
        if answer.status != _NOT_FOUND:
            return answer
        missing = answer
    if problem is not None:  # the one that is away may be the one that knows
        raise problem
    if missing is None:
        raise NotFoundError("no process knows of this")
    return missing


async def replayed(shards: Shards, body: bytes) -> Answered:
    """Dead letters tried again: what one shard cannot replay (a session of another), the next one tries."""
    try:
        wanted: Mapping[str, Any] = msgspec.json.decode(body)
    except ValueError as error:
        raise InvalidError("the body is not JSON") from error
    done, answer, failed = 0, None, []
    for url in shards.urls:
        answer = await shards.ask(url, msgspec.json.encode(wanted))
        if answer.status != _OK:
            return answer
        data = answer.json()["data"]
        done, failed = done + data["replayed"], data["failed"]
        if not failed:
            break
        wanted = {**wanted, "ids": [each["id"] for each in failed]}
    assert answer is not None
    whole = answer.json()
    whole["data"] = {**whole["data"], "replayed": done, "failed": failed}
    return Answered(_OK, answer.headers, msgspec.json.encode(whole))


def _nobody(found: Sequence[object]) -> Answered:
    """Raise what went wrong."""
    for each in found:
        if isinstance(each, BaseException):
            raise each
    raise UnavailableError("no process answers")


async def _whole(receive: Receive) -> bytes:
    parts, more = [], True
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise TooLargeError("the body did not come whole, or is over max_request_bytes", field="body")
        parts.append(message.get("body", b""))
        more = message.get("more_body", False)
    return b"".join(parts)
