"""What is checked before anything starts: password, data folder and ports. Each failure is one clear line."""

from __future__ import annotations

import errno
import fcntl
import os
import socket
from pathlib import Path
from typing import IO

from andon.app.settings import Settings
from andon.engines.broker import ports
from andon.identity.passwords import check_password
from andon.kit.errors import InvalidError, StartError

LOCK_NAME = "andon.lock"
_OPTIONS = {"port": "--port or ", "mqtt_port": "--mqtt-port or "}
"""Only `andon up` has them, and only these: a port of a role is a setting."""


def check_admin_password(settings: Settings) -> None:
    """StartError when the chosen password of `admin` cannot be accepted."""
    chosen = settings.admin_password.get_secret_value() if settings.admin_password else ""
    if not chosen:
        return
    try:
        check_password(chosen)
    except InvalidError as error:
        raise StartError(
            f"setting admin_password: {error.message}",
            field="admin_password",
            cure="choose another ANDON_ADMIN_PASSWORD, or leave it out: one is generated then",
        ) from error


def claim_data_dir(path: Path) -> IO[str]:
    """Make the folder if needed and lock it for this process; the lock lasts as long as the returned file is open."""
    try:
        path.mkdir(parents=True, exist_ok=True)
        lock = (path / LOCK_NAME).open("a+")
    except OSError as error:
        raise StartError(
            f"data folder {path} is not writable ({error.strerror})",
            field="data_dir",
            cure="choose another folder with --data-dir, or change its owner",
        ) from error
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        lock.seek(0)
        owner = lock.read().strip() or "unknown"
        lock.close()
        raise StartError(
            f"data folder {path} is in use by another Andon (process {owner})",
            field="data_dir",
            cure="stop that one, or choose another folder with --data-dir",
        ) from error
    lock.truncate(0)
    lock.write(str(os.getpid()))
    lock.flush()
    return lock


def bind(host: str, port: int, *, setting: str) -> socket.socket:
    """A listening socket's address, claimed now, so that a taken port is found before anything runs."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    sock = socket.socket(family, socket.SOCK_STREAM)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        sock.bind((host, port))
    except OSError as error:
        sock.close()
        raise StartError(_why_not(error, host, port), field=setting, cure=_cure(error, setting)) from error
    return sock


def _why_not(error: OSError, host: str, port: int) -> str:
    if error.errno == errno.EADDRINUSE:
        return f"port {port} on {host} is already taken"
    return f"cannot listen on {host}:{port} ({error.strerror})"


def _cure(error: OSError, setting: str) -> str:
    option = _OPTIONS.get(setting, "") + f"ANDON_{setting.upper()}"
    if error.errno == errno.EADDRINUSE:
        return f"stop the program that holds it, or choose another with {option}"
    return f"choose another address with --host, or another port with {option}"


def free_port(host: str, port: int, *, setting: str) -> int:
    """Check that a child process will be able to listen on the port; 0 picks a free one."""
    if port == 0:
        return ports.free_port(host)
    sock = bind(host, port, setting=setting)
    with sock:
        return int(sock.getsockname()[1])
