"""Ports for child processes that listen by themselves."""

from __future__ import annotations

import random
import socket
from pathlib import Path

from andon.kit.errors import StartError

_LOWEST = 10_240
_RANGE_FILE = Path("/proc/sys/net/ipv4/ip_local_port_range")
_USUAL_FIRST_EPHEMERAL = 32_768
_TRIES = 200


def free_port(host: str = "127.0.0.1") -> int:
    """A port that nobody holds now, and that no outgoing connection is given before the child listens on it.

    The kernel's own choice (port 0) comes from the range of which every outgoing connection takes one, so that
    between asking and listening it may be gone. StartError when no port can be had on the host.
    """
    why = ""
    for port in random.sample(range(_LOWEST, _first_ephemeral()), _TRIES):
        try:
            with socket.create_server((host, port), family=_family(host)):
                return port
        except OSError as error:
            why = error.strerror or str(error)
    raise StartError(f"no free port on {host} ({why})", field="host", cure="choose an address of this machine")


def _family(host: str) -> socket.AddressFamily:
    return socket.AF_INET6 if ":" in host else socket.AF_INET


def _first_ephemeral() -> int:
    try:
        first = int(_RANGE_FILE.read_text().split()[0])
    except (OSError, ValueError, IndexError):
        return _USUAL_FIRST_EPHEMERAL
    return first if first - _LOWEST >= _TRIES else _USUAL_FIRST_EPHEMERAL
