"""What a person reads after the start: where to go, how to sign in, where the data lies."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from andon.app.plant import Plant


def show_banner(plant: Plant) -> None:
    """Print it to standard output; the generated password is shown this once and kept nowhere."""
    settings = plant.settings
    shown_host = "localhost" if settings.host in ("127.0.0.1", "0.0.0.0", "::", "::1") else settings.host  # noqa: S104
    lines = [
        "",
        f"  Andon is running   http://{shown_host}:{settings.port}",
        f"  Sign in            {_sign_in(plant)}",
        f"  MQTT broker        {settings.host}:{settings.mqtt_port}   (user and password: `andon mqtt-credentials`)",
        f"  Data               {settings.data_dir.resolve()}",
        "  Stop               Ctrl-C",
        "",
    ]
    sys.stdout.write("\n".join(lines) + "\n")
    sys.stdout.flush()


def show_addresses(urls: Mapping[str, str], password: str | None = None) -> None:
    """The same of a process that runs some of the roles: where each of them is."""
    lines = [f"  Andon {role:<11} {url}" for role, url in urls.items()]
    if password:
        lines.append(f"  Sign in           admin / {password}   (generated, shown only now)")
    sys.stdout.write("\n".join(["", *lines, "  Stop              Ctrl-C", ""]) + "\n")
    sys.stdout.flush()


def _sign_in(plant: Plant) -> str:
    if plant.generated_password:
        return f"admin / {plant.generated_password}   (generated, shown only now)"
    return "admin, with the password chosen at the first start (`andon user set-password admin` sets a new one)"
