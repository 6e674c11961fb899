"""The broker as a child process: it starts ready, comes back when it dies, and never outlives its parent."""

from __future__ import annotations

import os
import signal
import socket
import stat
import subprocess
import sys
import textwrap
from pathlib import Path

import psutil
import pytest

from andon.engines.broker import probe
from andon.engines.broker.config import BrokerConfig, render, to_subject
from andon.engines.broker.credentials import Credentials
from andon.engines.broker.embedded import EmbeddedBroker
from andon.kit.errors import StartError

from .conftest import Clients, Inbox


async def test_it_accepts_connections_as_soon_as_start_returns(broker: EmbeddedBroker) -> None:
    assert broker.state == "running"
    assert await probe.accepts("127.0.0.1", broker.port, "server", broker.credentials.password("server"))


async def test_nobody_enters_without_the_right_password(broker: EmbeddedBroker) -> None:
    assert not await probe.accepts("127.0.0.1", broker.port, "server", "wrong")
    assert not await probe.accepts("127.0.0.1", broker.port, "", "")


async def test_it_listens_on_the_loopback_only(broker: EmbeddedBroker) -> None:
    assert broker.pid is not None
    listening = [c for c in psutil.Process(broker.pid).net_connections() if c.status == psutil.CONN_LISTEN]
    assert listening
    assert {c.laddr.ip for c in listening} == {"127.0.0.1"}


async def test_stop_leaves_no_process_and_frees_the_port(tmp_path: Path) -> None:
    broker = EmbeddedBroker(BrokerConfig(tmp_path, port=0))
    await broker.start()
    pid = broker.pid
    await broker.stop()
    assert pid is not None and not psutil.pid_exists(pid)
    assert broker.state == "stopped"
    socket.create_server(("127.0.0.1", broker.port)).close()


async def test_a_taken_port_is_one_clear_error(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        broker = EmbeddedBroker(BrokerConfig(tmp_path, port=taken.getsockname()[1]))
        with pytest.raises(StartError, match="MQTT broker"):
            await broker.start()
    assert broker.pid is None


@pytest.mark.failure
async def test_a_killed_broker_is_started_again_and_messages_flow(broker: EmbeddedBroker, clients: Clients) -> None:
    inbox = Inbox()
    await clients.connect("receiver", inbox, subscriptions=[("factory-plus/devices/+/data", 1)])
    sender = await clients.connect("sender")
    sender.publish("factory-plus/devices/a/data", b"before", qos=1)
    await inbox.wait_for(1)
    first = broker.pid
    assert first is not None
    os.kill(first, signal.SIGKILL)
    sender.publish("factory-plus/devices/a/data", b"after", qos=1)
    await inbox.wait_for_payload(b"after")  # the first one may come a second time
    await broker.wait_running()
    assert broker.restarts == 1
    assert broker.pid != first


@pytest.mark.failure
async def test_a_killed_broker_still_has_what_it_acknowledged(broker: EmbeddedBroker, clients: Clients) -> None:
    absent = await clients.connect("receiver", subscriptions=[("factory-plus/devices/+/data", 1)])
    await absent.stop()
    sender = await clients.connect("sender")
    sent = [b"%d" % i for i in range(200)]
    for payload in sent:
        sender.publish("factory-plus/devices/a/data", payload, qos=1)
    await sender.confirmed()
    assert broker.pid is not None
    os.kill(broker.pid, signal.SIGKILL)
    inbox = Inbox()
    await clients.connect("receiver", inbox, subscriptions=[("factory-plus/devices/+/data", 1)])
    await inbox.wait_for(len(sent))
    assert set(inbox.payloads) == set(sent)


@pytest.mark.failure
@pytest.mark.skipif(sys.platform != "linux", reason="the kernel ends the child on Linux only")
def test_the_broker_dies_with_its_parent(tmp_path: Path) -> None:
    program = f"""
        import asyncio, pathlib
        from andon.engines.broker.config import BrokerConfig
        from andon.engines.broker.embedded import EmbeddedBroker
        async def main():
            broker = EmbeddedBroker(BrokerConfig(pathlib.Path({str(tmp_path)!r}), port=0))
            await broker.start()
            print(broker.pid, flush=True)
            await asyncio.sleep(60)
        asyncio.run(main())
    """
    parent = subprocess.Popen([sys.executable, "-c", textwrap.dedent(program)], stdout=subprocess.PIPE, text=True)
    assert parent.stdout is not None
    with parent.stdout:
        child = psutil.Process(int(parent.stdout.readline()))
    parent.kill()
    parent.wait()
    child.wait(5)
    assert not child.is_running()


async def test_rates_and_clients_are_known(broker: EmbeddedBroker, clients: Clients) -> None:
    sender = await clients.connect("sender")
    sender.publish("factory-plus/devices/a/data", b"x", qos=1)
    await sender.confirmed()
    stats = await broker.stats()
    assert stats is not None
    assert stats.clients == 1
    assert stats.messages_in >= 1
    assert stats.memory_bytes > 0


def test_credentials_are_made_once_and_private(tmp_path: Path) -> None:
    first = Credentials.load_or_create(tmp_path)
    path = tmp_path / "mqtt-credentials.json"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert Credentials.load_or_create(tmp_path).passwords == first.passwords
    assert len(set(first.passwords.values())) == len(first.passwords) == 3
    assert first.password("server") not in repr(first)


def test_damaged_credentials_are_an_error_that_names_the_file(tmp_path: Path) -> None:
    (tmp_path / "mqtt-credentials.json").write_text("[]")
    with pytest.raises(StartError, match=r"mqtt-credentials\.json"):
        Credentials.load_or_create(tmp_path)


async def test_the_configuration_with_passwords_is_private(broker: EmbeddedBroker) -> None:
    path = broker.config.folder / "nats-server.conf"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_filters_become_subjects() -> None:
    assert to_subject("factory-plus/devices/+/data") == "factory-plus.devices.*.data"
    assert to_subject("spBv1.0/+/NCMD/#") == "spBv1//0.*.NCMD.>"


def test_settings_that_make_no_sense_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="sync"):
        BrokerConfig(tmp_path, sync="sometimes")
    with pytest.raises(ValueError, match="max_ack_pending"):
        BrokerConfig(tmp_path, max_ack_pending=70_000)
    assert '"sync_interval": "always"' in render(
        BrokerConfig(tmp_path, sync="always"), Credentials.load_or_create(tmp_path)
    )
