"""An MQTT publisher on a bare socket, for tests that kill what it talks to: it knows exactly what was acknowledged."""

from __future__ import annotations

import contextlib
import socket
import threading
from types import TracebackType

from support.running import RunningAndon

_PACKET_IDS = 65_535


def _length(size: int) -> bytes:
    out = bytearray()
    while True:
        size, digit = divmod(size, 128)
        out.append(digit | (0x80 if size else 0))
        if not size:
            return bytes(out)


def _text(value: str) -> bytes:
    data = value.encode()
    return len(data).to_bytes(2, "big") + data


class Publisher:
    """Publishes from any one thread. `acknowledged` holds the labels of the QoS 1 messages the broker took over.

    OSError (ConnectionError) once the connection is gone.
    """

    def __init__(self, port: int, username: str, password: str, client_id: str) -> None:
        self.acknowledged: list[object] = []
        self._labels: dict[int, object] = {}
        self._next_id = 0
        self._gone = threading.Event()
        self._progress = threading.Condition()
        self._socket = socket.create_connection(("127.0.0.1", port), 10)
        body = _text("MQTT") + b"\x04\xc2\x00\x3c" + _text(client_id) + _text(username) + _text(password)
        self._socket.sendall(b"\x10" + _length(len(body)) + body)
        answer = self._socket.recv(4, socket.MSG_WAITALL)
        if answer != b"\x20\x02\x00\x00":
            raise ConnectionError(f"the broker answered {answer!r}")
        self._socket.settimeout(None)
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    @classmethod
    def of(cls, andon: RunningAndon, client_id: str = "publisher") -> Publisher:
        """Connected as the device user."""
        access = andon.device_credentials()
        return cls(andon.mqtt_port, access["username"], access["password"], client_id)

    def send(self, topic: str, payload: bytes, *, label: object = None, window: int = 200) -> None:
        """QoS 1 when there is a label, QoS 0 without; waits while `window` messages are unacknowledged."""
        if self._gone.is_set():
            raise ConnectionError("the connection is gone")
        if label is None:
            body = _text(topic) + payload
            self._socket.sendall(b"\x30" + _length(len(body)) + body)
            return
        self._wait_below(window)
        self._next_id = self._next_id % _PACKET_IDS + 1
        self._labels[self._next_id] = label
        body = _text(topic) + self._next_id.to_bytes(2, "big") + payload
        self._socket.sendall(b"\x32" + _length(len(body)) + body)

    def wait_acknowledged(self) -> None:
        """Until everything is acknowledged."""
        self._wait_below(1)

    def close(self) -> None:
        """Leave; what was sent before arrives."""
        with contextlib.suppress(OSError):
            self._socket.sendall(b"\xe0\x00")
        with contextlib.suppress(OSError):
            self._socket.shutdown(socket.SHUT_WR)
        self._reader.join(10)
        self._socket.close()

    def __enter__(self) -> Publisher:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _wait_below(self, window: int) -> None:
        with self._progress:
            while len(self._labels) >= window and not self._gone.is_set():
                if not self._progress.wait(20):
                    raise AssertionError(f"{len(self._labels)} messages are not acknowledged after 20 s")
        if self._labels and self._gone.is_set():
            raise ConnectionError("the connection is gone")

    def _read(self) -> None:
        """PUBACKs are four bytes each; nothing else comes on this connection."""
        data = b""
        with contextlib.suppress(OSError):
            while chunk := self._socket.recv(1 << 16):
                data += chunk
                whole = len(data) // 4 * 4
                with self._progress:
                    for at in range(0, whole, 4):
                        self.acknowledged.append(self._labels.pop(int.from_bytes(data[at + 2 : at + 4], "big")))
                    self._progress.notify_all()
                data = data[whole:]
        self._gone.set()
        with self._progress:
            self._progress.notify_all()
