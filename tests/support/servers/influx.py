"""InfluxDB 1.x."""

from __future__ import annotations

import http.client

from andon.engines.broker.ports import free_port
from support.servers.base import LOOPBACK, Server, find

_CONFIG = """
reporting-disabled = true
bind-address = "{host}:{rpc_port}"
[meta]
  dir = "{folder}/meta"
[data]
  dir = "{folder}/data"
  wal-dir = "{folder}/wal"
  query-log-enabled = false
  max-series-per-database = 0
  max-values-per-tag = 0
[monitor]
  store-enabled = false
[http]
  bind-address = "{host}:{port}"
  log-enabled = false
"""


class Influx(Server):
    """`influxd`."""

    name = "influx"

    @property
    def url(self) -> str:
        return f"http://{LOOPBACK}:{self.port}"

    def prepare(self) -> None:
        find("influxd", package="influxdb")
        config = _CONFIG.format(host=LOOPBACK, port=self.port, rpc_port=free_port(), folder=self.folder)
        (self.folder / "influx.toml").write_text(config)

    def command(self) -> list[str]:
        return [find("influxd", package="influxdb"), "-config", str(self.folder / "influx.toml")]

    def answers(self) -> bool:
        link = http.client.HTTPConnection(LOOPBACK, self.port, timeout=5)
        try:
            link.request("GET", "/ping")
            return link.getresponse().status == 204
        except OSError:
            return False
        finally:
            link.close()
