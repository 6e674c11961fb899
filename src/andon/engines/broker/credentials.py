"""Who may use the broker: generated users, kept in one file that only the owner can read."""

from __future__ import annotations

import json
import os
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from andon.kit.errors import StartError

FILE_NAME = "mqtt-credentials.json"
SERVER, SIMULATOR, DEVICE = "server", "simulator", "device"


@dataclass(frozen=True, slots=True)
class Grant:
    """MQTT filters that a user may publish to and subscribe to; None means everything."""

    publish: tuple[str, ...] | None
    subscribe: tuple[str, ...] | None


# A device may report and receive what is addressed to devices; it may not command others, and it may
# not pretend to be the host application.
_REPORTS = (
    "factory-plus/devices/+/data",
    "factory-plus/devices/+/status",
    "kaldor/loom/+/bbw/raw",
    "kaldor/loom/+/status",
    *(f"spBv1.0/+/{kind}/#" for kind in ("NBIRTH", "NDATA", "NDEATH", "DBIRTH", "DDATA", "DDEATH")),
)
_ORDERS = (
    "factory-plus/devices/+/commands",
    "factory-plus/devices/+/config",
    "kaldor/loom/+/config",
    "spBv1.0/+/NCMD/#",
    "spBv1.0/+/DCMD/#",
    "spBv1.0/STATE/#",
)

GRANTS: Mapping[str, Grant] = {
    SERVER: Grant(None, None),
    SIMULATOR: Grant(_REPORTS, _ORDERS),
    DEVICE: Grant(_REPORTS, _ORDERS),
}


@dataclass(frozen=True, slots=True)
class Credentials:
    """Password of each broker user."""

    passwords: Mapping[str, str]

    def password(self, user: str) -> str:
        """Password of `user`; KeyError when there is no such user."""
        return self.passwords[user]

    def __repr__(self) -> str:
        return f"Credentials(users={sorted(self.passwords)})"

    @staticmethod
    def load_or_create(data_dir: Path) -> Credentials:
        """Read the users' passwords from the data folder; those that are missing are generated and kept.

        StartError when the file cannot be read or written.
        """
        path = data_dir / FILE_NAME
        try:
            known = _read(path)
            missing = [user for user in GRANTS if user not in known]
            if missing:
                known |= {user: secrets.token_urlsafe(24) for user in missing}
                _write(path, known)
        except (OSError, ValueError) as error:
            raise StartError(
                f"MQTT credentials {path} cannot be used: {error}",
                cure="correct the file, or remove it and give the devices the new passwords",
            ) from error
        return Credentials(known)


def _read(path: Path) -> dict[str, str]:
    if not path.exists():
        return {}
    found = json.loads(path.read_text("utf-8"))
    if not isinstance(found, dict) or not all(isinstance(v, str) and v for v in found.values()):
        raise ValueError("it is not a map of user to password")
    return found


def _write(path: Path, passwords: Mapping[str, str]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    write_private(path, json.dumps(dict(passwords), indent=2) + "\n")


def write_private(path: Path, text: str) -> None:
    """Replace a file whole, readable by its owner only from the first moment on."""
    draft = path.with_name(path.name + ".new")
    draft.unlink(missing_ok=True)
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    draft.replace(path)
