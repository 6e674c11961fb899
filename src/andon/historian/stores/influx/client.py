"""Talks to InfluxDB over HTTP: lines go in, queries come back as series. Retries are few; the log is the spool."""

from __future__ import annotations

import asyncio
import base64
import logging
import re
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

import msgspec

from andon.historian.stores.influx.limits import Access, InfluxLimits
from andon.kit.errors import InvalidError, StartError, UnavailableError

if TYPE_CHECKING:
    import aiohttp

logger = logging.getLogger(__name__)
_DROPPED: Final = re.compile(r"points beyond retention policy dropped=(\d+)")
_CREDENTIALS: Final = "check ANDON_INFLUX_USERNAME and ANDON_INFLUX_PASSWORD, or ANDON_INFLUX_TOKEN and its rights"


class Series(msgspec.Struct):
    """A table of one measurement and set of tags. Times are µs UTC."""

    columns: list[str]
    values: list[list[Any]]
    name: str = ""
    tags: dict[str, str] = {}


class _Result(msgspec.Struct):
    series: list[Series] = []
    error: str | None = None
    partial: bool = False


class _Answer(msgspec.Struct):
    results: list[_Result] = []
    error: str | None = None


class AgainError(UnavailableError):
    """InfluxDB is away, busy or has no room: the same request may succeed later."""


class MissingError(UnavailableError):
    """The database or a retention policy is not there (any more)."""


