"""Mosquitto as the documentation has it, but that anybody on the loopback may use it."""

from __future__ import annotations

import os
import re
from pathlib import Path

from support.servers.base import LOOPBACK, Server, find

PAGE = Path(__file__).parents[3] / "docs" / "how-to" / "run-on-mosquitto.md"
_OWN = ("listener", "allow_anonymous", "password_file", "persistence_location")


def documented() -> list[str]:
    """The lines of its configuration that people are told to write."""
    (block,) = re.findall(r"```conf\n(.*?)```", PAGE.read_text(), re.DOTALL)
    return [line.strip() for line in block.splitlines()]


class Mosquitto(Server):
    """`mosquitto`."""

    name = "mosquitto"

    @property
    def url(self) -> str:
        return f"mqtt://{LOOPBACK}:{self.port}"

    @property
    def database(self) -> Path:
        """The file that it writes sessions and messages to."""
        return self.folder / "mosquitto.db"

    def prepare(self) -> None:
        find("mosquitto", package="mosquitto")
        lines = [
            f"listener {self.port} {LOOPBACK}",
            "allow_anonymous true",
            f"persistence_location {self.folder}/",
            *(line for line in documented() if not line.startswith(_OWN)),
            # Started by root it would become another user, who may not write here.
            *(["user root"] if os.geteuid() == 0 else []),
        ]
        (self.folder / "mosquitto.conf").write_text("\n".join(lines) + "\n")

    def command(self) -> list[str]:
        return [find("mosquitto", package="mosquitto"), "-c", str(self.folder / "mosquitto.conf")]
