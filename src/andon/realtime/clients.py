"""Connected clients, whatever they speak: who they are, what they watch, how far behind they are."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from andon.identity.model import Principal
from andon.kit.clock import now_us
from andon.realtime.subscriptions import Kind, Selection


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


class Audience:
    """The clients that watch exactly the same: what is made for one serves all."""

    def __init__(self, selection: Selection, tags: NDArray[np.int32]) -> None:
        self.selection = selection
        self.tags = tags
        self.feeds: dict[Feed, None] = {}
        self.due = 0.0
        self.timer: asyncio.TimerHandle | None = None

    def cancel(self) -> None:
        """Forget the planned delivery."""
        if self.timer is not None:
            self.timer.cancel()
            self.timer = None


@dataclass(slots=True, eq=False)
class Feed:
    """One client's share in an audience. It has seen all changes up to `seen`; `held` while it catches up."""

    client: Client
    audience: Audience
    seen: int
    held: bool = False
