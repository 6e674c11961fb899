"""Picks where history is kept."""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING

from andon.app.postgres_history import open_postgres_history
from andon.app.settings import Settings
from andon.historian.port import HistoryStore
from andon.kit.errors import StartError
from andon.registry.directory import Directory

if TYPE_CHECKING:
    from andon.historian.stores.influx.limits import Access


async def open_history(settings: Settings, *, maintains: bool = True) -> HistoryStore:
    """The historian's store, as the setting `historian` says. StartError when it cannot be had.

    `maintains`: this process keeps its sums up to date, where the store is shared by several.
    """
    if settings.historian == "postgres":
        return await asyncio.to_thread(open_postgres_history, settings, maintains)
    # Each kind is imported where it is the one: Arrow alone takes a role's process a tenth of its start.
    if settings.historian == "influx":
        from andon.historian.stores.influx.store import InfluxStore

        return await InfluxStore.open(_influx(settings))
    from andon.app.local_history import open_local_history

    return await asyncio.to_thread(open_local_history, settings)


def name_series(settings: Settings, store: HistoryStore | None, directory: Directory) -> None:
    """Tell a store that names its series by device where each tag belongs."""
    if settings.historian != "influx":
        return
    from andon.historian.stores.influx.signals import by_directory
    from andon.historian.stores.influx.store import InfluxStore

    if isinstance(store, InfluxStore):
        store.describe = by_directory(directory)


def beside_history(
    settings: Settings, store: HistoryStore, directory: Directory
) -> contextlib.AbstractAsyncContextManager[None]:
    """What is done beside a store while the historian runs: for files on this machine there is something."""
    if settings.historian != "embedded":
        return contextlib.nullcontext()
    from andon.app import local_history

    return local_history.beside_history(store, directory, settings)


def _influx(settings: Settings) -> Access:
    from andon.historian.stores.influx.limits import Access

    if settings.influx_url is None:
        raise StartError(
            "history in InfluxDB needs its address",
            field="influx_url",
            cure="set ANDON_INFLUX_URL, such as http://influxdb:8086, or ANDON_HISTORIAN=embedded",
        )
    password, token = settings.influx_password, settings.influx_token
    return Access(
        settings.influx_url,
        settings.influx_bucket if token is not None and settings.influx_bucket else settings.influx_database,
        settings.influx_username,
        password.get_secret_value() if password is not None else None,
        token.get_secret_value() if token is not None else None,
        settings.influx_org,
    )
