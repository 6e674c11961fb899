"""Mosquitto, which anybody on the loopback may use; it keeps sessions and retained messages over a stop."""

from __future__ import annotations

import os

from support.servers.base import LOOPBACK, Server, find


class Mosquitto(Server):
    """`mosquitto`."""

    name = "mosquitto"

    @property
    def url(self) -> str:
        return f"mqtt://{LOOPBACK}:{self.port}"

    def prepare(self) -> None:
        find("mosquitto", package="mosquitto")
        lines = [
            f"listener {self.port} {LOOPBACK}",
            "allow_anonymous true",
            "persistence true",
            f"persistence_location {self.folder}/",
            "autosave_interval 1",
            "max_queued_messages 0",
            # Started by root it would become another user, who may not write here.
            *(["user root"] if os.geteuid() == 0 else []),
        ]
        (self.folder / "mosquitto.conf").write_text("\n".join(lines) + "\n")

    def command(self) -> list[str]:
        return [find("mosquitto", package="mosquitto"), "-c", str(self.folder / "mosquitto.conf")]
