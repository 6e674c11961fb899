"""What all engines' processes have in common."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Any, ClassVar, Self, TypeVar

from andon.engines.broker.child import die_with_parent
from andon.engines.broker.ports import free_port

LOOPBACK = "127.0.0.1"
STOP_S = 30.0


class MissingEngineError(RuntimeError):
    """The engine is not installed on this machine; the text says what is missing."""


def find(*names: str, package: str) -> str:
    """The first of the programs that is installed. MissingEngineError names the Debian package."""
    path = os.pathsep.join((os.environ.get("PATH", ""), "/usr/sbin", "/usr/local/sbin"))
    for name in names:
        found = shutil.which(name, path=path)
        if found:
            return found
    raise MissingEngineError(f"{' or '.join(names)} is not installed (Debian: {package})")


class Server:
    """One engine's process. `folder` keeps its data, its configuration and its output."""

    name: ClassVar[str]
    everywhere: ClassVar[bool] = True
    """Whether it can be had on every machine: tests that need it then fail where all engines are required."""
    start_s: ClassVar[float] = 60.0
    stop_signal: ClassVar[signal.Signals] = signal.SIGTERM

    def __init__(self, folder: Path, port: int | None = None) -> None:
        self.folder = folder
        self.port = port or free_port()
        self.process: subprocess.Popen[bytes] | None = None
        self.owned = False
        """Ends when the thread does that started it, and hears nothing of a Ctrl-C at the terminal but `stop`."""

    # What an engine fills in

    @property
    def url(self) -> str:
        """As the setting of Andon wants it."""
        raise NotImplementedError

    def prepare(self) -> None:
        """Make folder and configuration; called before each start. MissingEngineError when it cannot run here."""

    def command(self) -> list[str]:
        """Program and arguments."""
        raise NotImplementedError

    def options(self) -> Mapping[str, Any]:
        """More arguments for Popen."""
        return {}

    def answers(self) -> bool:
        """Whether it serves."""
        return self.occupied()

    # Life

    def occupied(self) -> bool:
        """Whether somebody listens on its port already."""
        with socket.socket() as probe:
            return probe.connect_ex((LOOPBACK, self.port)) == 0

    @property
    def alive(self) -> bool:
        """Whether its process runs."""
        return self.process is not None and self.process.poll() is None

    @property
    def pid(self) -> int:
        """Process id; RuntimeError when it does not run."""
        if self.process is None:
            raise RuntimeError(f"{self.name} does not run")
        return self.process.pid

    def start(self) -> Self:
        """Start and wait until it serves; after a crash it takes up its data."""
        self.folder.mkdir(parents=True, exist_ok=True)
        self.prepare()
        bound = {"start_new_session": True, "preexec_fn": die_with_parent()} if self.owned else {}
        with self.log_path.open("ab") as log:
            self.process = subprocess.Popen(
                self.command(),
                stdout=log,
                stderr=subprocess.STDOUT,
                stdin=subprocess.DEVNULL,
                **self.options(),
                **bound,
            )
        deadline = time.monotonic() + self.start_s
        while not self.answers():
            if self.process.poll() is not None or time.monotonic() > deadline:
                code = self.process.poll()
                self.kill()
                said = self.log_path.read_text(errors="replace")[-3000:]
                raise RuntimeError(f"{self.name} did not start (exit code {code}):\n{said}")
            time.sleep(0.05)
        return self

    def stop(self) -> None:
        """Ask it to end, and wait for it."""
        if self.process is None:
            return
        if self.process.poll() is None:
            self.process.send_signal(self.stop_signal)
        try:
            self.process.wait(STOP_S)
        except subprocess.TimeoutExpired:
            self.kill()
        self.process = None

    def kill(self) -> None:
        """End it at once, as a crash would."""
        if self.process is not None:
            self.process.kill()
            self.process.wait()
            self.process = None

    def suspend(self) -> None:
        """Have it stand still: connections stay, nothing is answered."""
        os.kill(self.pid, signal.SIGSTOP)

    def resume(self) -> None:
        """Let it go on after `suspend`."""
        os.kill(self.pid, signal.SIGCONT)

    @property
    def log_path(self) -> Path:
        """What it printed."""
        return self.folder / f"{self.name}.out"

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self.process is not None and self.process.poll() is None:
            os.kill(self.pid, signal.SIGCONT)
        self.stop()


S = TypeVar("S", bound=Server)


@contextmanager
def running(kind: type[S], folder: Path | None = None, **options: Any) -> Iterator[S]:
    """A running engine, in a temporary folder unless one is given. MissingEngineError when it is not installed."""
    # Not pytest's folder: root keeps that to itself, and PostgreSQL runs as another user.
    own = Path(tempfile.mkdtemp(prefix=f"andon-{kind.name}-")) if folder is None else folder
    server = kind(own, **options)
    try:
        yield server.start()
    finally:
        server.__exit__(None, None, None)
        if folder is None:
            shutil.rmtree(own, ignore_errors=True)
