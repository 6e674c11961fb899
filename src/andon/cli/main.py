"""The `andon` command: arguments only; what they start lives in `app`."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from andon.cli.history_commands import export_history, import_history
from andon.kit.errors import AndonError, StartError

app = typer.Typer(
    name="andon",
    help="Andon, a smart-factory platform: from the machine to the browser.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)

DataDir = Annotated[Path | None, typer.Option("--data-dir", help="Folder for everything that Andon stores.")]
CANNOT_START = 2


@app.command()
def up(
    demo: Annotated[bool | None, typer.Option("--demo", help="Seed and start a live demo plant.")] = None,
    host: Annotated[str | None, typer.Option(help="Address to listen on (default: this machine only).")] = None,
    port: Annotated[int | None, typer.Option(help="Port of the web server (default 8080).")] = None,
    mqtt_port: Annotated[int | None, typer.Option(help="Port of the MQTT broker (default 1883).")] = None,
    looms: Annotated[int | None, typer.Option(help="Looms in the demo plant (default 10).")] = None,
    data_dir: DataDir = None,
) -> None:
    """Start everything on this machine: server, MQTT broker and, with --demo, a plant."""
    from andon.app.run import run_up
    from andon.app.settings import load_settings

    settings = load_settings(demo=demo, host=host, port=port, mqtt_port=mqtt_port, demo_looms=looms, data_dir=data_dir)
    run_up(settings)


@app.command()
def run(
    roles: Annotated[list[str], typer.Argument(metavar="ROLE...", help="simulator, ingest, processing, historian, …")],
    host: Annotated[str | None, typer.Option(help="Address to listen on (default: this machine only).")] = None,
    demo: Annotated[bool | None, typer.Option("--demo", help="Seed the demo plant.")] = None,
    looms: Annotated[int | None, typer.Option(help="Looms in the demo plant (default 10).")] = None,
    data_dir: DataDir = None,
) -> None:
    """Start some roles in this process; the others run apart and share Kafka, PostgreSQL, Redis and a broker."""
    from andon.app.run_roles import run_roles
    from andon.app.settings import load_settings

    run_roles(load_settings(host=host, demo=demo, demo_looms=looms, data_dir=data_dir), roles)


@app.command()
def replay(
    file: Annotated[Path, typer.Argument(help="CSV file with a timestamp column.", exists=True, dir_okay=False)],
    device: Annotated[str, typer.Option(help="Device that the recording plays as.")],
    speed: Annotated[float, typer.Option(help="How many times faster than recorded; 0 is as fast as it goes.")] = 1.0,
    column: Annotated[
        list[str] | None, typer.Option(help="Column to play; repeat it for several. Default: all.")
    ] = None,
    timestamps: Annotated[str, typer.Option(help="keep: as recorded; now: as if it happened now.")] = "now",
    host: Annotated[str, typer.Option(help="MQTT broker.")] = "127.0.0.1",
    mqtt_port: Annotated[int | None, typer.Option(help="Port of the MQTT broker.")] = None,
    username: Annotated[str | None, typer.Option(help="MQTT user; default: the data folder's device user.")] = None,
    password: Annotated[str | None, typer.Option(envvar="ANDON_MQTT_PASSWORD", help="Its password.")] = None,
    data_dir: DataDir = None,
) -> None:
    """Stream a CSV recording as a device, over MQTT."""
    from andon.cli.replaying import BrokerArguments, broker_of, replay_with_progress

    broker = broker_of(BrokerArguments(host, mqtt_port, username, password, data_dir))
    try:
        done = replay_with_progress(file, device, speed, column or [], timestamps, broker)
    except KeyboardInterrupt:
        raise typer.Exit(130) from None
    typer.echo(f"{done.values_sent} values of {done.rows_done} rows are with the broker; {done.skipped} rows skipped")


app.command(name="import")(import_history)
app.command(name="export")(export_history)


@app.command(name="mqtt-credentials")
def mqtt_credentials(data_dir: DataDir = None) -> None:
    """Show the user and password with which a device connects to the embedded broker."""
    from andon.app.settings import load_settings
    from andon.engines.broker.credentials import DEVICE, Credentials

    settings = load_settings(data_dir=data_dir)
    settings.data_dir.mkdir(parents=True, exist_ok=True)
    password = Credentials.load_or_create(settings.data_dir).password(DEVICE)
    typer.echo(f"username: {DEVICE}\npassword: {password}")


@app.command()
def version() -> None:
    """Show the version."""
    from andon import __version__

    typer.echo(__version__)


user_app = typer.Typer(help="Users.", no_args_is_help=True)
app.add_typer(user_app, name="user")


@user_app.command(name="set-password")
def set_password(username: str, data_dir: DataDir = None) -> None:
    """Set a user's password; it is asked for, or read from standard input."""
    from andon.app.users import set_user_password

    interactive = sys.stdin.isatty()
    password = (
        typer.prompt("New password", hide_input=True, confirmation_prompt=True)
        if interactive
        else sys.stdin.readline().rstrip("\n")
    )
    set_user_password(data_dir, username, password)
    typer.echo(f"The password of {username} is set; its sessions are ended.")


def main() -> None:
    """Run the command; what the user can act on is one clear line, not a trace."""
    try:
        app()
    except AndonError as error:
        line = f"andon: {error.message}" + (f"; {error.cure}" if error.cure else "")
        typer.echo(line, err=True)
        sys.exit(CANNOT_START if isinstance(error, StartError) else 1)