class InfluxClient:
    """One InfluxDB, 1.x or 2.x. Make it on the event loop that uses it; close it."""

    def __init__(self, access: Access, limits: InfluxLimits) -> None:
        """StartError when the address is none, or the client is not installed."""
        self._aiohttp = _load()
        parts = urlsplit(access.url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise StartError(
                f"the address of InfluxDB is not one: {parts.scheme}://{parts.hostname}",
                field="influx_url",
                cure="write ANDON_INFLUX_URL as http://host:8086",
            )
        self.shown = f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}".rstrip("/")
        self.second = access.token is not None
        self.database = access.database
        self.beyond_retention = 0
        self._access = access
        self._authorization = _authorization(access)
        self._limits = limits
        self._made: aiohttp.ClientSession | None = None

    async def close(self) -> None:
        """End all connections."""
        if self._made is not None:
            await self._made.close()

    async def write(self, policy: str, lines: Sequence[bytes]) -> None:
        """Store lines under a retention policy; durable when it returns.

        InvalidError when InfluxDB refuses a line for what it says, UnavailableError when it may succeed later.
        """
        step = self._limits.lines_a_write
        for at in range(0, len(lines), step):
            await self._write(policy, lines[at : at + step])

    async def query(self, *statements: str) -> list[list[Series]]:
        """The series that each statement gives. UnavailableError when InfluxDB is away or refuses."""
        if not statements:
            return []
        form = {"q": ";".join(statements), "epoch": "u", "db": self._access.database}
        body = await self._send("/query", {}, form, {"Accept": "application/x-msgpack"})
        answer = _decoded(body)
        error = answer.error or next((result.error for result in answer.results if result.error), None)
        if error is not None:
            raise self._refused(error)
        if any(result.partial for result in answer.results) or len(answer.results) != len(statements):
            raise AgainError(f"InfluxDB at {self.shown} gave only a part of an answer")
        return [result.series for result in answer.results]

    async def _write(self, policy: str, lines: Sequence[bytes]) -> None:
        access = self._access
        if self.second:
            path = "/api/v2/write"
            where = {"org": access.organisation or "", "bucket": f"{access.database}/{policy}", "precision": "us"}
        else:
            path, where = "/write", {"db": access.database, "rp": policy, "precision": "u"}
        try:
            await self._send(path, where, b"\n".join(lines), {})
        except _TooLargeError:
            if len(lines) == 1:
                raise InvalidError(f"InfluxDB at {self.shown} finds a single line too large") from None
            await self._write(policy, lines[: len(lines) // 2])
            await self._write(policy, lines[len(lines) // 2 :])

    async def _send(
        self, path: str, where: Mapping[str, str], body: bytes | Mapping[str, str], headers: Mapping[str, str]
    ) -> bytes:
        pause = self._limits.first_pause_s
        for attempt in range(1, self._limits.attempts + 1):
            try:
                return await self._once(path, where, body, headers)
            except AgainError:
                if attempt == self._limits.attempts:
                    raise
            await asyncio.sleep(pause)
            pause *= 2
        raise AssertionError("the last attempt returns or raises")

    async def _once(
        self, path: str, where: Mapping[str, str], body: bytes | Mapping[str, str], headers: Mapping[str, str]
    ) -> bytes:
        try:
            async with self._session().post(self.shown + path, params=where, data=body, headers=headers) as response:
                content = await response.read()
        except (self._aiohttp.ClientError, OSError, TimeoutError) as error:
            reason = f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
            raise AgainError(
                f"InfluxDB at {self.shown} cannot be reached: {reason}", cure="start it, or correct ANDON_INFLUX_URL"
            ) from error
        self._check(response.status, content)
        return content

    def _check(self, status: int, content: bytes) -> None:
        if status < 300:
            return
        said = _error_text(content)
        if status in (401, 403):
            raise UnavailableError(f"InfluxDB at {self.shown} refuses us: {said}", cure=_CREDENTIALS)
        if status == 413:
            raise _TooLargeError(said)
        if status == 429 or (status >= 500 and "not found" not in said):
            raise AgainError(f"InfluxDB at {self.shown} failed: {said}", cure="see its log, and the room on its disk")
        dropped = _DROPPED.search(said)
        if dropped:
            self.beyond_retention += int(dropped[1])
            logger.warning("InfluxDB did not take samples older than its retention", extra={"samples": dropped[1]})
            return
        raise self._refused(said)

    def _refused(self, said: str) -> Exception:
        if "not found" in said:
            return MissingError(f"InfluxDB at {self.shown}: {said}", cure="it is made again by itself; try again")
        if "field type conflict" in said:
            return InvalidError(
                f"InfluxDB at {self.shown} has a field of another type: {said}",
                cure="give Andon a database of its own: somebody else wrote into this one",
            )
        if "unable to parse" in said:
            return InvalidError(f"InfluxDB at {self.shown} cannot read a line: {said}")
        if "authorization" in said or "authorized" in said:
            return UnavailableError(f"InfluxDB at {self.shown} refuses us: {said}", cure=_CREDENTIALS)
        return UnavailableError(f"InfluxDB at {self.shown} refused: {said}", cure="see its log and its limits")

    def _session(self) -> aiohttp.ClientSession:
        if self._made is None:
            limits, http = self._limits, self._aiohttp
            self._made = http.ClientSession(
                headers=self._authorization,
                connector=http.TCPConnector(limit=limits.connections),
                timeout=http.ClientTimeout(limits.timeout_s, sock_connect=limits.connect_timeout_s),
            )
        return self._made


def _authorization(access: Access) -> dict[str, str]:
    if access.token is not None:
        return {"Authorization": f"Token {access.token}"}
    if not access.username:
        return {}
    pair = f"{access.username}:{access.password or ''}".encode()
    return {"Authorization": f"Basic {base64.b64encode(pair).decode()}"}


class _TooLargeError(Exception):
    """The request's body is over InfluxDB's limit."""


def _decoded(body: bytes) -> _Answer:
    try:
        return msgspec.msgpack.decode(body, type=_Answer)
    except msgspec.MsgspecError:
        pass
    try:
        return msgspec.json.decode(body, type=_Answer)
    except msgspec.MsgspecError as error:
        raise AgainError(f"InfluxDB gave an answer that cannot be read: {error}") from error


def _error_text(content: bytes) -> str:
    for decode in (msgspec.json.decode, msgspec.msgpack.decode):
        try:
            found = decode(content)
        except msgspec.MsgspecError:
            continue
        if isinstance(found, dict):
            return str(found.get("error") or found.get("message") or found)[:500]
    return content.decode(errors="replace")[:500]


def _load() -> Any:
    try:
        import aiohttp
    except ImportError as error:
        raise StartError(
            "history in InfluxDB needs aiohttp", field="influx_url", cure="pip install 'andon[influx]'"
        ) from error
    return aiohttp
