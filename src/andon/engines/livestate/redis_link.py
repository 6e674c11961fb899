"""How this process reaches Redis: the client, what counts as being away, and what may be shown of the address."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

from andon.kit.errors import StartError, UnavailableError
from andon.kit.outage import Outage

if TYPE_CHECKING:
    import redis
    import redis.asyncio

_SCHEMES: Final = ("redis", "rediss", "unix")
_CURE: Final = "write ANDON_REDIS_URL as redis://user:password@host:6379/0, or rediss:// for TLS"


def shown(url: str) -> str:
    """The address without user, password and options: fit for logs and error messages."""
    parts = urlsplit(url)
    host = parts.netloc.rpartition("@")[2]
    return f"{parts.scheme}://{host}{parts.path}"


class RedisLink:
    """One Redis by its URL. Every operation of its clients is bounded by `timeout_s` and never tried again by itself.

    `rediss://` is TLS; the client's own options may follow as a query, such as `?ssl_ca_certs=/etc/ssl/factory.pem`.
    """

    def __init__(self, url: str, timeout_s: float = 5.0) -> None:
        """StartError when the URL is none, or the client is not installed."""
        self._url = url
        self._timeout_s = timeout_s
        self._redis = _load()
        self.shown = shown(url)
        self.check()

    @property
    def away(self) -> tuple[type[Exception], ...]:
        """What clients raise when Redis cannot be reached, refuses the password, or has no room; and what says so.

        RuntimeError is what uvloop raises when a connection is written to that the other side has reset.
        """
        return (self._redis.RedisError, OSError, RuntimeError, UnavailableError)

    def check(self) -> None:
        """StartError unless the URL can be read. Nothing is connected."""
        try:
            if urlsplit(self._url).scheme not in _SCHEMES:
                raise ValueError("it is not redis://, rediss:// or unix://")
            self.blocking().close()
        except (ValueError, TypeError) as error:
            # The client's message may repeat the URL: only ours is shown.
            reason = str(error) if str(error).startswith("it is not") else "it cannot be read"
            raise StartError(f"the address of Redis: {reason}", field="redis_url", cure=_CURE) from None

    def client(self) -> redis.asyncio.Redis:
        """A client for the event loop; close it."""
        made: redis.asyncio.Redis = self._redis.asyncio.Redis.from_url(self._url, **self._options(asynchronous=True))
        return made

    def blocking(self) -> redis.Redis:
        """A client for another thread; close it."""
        made: redis.Redis = self._redis.Redis.from_url(self._url, **self._options(asynchronous=False))
        return made

    def _options(self, *, asynchronous: bool) -> Mapping[str, Any]:
        # Whoever uses the client knows better when to try again: two layers of retries would multiply their pauses.
        if asynchronous:
            from redis.asyncio.retry import Retry
        else:
            from redis.retry import Retry  # type: ignore[assignment]
        from redis.backoff import NoBackoff

        return {
            "socket_connect_timeout": self._timeout_s,
            "socket_timeout": self._timeout_s,
            "socket_keepalive": True,
            "retry": Retry(NoBackoff(), 0),
        }


def _load() -> Any:
    try:
        import redis
        import redis.asyncio
    except ImportError as error:
        raise StartError(
            "live state on Redis needs the redis client", field="redis_url", cure="pip install 'andon[redis]'"
        ) from error
    return redis


class RedisOutage(Outage):
    """Says once in the log that Redis is lost to somebody, and once that it is back."""

    def __init__(self, link: RedisLink, who: str, log: logging.Logger) -> None:
        super().__init__(log, "Redis is away", "Redis is back", redis=link.shown, who=who)

    def lost(self, error: BaseException) -> None:
        """It cannot be reached, or refuses."""
        self.begin(f"{type(error).__name__}: {error}"[:300])


class Pauses:
    """Waits longer with each failure, up to `longest_s`; after a while without one it begins anew."""

    def __init__(self, longest_s: float, first_s: float = 0.1) -> None:
        self._first_s, self._longest_s = first_s, longest_s
        self._next_s = first_s
        self._last = 0.0

    async def wait(self) -> None:
        """Wait after a failure."""
        if time.monotonic() - self._last > 2 * self._longest_s:
            self._next_s = self._first_s
        await asyncio.sleep(self._next_s)
        self._next_s = min(2 * self._next_s, self._longest_s)
        self._last = time.monotonic()
