"""Passwords, users of few rights, TLS; and that no secret is ever shown."""

from __future__ import annotations

import datetime
import ipaddress
import logging
import traceback
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from andon.engines.livestate.redis_link import RedisLink, shown
from andon.kit.errors import StartError
from engines.livestate.plant import Devices, batch, device, following, leading, publishing, row, until
from support.engines import start
from support.servers import Redis

CONF = Path(__file__).parents[3] / "deploy/redis/redis.conf"
SECRET = "s3cret-of-the-plant"
DEVICES = Devices(device("device-001", 1))


class Configured(Redis):
    """Redis with the configuration that we ship, and more."""

    more: tuple[str, ...] = ()

    def command(self) -> list[str]:
        program, *arguments = super().command()
        at = arguments.index("--save")
        return [program, str(CONF), *arguments[:at], "--daemonize", "no", *self.more]

    def answers(self) -> bool:
        return Redis.__mro__[1].answers(self)  # PING is refused without a password


def least_rights() -> tuple[str, ...]:
    """The user that the configuration proposes."""
    line = next(line for line in CONF.read_text().splitlines() if line.startswith("# user andon "))
    return ("--user", *line.replace("<password>", SECRET).split()[2:])


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Configured]:
    with start(Configured, tmp_path / "redis") as running:
        yield running


async def goes_through(url: str) -> None:
    """A value comes from a publisher to a follower, and into its key."""
    async with leading(url, DEVICES) as publisher, following(url) as follower:
        publisher.apply(batch(row(1, 1.0)))
        assert await follower.wait_complete(20)
        await until(lambda: follower.current(1) is not None, "the value came")
        async with RedisLink(url).client() as client:
            while not await client.exists("device:device-001:stats:24h"):
                assert publisher.problem is None


async def test_what_we_ship_is_what_s1_asks_for(server: Configured) -> None:
    async with RedisLink(server.url).client() as client:
        settings = await client.config_get("maxmemory*", "save")
        assert settings["maxmemory"] == str(512 << 20)
        assert settings["maxmemory-policy"] == "allkeys-lru"
        assert settings["save"] == "900 1"
    await goes_through(server.url)


async def test_with_a_password(tmp_path: Path, caplog: Any) -> None:
    class Guarded(Configured):
        more = ("--requirepass", SECRET)

    caplog.set_level(logging.DEBUG, logger="andon")
    with start(Guarded, tmp_path / "redis") as server:
        right = server.url.replace("redis://", f"redis://:{SECRET}@")
        await goes_through(right)
        async with publishing(right.replace(SECRET, SECRET + "x"), DEVICES) as publisher:
            await until(lambda: publisher.problem is not None, "a wrong password is a problem")
            assert publisher.problem is not None and "Authentication" in publisher.problem
            assert SECRET not in publisher.problem
    assert SECRET not in "".join(f"{record.getMessage()} {record.__dict__}" for record in caplog.records)


async def test_a_user_with_the_rights_that_we_propose_is_enough(tmp_path: Path) -> None:
    class Guarded(Configured):
        more = least_rights()

    with start(Guarded, tmp_path / "redis") as server:
        await goes_through(server.url.replace("redis://", f"redis://andon:{SECRET}@"))


async def test_with_tls(tmp_path: Path) -> None:
    certificate(tmp_path)

    class Guarded(Configured):
        more = ("--tls-cert-file", str(tmp_path / "cert.pem"), "--tls-key-file", str(tmp_path / "key.pem"))

        def command(self) -> list[str]:
            command = super().command()
            command[command.index("--port")] = "--tls-port"
            return [
                *command,
                "--port",
                "0",
                "--tls-ca-cert-file",
                str(tmp_path / "cert.pem"),
                "--tls-auth-clients",
                "no",
            ]

    with start(Guarded, tmp_path / "redis") as server:
        url = server.url.replace("redis://", "rediss://")
        await goes_through(f"{url}?ssl_ca_certs={tmp_path / 'cert.pem'}")
        async with publishing(url, DEVICES) as publisher:
            await until(lambda: publisher.problem is not None, "an unknown certificate is refused")


def certificate(folder: Path) -> None:
    """A certificate for 127.0.0.1 that signs itself, and its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "redis")])
    now = datetime.datetime.now(datetime.UTC)
    signed = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), True)
        .sign(key, hashes.SHA256())
    )
    (folder / "cert.pem").write_bytes(signed.public_bytes(serialization.Encoding.PEM))
    (folder / "key.pem").write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )


@pytest.mark.parametrize("url", [f"http://:{SECRET}@host", f"redis://:{SECRET}@host:port/0", SECRET])
def test_an_address_that_is_none_is_refused_without_showing_it(url: str) -> None:
    with pytest.raises(StartError) as refused:
        RedisLink(url)
    assert "ANDON_REDIS_URL" in (refused.value.cure or "")
    assert refused.value.field == "redis_url"
    assert SECRET not in "".join(traceback.format_exception(refused.value))


def test_what_is_shown_of_an_address() -> None:
    assert shown(f"rediss://andon:{SECRET}@redis.plant:6379/2?password={SECRET}") == "rediss://redis.plant:6379/2"
