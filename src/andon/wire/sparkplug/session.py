"""Both sides of a Sparkplug B session under one name: `HostSession` listens, `EdgeSession` speaks."""

from andon.wire.sparkplug.edge import Commands, EdgeSession
from andon.wire.sparkplug.host import Born, Data, Died, Event, HostSession, Ignored, RebirthWanted, SessionLimits

__all__ = [
    "Born",
    "Commands",
    "Data",
    "Died",
    "EdgeSession",
    "Event",
    "HostSession",
    "Ignored",
    "RebirthWanted",
    "SessionLimits",
]
