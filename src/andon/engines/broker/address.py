"""Where an MQTT broker is, and as whom we connect."""

from __future__ import annotations

from dataclasses import dataclass, field
from urllib.parse import parse_qs, unquote, urlsplit

from andon.kit.errors import StartError

_PORTS = {"mqtt": 1883, "mqtts": 8883}
_VERSIONS = {"3.1.1": False, "5": True}


@dataclass(frozen=True, slots=True)
class BrokerAddress:
    """A broker and our user there. `client_prefix` must differ between servers that share a broker."""

    host: str
    port: int
    username: str
    password: str = field(repr=False)
    client_prefix: str = "andon"
    mqtt5: bool = False
    tls: bool = False

    @classmethod
    def parse(cls, url: str) -> BrokerAddress:
        """From `mqtt://user:password@host:1883?version=5`; `mqtts` is TLS. StartError says what is wrong with it."""
        try:
            parts = urlsplit(url)
            port = parts.port or _PORTS.get(parts.scheme, 0)
        except ValueError:
            raise _wrong("its port is not a number") from None
        if parts.scheme not in _PORTS:
            raise _wrong("it does not begin with mqtt:// or mqtts://")
        if not parts.hostname or parts.path not in ("", "/"):
            raise _wrong("it names no host" if not parts.hostname else "it has a path")
        version = parse_qs(parts.query).get("version", ["3.1.1"])[-1]
        if version not in _VERSIONS:
            raise _wrong(f"version is one of {', '.join(_VERSIONS)}")
        user, password = unquote(parts.username or ""), unquote(parts.password or "")
        mqtt5, tls = _VERSIONS[version], parts.scheme == "mqtts"
        return cls(parts.hostname, port, user, password, mqtt5=mqtt5, tls=tls)


def _wrong(what: str) -> StartError:
    """The URL itself is not repeated: it holds a password."""
    return StartError(f"setting mqtt_url: {what}", field="mqtt_url", cure="write it as mqtt://user:password@host:1883")
