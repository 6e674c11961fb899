"""Redis, with its append-only file so that a crash keeps what it had."""

from __future__ import annotations

import socket

from support.servers.base import LOOPBACK, Server, find


class Redis(Server):
    """`redis-server`."""

    name = "redis"

    @property
    def url(self) -> str:
        return f"redis://{LOOPBACK}:{self.port}/0"

    def command(self) -> list[str]:
        program = find("redis-server", package="redis-server")
        address = ["--bind", LOOPBACK, "--port", str(self.port), "--dir", str(self.folder)]
        return [program, *address, "--save", "", "--appendonly", "yes", "--daemonize", "no"]

    def answers(self) -> bool:
        if not super().answers():
            return False
        with socket.create_connection((LOOPBACK, self.port), timeout=5) as link:
            link.sendall(b"PING\r\n")
            return link.recv(64).startswith(b"+PONG")
