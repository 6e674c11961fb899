"""Start the real engines on this machine, without containers: Kafka, PostgreSQL, Redis, Mosquitto, InfluxDB.

Usage: python tools/engines.py [ENGINE…] [--folder andon-engines] [--free-ports]
It says what to export and which roles of Andon to run; Ctrl-C stops all. What the engines hold stays in the folder.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import shlex
import signal
import sys
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "tests"))

from support.servers import Influx, Kafka, MissingEngineError, Mosquitto, Postgres, Redis, Server  # noqa: E402

FOLDER = Path("andon-engines")
WATCH_S = 1.0
DATABASE = "andon"

# Not the usual ports: a package of the system may have started its own engine there.
PORTS = {"kafka": 19092, "postgres": 15432, "redis": 16379, "mosquitto": 11883, "influx": 18086}
MAKE: Mapping[str, Callable[[Path, int | None], Server]] = {
    "kafka": Kafka,
    "postgres": lambda folder, port: Postgres(folder, port, durable=True),
    "redis": Redis,
    "mosquitto": Mosquitto,
    "influx": Influx,
}
NEEDED = ("kafka", "postgres", "redis", "mosquitto")
"""What roles need that run apart."""
ROLES = ("historian", "processing", "alerts", "ingest", "realtime", "api", "simulator")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run until a signal. Exit code 1 when no engine could be started."""
    options = _options(arguments)
    for sign in (signal.SIGINT, signal.SIGTERM):
        signal.signal(sign, signal.default_int_handler)
    os.environ["ANDON_FETCH_ENGINES"] = "1"
    with contextlib.suppress(KeyboardInterrupt), contextlib.ExitStack() as stack:
        running: dict[str, Server] = {}
        missing: dict[str, str] = {}
        for name in options.engines:
            server = MAKE[name](options.folder.resolve() / name, None if options.free_ports else PORTS[name])
            print(f"* starting {name}", flush=True)
            try:
                running[name] = stack.enter_context(_started(server))
            except MissingEngineError as error:
                missing[name] = str(error)
            except RuntimeError as error:
                print(error, file=sys.stderr)
                return 1
        print("\n".join(_text(running, missing, options.folder)), flush=True)
        if not running:
            return 1
        _watch(running)
    print("* stopped")
    return 0


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="engines.py", description=(__doc__ or "").splitlines()[0])
    parser.add_argument(
        "engines", nargs="*", type=_engine, default=list(MAKE), metavar="ENGINE", help=f"of {', '.join(MAKE)}"
    )
    parser.add_argument("--folder", type=Path, default=FOLDER, help="where they keep their data (default: %(default)s)")
    parser.add_argument("--free-ports", action="store_true", help="any free ports instead of the documented ones")
    return parser.parse_args(arguments)


def _engine(name: str) -> str:
    if name not in MAKE:
        raise argparse.ArgumentTypeError(f"there is no engine {name!r}, only {', '.join(MAKE)}")
    return name


@contextmanager
def _started(server: Server) -> Iterator[Server]:
    """A server that serves; it is stopped also when Ctrl-C comes while it starts."""
    server.owned = True
    try:
        if server.occupied():
            raise RuntimeError(f"port {server.port} of {server.name} is taken: end what holds it, or use --free-ports")
        yield server.start()
    finally:
        server.stop()


def _watch(running: Mapping[str, Server]) -> None:
    """Until a signal; an engine that ends by itself is said once, the others go on."""
    ended: set[str] = set()
    while True:
        threading.Event().wait(WATCH_S)
        for name, server in running.items():
            if name not in ended and not server.alive:
                ended.add(name)
                print(f"* {name} has ended by itself, see {server.log_path}", file=sys.stderr, flush=True)


def _text(running: Mapping[str, Server], missing: Mapping[str, str], folder: Path) -> Iterator[str]:
    yield "\nEngines"
    for name, server in running.items():
        yield f"  {name:<10} 127.0.0.1:{server.port:<6} {folder / name}"
    for name, why in missing.items():
        yield f"  {name:<10} is missing: {why}"
    if not running:
        return
    exports = [f"export {name}={shlex.quote(value)}" for name, value in _settings(running, folder).items()]
    script = folder / "env.sh"
    script.write_text("\n".join(exports) + "\n")
    yield f"\nTell Andon, in each terminal (or: . {shlex.quote(str(script))})"
    yield from (f"  {line}" for line in exports)
    if "influx" in running:
        yield "\nTo keep history in InfluxDB instead"
        yield f"  export ANDON_HISTORIAN=influx ANDON_INFLUX_URL={running['influx'].url}"
    absent = [name for name in NEEDED if name not in running]
    if absent:
        yield f"\nRoles cannot run apart without {', '.join(absent)}; `andon up` uses what is there"
    else:
        yield "\nThen, each in a terminal of its own"
        yield from (f"  {_andon()} run {role}" for role in ROLES)
        yield "The front door is http://127.0.0.1:3005; `andon run api` says how to sign in."
    yield "\nCtrl-C stops the engines; what they hold stays."


def _settings(running: Mapping[str, Server], folder: Path) -> dict[str, str]:
    """What an Andon needs to use the engines."""
    found = {}
    for name, setting in (("kafka", "LOG"), ("redis", "REDIS"), ("mosquitto", "MQTT")):
        if name in running:
            found[f"ANDON_{setting}_URL"] = running[name].url
    postgres = running.get("postgres")
    if isinstance(postgres, Postgres):
        found |= {"ANDON_DATABASE_URL": postgres.ensure_database(DATABASE), "ANDON_HISTORIAN": "postgres"}
    return {**found, "ANDON_DATA_DIR": str(folder.resolve() / "andon"), "ANDON_DEMO": "true"}


def _andon() -> str:
    """The command that belongs to this Python, as short as can be typed here."""
    path = Path(sys.executable).with_name("andon")
    short = os.path.relpath(path)
    return shlex.quote(short if len(short) < len(str(path)) else str(path))


if __name__ == "__main__":
    sys.exit(main())
