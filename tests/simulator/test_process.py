"""`python -m andon.simulator` as its own process."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
from asyncio.subprocess import PIPE, Process
from pathlib import Path
from typing import Any

from simulator.mqtt_broker import PASSWORD, PATIENCE_S, USER, Broker, eventually


async def spawn(environment: dict[str, str], *arguments: str) -> Process:
    clean = {name: value for name, value in os.environ.items() if not name.startswith("ANDON_")}
    return await asyncio.create_subprocess_exec(
        sys.executable, "-m", "andon.simulator", *arguments, env=clean | environment, stderr=PIPE
    )


async def health(port: int) -> dict[str, Any]:
    try:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
    except OSError:
        return {}
    writer.write(b"GET /health HTTP/1.1\r\nHost: x\r\n\r\n")
    answer = await reader.read()
    writer.close()
    body: dict[str, Any] = json.loads(answer.partition(b"\r\n\r\n")[2])
    return body


async def test_it_runs_reports_its_health_and_ends_on_sigterm(broker: Broker, observe: Any, free_port: int) -> None:
    observer = await observe("#")
    process = await spawn(
        {
            "ANDON_SIM_BROKER_PORT": str(broker.port),
            "ANDON_SIM_BROKER_USERNAME": USER,
            "ANDON_SIM_BROKER_PASSWORD": PASSWORD,
            "ANDON_SIM_HEALTH_PORT": str(free_port),
            "ANDON_SIM_LOOMS": "2",
        }
    )
    try:
        for topic in ("factory-plus/devices/device-003/data", "kaldor/loom/loom-002/bbw/raw"):
            await eventually(lambda topic=topic: observer.of(topic))
        async with asyncio.timeout(PATIENCE_S):
            while (report := await health(free_port)).get("status") != "healthy":  # noqa: ASYNC110  another process
                await asyncio.sleep(0.02)
        assert report["brokerConnected"] is True
        assert report["dependencies"]["mqtt"]["connections"] == 8
        assert report["metrics"]["published"] > 0
        process.send_signal(signal.SIGTERM)
        assert await asyncio.wait_for(process.wait(), 10) == 0
    finally:
        if process.returncode is None:
            process.kill()
    assert process.stderr is not None
    log = (await process.stderr.read()).decode()
    assert "the plant has stopped" in log
    assert PASSWORD not in log
    await eventually(lambda: json.loads(observer.of("kaldor/loom/loom-002/status")[-1])["status"] == "offline")


async def test_a_wrong_configuration_ends_with_one_line_and_code_2(tmp_path: Path) -> None:
    config = tmp_path / "plant.toml"
    config.write_text("anomaly_rate = 7")
    process = await spawn({}, "--config", str(config))
    _, error = await asyncio.wait_for(process.communicate(), 20)
    assert process.returncode == 2
    (line,) = error.decode().splitlines()
    assert "anomaly_rate" in line and "Cure:" in line


async def test_a_taken_health_port_ends_with_one_line_and_code_2() -> None:
    server = await asyncio.start_server(lambda _reader, writer: writer.close(), "127.0.0.1", 0)
    async with server:
        port = server.sockets[0].getsockname()[1]
        process = await spawn({"ANDON_SIM_HEALTH_PORT": str(port), "ANDON_SIM_LOG_LEVEL": "error"})
        _, error = await asyncio.wait_for(process.communicate(), 20)
    assert process.returncode == 2
    (line,) = error.decode().splitlines()
    assert str(port) in line and "Cure:" in line


async def test_without_a_broker_it_waits_and_still_ends_on_sigterm(free_port: int) -> None:
    process = await spawn(
        {"ANDON_SIM_BROKER_PORT": "1", "ANDON_SIM_HEALTH_PORT": str(free_port), "ANDON_SIM_LOOMS": "1"}
    )
    try:
        report: dict[str, Any] = {}
        while not report:
            report = await health(free_port)
        assert (report["status"], report["brokerConnected"]) == ("degraded", False)
        process.send_signal(signal.SIGTERM)
        assert await asyncio.wait_for(process.wait(), 10) == 0
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
