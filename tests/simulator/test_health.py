from __future__ import annotations

import asyncio
import json

import pytest

from andon.kit.errors import StartError
from andon.simulator.health import health_endpoint


async def ask(port: int, request: bytes) -> tuple[int, dict[str, object]]:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(request)
    answer = await asyncio.wait_for(reader.read(), 10)
    writer.close()
    head, _, body = answer.partition(b"\r\n\r\n")
    return int(head.split()[1]), json.loads(body)


@pytest.mark.parametrize(
    ("request_head", "status"),
    [
        (b"GET /health HTTP/1.1\r\nHost: x\r\n\r\n", 200),
        (b"GET /health?verbose=1 HTTP/1.1\r\n\r\n", 200),
        (b"GET / HTTP/1.1\r\n\r\n", 404),
        (b"POST /health HTTP/1.1\r\n\r\n", 405),
        (b"nonsense\r\n\r\n", 400),
        (b"GET /health HTTP/1.1\r\n" + b"X: y\r\n" * 5_000 + b"\r\n", 400),
    ],
)
async def test_only_health_is_answered(request_head: bytes, status: int) -> None:
    async with health_endpoint("127.0.0.1", 0, lambda: {"status": "healthy"}) as port:
        try:
            answered, body = await ask(port, request_head)
        except ConnectionError:
            assert len(request_head) > 8_192, "only a request that is cut off may end in a reset"
            return
    assert answered == status
    assert body == {"status": "healthy"} if status == 200 else "error" in body


async def test_a_taken_port_is_named_with_its_cure() -> None:
    async with health_endpoint("127.0.0.1", 0, dict) as port:
        with pytest.raises(StartError, match=str(port)) as caught:
            async with health_endpoint("127.0.0.1", port, dict):
                raise AssertionError("the port was taken")
    assert caught.value.field == "health_port"
    assert caught.value.cure and "ANDON_SIM_HEALTH_PORT" in caught.value.cure
