"""An engine that is away, or too busy, is an UnavailableError, whichever call notices it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError

from andon.kit.errors import UnavailableError

_STANDBY: Final = ("25006", "0A000")
"""SQLSTATEs of a write on a standby, in a transaction and at its beginning: after a failover the old address may still
answer.
"""


@contextmanager
def outage_named(pool_size: int) -> Iterator[None]:
    """Raise UnavailableError for what passes by itself, so that callers wait instead of failing."""
    try:
        yield
    except PoolTimeoutError as error:
        raise UnavailableError(
            f"all {pool_size} connections to the database are in use",
            cure="try again; raise database_pool_size if it lasts",
        ) from error
    except DBAPIError as error:
        if not _passes(error):
            raise
        raise UnavailableError(
            f"the database is away or busy: {in_one_line(error)}",
            cure="see that it is running and its disk has room; it is tried again",
        ) from error


def _passes(error: DBAPIError) -> bool:
    if isinstance(error, (OperationalError, InterfaceError)) or error.connection_invalidated:
        return True
    return getattr(error.orig, "sqlstate", None) in _STANDBY


def in_one_line(error: DBAPIError) -> str:
    """What the driver says, which may be a line for each address of a host."""
    return " ".join(str(error.orig).split()) or type(error.orig).__name__
