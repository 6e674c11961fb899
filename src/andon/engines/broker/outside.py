"""A broker that somebody else runs: Mosquitto, EMQX, or Andon's own in another process."""

from __future__ import annotations

from andon.engines.broker.address import BrokerAddress
from andon.engines.broker.monitor import BrokerStats


class OutsideBroker:
    """Stands where `EmbeddedBroker` does, and has nothing to start, watch or measure."""

    state = "running"
    restarts = 0
    pid = None

    def __init__(self, address: BrokerAddress) -> None:
        self.address = address

    async def start(self) -> None:
        """It runs already; connections wait for it if it does not."""

    async def stop(self) -> None:
        """It is not ours to stop."""

    async def stats(self) -> BrokerStats | None:
        """It does not tell."""
        return None
