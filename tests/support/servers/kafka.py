"""Apache Kafka in KRaft mode: one node that is broker and controller."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from andon.engines.broker.ports import free_port
from support.servers import kafka_jars
from support.servers.base import LOOPBACK, Server, find

_CLUSTER = "AndonAndonAndonAndon00"
_CONFIG = """
process.roles=broker,controller
node.id=1
controller.quorum.voters=1@{host}:{controller}
listeners=PLAINTEXT://{host}:{port},CONTROLLER://{host}:{controller}
advertised.listeners=PLAINTEXT://{host}:{advertised}
controller.listener.names=CONTROLLER
listener.security.protocol.map=PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT
log.dirs={folder}/data
num.network.threads=2
num.io.threads=4
num.recovery.threads.per.data.dir=2
offsets.topic.replication.factor=1
offsets.topic.num.partitions=4
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
transaction.state.log.num.partitions=2
share.coordinator.state.topic.replication.factor=1
share.coordinator.state.topic.min.isr=1
group.initial.rebalance.delay.ms=0
# A member that was killed is noticed soon.
group.min.session.timeout.ms=1000
auto.create.topics.enable=false
message.max.bytes=33554432
replica.fetch.max.bytes=33554432
"""


class Kafka(Server):
    """`kafka.Kafka` on the installed Java.

    `advertised`: the port that it sends its clients to, when that is not its own. `more`: further lines for its
    configuration.
    """

    name = "kafka"
    start_s = 120.0

    def __init__(
        self,
        folder: Path,
        port: int | None = None,
        *,
        advertised: int | None = None,
        more: str = "",
        heap: str = "512m",
    ) -> None:
        super().__init__(folder, port)
        self._advertised = advertised or self.port
        self._controller = free_port()
        self._more = more
        self._heap = heap

    @property
    def url(self) -> str:
        return f"kafka://{self.servers}"

    @property
    def servers(self) -> str:
        """As Kafka's own clients want it."""
        return f"{LOOPBACK}:{self.port}"

    @property
    def _config(self) -> Path:
        return self.folder / "server.properties"

    def prepare(self) -> None:
        self._jars = kafka_jars.jars(fetch=may_fetch())
        filled = _CONFIG.format(
            host=LOOPBACK,
            port=self.port,
            advertised=self._advertised,
            controller=self._controller,
            folder=self.folder,
        )
        self._config.write_text(filled + self._more + "\n")
        if not (self.folder / "data" / "meta.properties").exists():
            self._format(self.folder / "data", self._jars / "formatted")

    def _format(self, data: Path, kept: Path) -> None:
        """Make an empty data folder, or copy the one that was made first: it is always the same."""
        if kept.exists():
            shutil.copytree(kept, data)
            return
        tool = self._java("kafka.tools.StorageTool", "format", "-t", _CLUSTER, "-c", str(self._config))
        with self.log_path.open("ab") as log:
            subprocess.run(tool, stdout=log, stderr=log, check=True, timeout=self.start_s)
        copy = self.folder / "formatted"
        shutil.copytree(data, copy)
        _keep(copy, kept)

    def command(self) -> list[str]:
        # Loading its classes is half of a start. Whoever ends in peace first leaves them behind, loaded.
        kept = self._jars / "classes.jsa"
        sharing = f"-XX:SharedArchiveFile={kept}" if kept.exists() else f"-XX:ArchiveClassesAtExit={self._classes}"
        return self._java(sharing, "kafka.Kafka", str(self._config))

    def stop(self) -> None:
        process = self.process
        super().stop()
        if process is not None and process.returncode != -signal.SIGKILL and self._classes.exists():
            _keep(self._classes, self._jars / "classes.jsa")

    @property
    def _classes(self) -> Path:
        return self.folder / "classes.jsa"

    def _java(self, *arguments: str) -> list[str]:
        logging = Path(kafka_jars.POM).with_name("log4j2.properties")
        options = [f"-Xmx{self._heap}", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-Djava.awt.headless=true"]
        return [
            find("java", package="default-jre-headless"),
            *options,
            f"-Dlog4j2.configurationFile={logging}",
            "-cp",
            f"{self._jars}/*",
            *arguments,
        ]

    def options(self) -> Mapping[str, Any]:
        return {"cwd": self.folder}

    def answers(self) -> bool:
        if not super().answers():
            return False
        from confluent_kafka.admin import AdminClient

        admin = AdminClient({"bootstrap.servers": self.servers, "log_level": 0, "logger": _quiet()})
        try:
            return bool(admin.list_topics(timeout=5).brokers)
        except Exception:  # the client has one error for everything, and it will be asked again
            return False


def _keep(made: Path, kept: Path) -> None:
    """Move it beside the jars, whole or not at all. Where nobody may write, or somebody was quicker, it is not kept."""
    part = kept.with_name(f"{kept.name}-{os.getpid()}")
    with contextlib.suppress(OSError):
        shutil.move(made, part)
        part.rename(kept)


def _quiet() -> Any:
    import logging

    quiet = logging.getLogger("kafka.probe")
    quiet.disabled = True
    return quiet


def may_fetch() -> bool:
    """Fetching takes a network and a minute: CI and `make engines` do it, a test run on a laptop does not."""
    return os.environ.get("ANDON_REQUIRE_ENGINES") == "1" or os.environ.get("ANDON_FETCH_ENGINES") == "1"
