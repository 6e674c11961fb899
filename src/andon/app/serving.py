"""Web servers on the plant's own loop: one for the front door, or one for each role that runs here."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator, Iterator

import uvicorn

from andon.app.role_web import Asgi

HTTP_SHUTDOWN_S = 2
# Longer than clients and proxies keep an idle connection (mostly 5 to 60 s): whoever closes it first may cut off a
# request that is on its way, and a server that is busy just then does so even to one that came in time.
HTTP_KEEP_ALIVE_S = 75


class QuietServer(uvicorn.Server):
    """uvicorn without signal handlers of its own: the roles around it end with it, in order."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Leave the signals to `stop_on_signals`."""
        yield


@contextlib.asynccontextmanager
async def serving(app: Asgi, listening: socket.socket) -> AsyncIterator[asyncio.Task[None]]:
    """Serve while the block runs; the task ends by itself only when the server fails."""
    server = QuietServer(_config(app))
    task = asyncio.create_task(server.serve(sockets=[listening]))
    try:
        await _until_listening(server, task)
        yield task
    finally:
        server.should_exit = True
        await task


def _config(app: Asgi) -> uvicorn.Config:
    return uvicorn.Config(
        app,
        http="httptools",
        ws="websockets-sansio",
        lifespan="off",
        log_config=None,
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=HTTP_SHUTDOWN_S,
        timeout_keep_alive=HTTP_KEEP_ALIVE_S,
        ws_ping_interval=20,
        ws_ping_timeout=20,
    )


async def _until_listening(server: uvicorn.Server, task: asyncio.Task[None]) -> None:
    while not server.started:
        await asyncio.wait({task}, timeout=0.01)
        if task.done():
            task.result()
            raise RuntimeError("the web server ended before it listened")
