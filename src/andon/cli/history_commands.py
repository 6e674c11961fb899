"""`andon import` and `andon export`."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import typer

from andon.cli.bars import progress_bar
from andon.cli.server import Access, Server
from andon.kit.clock import to_iso
from andon.kit.errors import InvalidError

Url = Annotated[str | None, typer.Option(help="Address of Andon (default: this machine's, http://127.0.0.1:8080).")]
Username = Annotated[str, typer.Option(help="User to sign in as; the password is ANDON_ADMIN_PASSWORD, or asked for.")]
_PASSWORD, _TOKEN = "ANDON_ADMIN_PASSWORD", "ANDON_TOKEN"


def import_history(
    file: Annotated[Path, typer.Argument(help="CSV or Parquet file with a column of times.")],
    device: Annotated[str, typer.Option(help="Device that the samples belong to.")],
    url: Url = None,
    column: Annotated[
        list[str] | None, typer.Option(help="Column to import; repeat it for several. Default: all with numbers.")
    ] = None,
    time_column: Annotated[str | None, typer.Option(help="Column of times; default: found by its name.")] = None,
    time_format: Annotated[str | None, typer.Option(help="Pattern of the times, such as '%m/%d/%Y %H:%M'.")] = None,
    timezone: Annotated[str, typer.Option(help="Time zone of times that name none (IANA name).")] = "UTC",
    unit: Annotated[
        list[str] | None, typer.Option(help="Unit of a column, as COLUMN=UNIT; repeat it for several.")
    ] = None,
    keep: Annotated[
        bool,
        typer.Option(
            "--keep/--expire", help="Keep the samples until somebody decides otherwise, or as retention says."
        ),
    ] = True,
    create: Annotated[bool, typer.Option(help="Register the device when there is none of that name.")] = True,
    type: Annotated[str, typer.Option(help="Type of a device that is registered.")] = "sensor",
    skip_bad: Annotated[
        bool, typer.Option("--skip-bad", help="Leave out what cannot be read instead of stopping.")
    ] = False,
    encoding: Annotated[str, typer.Option(help="Encoding of a CSV file.")] = "utf-8",
    part_rows: Annotated[int | None, typer.Option(min=1, help="Rows sent at a time.")] = None,
    username: Username = "admin",
) -> None:
    """Import the history in a file into a running Andon. The same command goes on where one broke off."""
    from andon.cli.importing import ImportOrder, run_import
    from andon.historian.calendar import zone_of
    from andon.ingest.imports.files.model import ReadOptions

    zone_of(timezone)
    read = ReadOptions(device, tuple(column or ()), time_column, time_format, timezone, encoding, skip_bad)
    order = ImportOrder(file, read, keep, type if create else None, _units(unit or []), part_rows)
    with progress_bar(f"{file.name} → {device}", "rows") as bar:
        server = _server(url, username, bar.wait)
        done, recording = run_import(server, order, lambda now: bar.show(now.rows, max(now.rows_total, now.rows)))
    parts = f" ({done.known} parts were there already)" if done.known else ""
    typer.echo(
        f"{done.samples} samples of {done.rows} rows imported into {device}{parts}: "
        f"{to_iso(done.first or 0)} to {to_iso(done.last or 0)}"
    )
    skipped = recording.skipped
    if skipped.columns:
        typer.echo(f"columns left out, they hold no numbers: {', '.join(skipped.columns)}")
    if skipped.cells or skipped.rows:
        typer.echo(f"left out: {skipped.cells} cells, {skipped.rows} rows")
        typer.echo("".join(f"  {example}\n" for example in skipped.examples), nl=False)
    if skipped.contradicted:
        typer.echo(
            f"at least {skipped.contradicted} rows had the time of a later row and another value: the last one counts"
        )


def export_history(
    output: Annotated[Path, typer.Argument(help="File to write; its ending is the format: csv, json, parquet, xlsx.")],
    device: Annotated[list[str] | None, typer.Option(help="Device to export; repeat it for several.")] = None,
    series: Annotated[list[str] | None, typer.Option(help="DEVICE:TAG to export; repeat it for several.")] = None,
    type: Annotated[list[str] | None, typer.Option(help="All devices of this type.")] = None,
    start: Annotated[str, typer.Option("--from", help="Start: ISO 8601, or a distance from now such as -7d.")] = "-24h",
    end: Annotated[str, typer.Option("--to", help="End, not included.")] = "now",
    format: Annotated[str | None, typer.Option(help="csv, json, parquet or xlsx.")] = None,
    quality: Annotated[str, typer.Option(help="Samples to export: all, usable or good.")] = "all",
    timezone: Annotated[str | None, typer.Option(help="Time zone of the second time column of xlsx.")] = None,
    url: Url = None,
    username: Username = "admin",
) -> None:
    """Write history of a running Andon to a file of any size."""
    from andon.cli.exporting import format_of, run_export

    query: dict[str, Any] = {"format": format_of(output, format), "from": start, "to": end, "quality": quality}
    query |= {name: value for name, value in (("device", device), ("series", series), ("type", type)) if value}
    query |= {"timezone": timezone} if timezone else {}
    with progress_bar(output.name, "bytes") as bar:
        server = _server(url, username, bar.wait)
        done = run_export(server, query, output, lambda now: bar.show(now.bytes, None))
    typer.echo(f"about {done.rows} rows, {done.bytes} bytes written to {output}")


def _server(url: str | None, username: str, wait: Callable[[str], None]) -> Server:
    from andon.app.settings import load_settings

    token = os.environ.get(_TOKEN) or None
    password = os.environ.get(_PASSWORD) or None
    if token is None and password is None and sys.stdin.isatty():
        password = typer.prompt(f"Password of {username}", hide_input=True, err=True)
    address = url or f"http://127.0.0.1:{load_settings().port}"
    return Server(Access(address, username, password, token), on_wait=wait)


def _units(pairs: list[str]) -> dict[str, str]:
    found = {}
    for pair in pairs:
        column, equals, unit = pair.rpartition("=")
        if not equals or not column:
            raise InvalidError(f"{pair!r} names no unit", field="unit", cure="write --unit COLUMN=UNIT")
        found[column] = unit
    return found
