"""Which roles a process runs, and what it needs for that when the others run elsewhere."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from andon.app.settings import Settings
from andon.engines.broker.address import BrokerAddress
from andon.kit.errors import StartError

# In the order in which they start, see `roles.ROLES`.
ALL_ROLES = ("broker", "processing", "historian", "alerts", "realtime", "ingest", "api", "simulator")
ALIASES = {"edge": "simulator"}

PLANT_ROLES = frozenset({"ingest", "processing", "historian", "alerts", "realtime", "api"})
"""Those between which samples flow. A process that runs all of them needs nobody."""

_USES: Mapping[str, tuple[str, ...]] = {
    "ingest": ("log_url", "database_url", "mqtt_url"),
    "processing": ("log_url", "database_url", "redis_url"),
    "historian": ("log_url", "database_url"),
    "alerts": ("log_url", "database_url", "redis_url"),
    "realtime": ("log_url", "database_url", "redis_url", "mqtt_url"),
    "api": ("log_url", "database_url", "redis_url"),
    "simulator": ("mqtt_url",),
    "broker": (),
}
"""What a role shares with those in other processes."""

_EXAMPLES = {
    "log_url": "kafka://kafka:9092",
    "database_url": "postgresql://andon:password@postgres/andon",
    "redis_url": "redis://redis:6379/0",
    "mqtt_url": "mqtt://andon:password@mosquitto:1883",
}


@dataclass(frozen=True, slots=True)
class Topology:
    """`roles` run here; `alone`: all that belong to the plant, so that nothing has to be shared."""

    roles: frozenset[str]
    alone: bool

    @classmethod
    def of(cls, settings: Settings, wanted: Iterable[str]) -> Topology:
        """Check the wanted roles against the settings. StartError names what is missing or unknown."""
        roles = frozenset(ALIASES.get(name, name) for name in wanted)
        unknown = sorted(roles - set(ALL_ROLES))
        if unknown:
            raise StartError(
                f"there is no role {unknown[0]!r}",
                field="role",
                cure=f"use {', '.join(sorted({*ALL_ROLES, *ALIASES}))}",
            )
        if settings.mqtt_url is not None:
            roles -= {"broker"} if roles > {"broker"} else frozenset()
        found = cls(roles, roles >= PLANT_ROLES)
        found._check(settings)
        return found

    def reaches_history(self, settings: Settings) -> bool:
        """Whether this process can read the history itself: it writes it, or the store serves several processes."""
        if "historian" in self.roles:
            return True
        return settings.historian != "embedded" and bool(self.roles & {"api", "processing"})

    def _check(self, settings: Settings) -> None:
        if settings.mqtt_url is not None:
            BrokerAddress.parse(settings.mqtt_url.get_secret_value())
        if "ingest" in self.roles and settings.ingest_shard >= settings.ingest_shards:
            raise StartError(
                f"there is no shard {settings.ingest_shard} of {settings.ingest_shards}: they are numbered from 0",
                field="ingest_shard",
                cure="correct ANDON_INGEST_SHARD, or ANDON_INGEST_SHARDS in all ingest processes",
            )
        for role in (each for each in ALL_ROLES if each in self.roles):
            for name in self._needs(role):
                if getattr(settings, name) is None:
                    raise StartError(
                        f"the role {role} needs {_variable(name)} when it runs apart from others",
                        field=name,
                        cure=f"set it, such as {_variable(name)}={_EXAMPLES[name]}, the same for all roles",
                    )
        embedded = settings.historian == "embedded"
        if embedded and "processing" in self.roles and "historian" not in self.roles:
            raise StartError(
                "the role processing reads the history, which is in another process's files",
                field="historian",
                cure="run both roles in one process (andon run historian processing), or set ANDON_HISTORIAN=postgres",
            )

    def _needs(self, role: str) -> Iterable[str]:
        """Settings of what must be shared. Without a broker's URL its own process must be this one."""
        broker_here = "broker" in self.roles
        return (name for name in _USES[role] if not (broker_here if name == "mqtt_url" else self.alone))


def _variable(setting: str) -> str:
    return f"ANDON_{setting.upper()}"
