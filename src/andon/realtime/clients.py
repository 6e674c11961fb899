"""One connected client, whatever it speaks: who it is, what it watches, how far behind it is."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Literal, Protocol

from andon.identity.model import Principal
from andon.kit.clock import now_us
from andon.realtime.subscriptions import Kind

if TYPE_CHECKING:
    from andon.realtime.fanout import Feed


class Outlet(Protocol):
    """The sending side of a connection. Nothing here waits for the network except `drained`."""

    def backlog(self) -> int:
        """Messages that the connection has not taken yet."""
        ...

    def send(self, messages: Sequence[Any]) -> None:
        """Queue messages."""
        ...

    async def drained(self) -> None:
        """Return when the queue is empty, or the connection is closed."""
        ...

    def end(self, code: str, message: str, cure: str) -> None:
        """Say why, as far as the client still listens, and close the connection."""
        ...


class Client:
    """State of one connection. `behind_since`: loop time since which it takes nothing; None while it keeps up."""

    def __init__(
        self,
        client_id: str,
        protocol: Literal["socketio", "websocket"],
        principal: Principal,
        token: str,
        outlet: Outlet,
    ) -> None:
        self.id = client_id
        self.protocol = protocol
        self.principal = principal
        self.token = token
        self.verified_at = now_us()
        self.outlet = outlet
        self.feeds: dict[Kind, Feed] = {}
        self.alerts = False
        self.system = False
        self.frames = False
        self.resume_from: int | None = None
        self.behind_since: float | None = None
        self.ended = False

    @property
    def organisation_id(self) -> str:
        """The only organisation whose data the client may see."""
        return self.principal.organisation_id

    def end(self, code: str, message: str, cure: str) -> None:
        """Close the connection, once."""
        if not self.ended:
            self.ended = True
            self.outlet.end(code, message, cure)
