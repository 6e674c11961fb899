"""What every kind of simulated machine offers to the service."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from andon.simulator.link import Link


class Publisher(Protocol):
    """A kind of machine that lives and publishes until `run` is cancelled."""

    kind: str
    messages: int
    """Measurements made since the start, whether or not the broker was there."""

    @property
    def links(self) -> Sequence[Link]:
        """Its connections, to be run beside it."""

    async def run(self) -> None:
        """Measure and publish."""

    def farewell(self) -> None:
        """Say, in the format's own way, that this is a planned end."""
