#!/usr/bin/env python3
"""Make the passwords that compose.yaml needs, once, in the folder `secrets` beside it.

Usage: python3 make_secrets.py [FOLDER]. What is there already stays; remove a file to have it made anew, all of them
together, for they repeat each other's passwords.
"""

from __future__ import annotations

import base64
import hashlib
import os
import secrets
import sys
from pathlib import Path

_ROUNDS = 101  # mosquitto_passwd's own


def hashed(password: str) -> str:
    """As Mosquitto's password file holds it: PBKDF2 with SHA-512."""
    salt = os.urandom(12)
    key = hashlib.pbkdf2_hmac("sha512", password.encode(), salt, _ROUNDS)
    return f"$7${_ROUNDS}${base64.b64encode(salt).decode()}${base64.b64encode(key).decode()}"


def contents() -> dict[str, str]:
    """The text of each file, with new passwords."""
    database, redis, andon, device = (secrets.token_urlsafe(24) for _ in range(4))
    return {
        "postgres.env": f"POSTGRES_PASSWORD={database}\n",
        "redis.conf": f"include /etc/redis/redis.conf\nrequirepass {redis}\n",
        "mosquitto.passwords": f"andon:{hashed(andon)}\ndevice:{hashed(device)}\n",
        "andon.env": "\n".join(
            (
                f"ANDON_DATABASE_URL=postgresql://andon:{database}@postgres:5432/andon",
                f"ANDON_REDIS_URL=redis://:{redis}@redis:6379/0",
                f"ANDON_MQTT_URL=mqtt://andon:{andon}@mosquitto:1883",
                "ANDON_MQTT_DEVICE_USERNAME=device",
                f"ANDON_MQTT_DEVICE_PASSWORD={device}",
                f"ANDON_ADMIN_PASSWORD={secrets.token_urlsafe(12)}",
                "",
            )
        ),
    }


def main() -> int:
    """Write the files. Exit code 1 when some are there and others are not."""
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).resolve().parent / "secrets"
    files = contents()
    there = [name for name in files if (folder / name).exists()]
    if there:
        missing = sorted(set(files) - set(there))
        print(
            f"{folder} has {', '.join(there)}" + (f", but not {', '.join(missing)}" if missing else ": nothing to do")
        )
        return bool(missing)
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    for name, text in files.items():
        (folder / name).write_text(text)
        # The folder is closed; in their containers other users must be able to read what is mounted.
        (folder / name).chmod(0o644)
    print(f"made {', '.join(files)} in {folder}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
