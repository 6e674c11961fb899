"""`andon replay` with its progress bar."""

from __future__ import annotations

import asyncio
import logging
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, cast

from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

from andon.app.settings import load_settings
from andon.engines.broker.credentials import DEVICE, FILE_NAME, Credentials
from andon.kit.errors import InvalidError
from andon.simulator.config import BrokerConfig
from andon.simulator.replay import ReplayProgress, replay


@dataclass(frozen=True, slots=True)
class BrokerArguments:
    """Where the broker is, as far as it was said; the rest comes from the data folder."""

    host: str
    port: int | None
    username: str | None
    password: str | None
    data_dir: Path | None


def broker_of(arguments: BrokerArguments) -> BrokerConfig:
    """The broker to publish to. InvalidError when there is no password to be had."""
    settings = load_settings(data_dir=arguments.data_dir)
    username, password = arguments.username, arguments.password
    if username is None:
        if not (settings.data_dir / FILE_NAME).exists():
            raise InvalidError(
                f"{settings.data_dir} holds no MQTT credentials",
                field="data-dir",
                cure="start Andon first, name its folder with --data-dir, or give --username and ANDON_MQTT_PASSWORD",
            )
        username, password = DEVICE, Credentials.load_or_create(settings.data_dir).password(DEVICE)
    return BrokerConfig(
        host=arguments.host, port=arguments.port or settings.mqtt_port, username=username, password=password
    )


def replay_with_progress(
    file: Path, device: str, speed: float, columns: list[str], timestamps: str, broker: BrokerConfig
) -> ReplayProgress:
    """Play the recording and show how far it is."""
    logging.getLogger("gmqtt").setLevel(logging.CRITICAL)  # a lost broker would be told across the bar
    parts = (TextColumn("{task.description}"), BarColumn(), TaskProgressColumn(), TimeRemainingColumn())
    with Progress(*parts, TextColumn("{task.fields[values]} values")) as bar:
        task = bar.add_task(f"{file.name} as {device}", total=None, values=0)

        def show(progress: ReplayProgress) -> None:
            bar.update(task, total=progress.rows_total, completed=progress.rows_done, values=progress.values_sent)

        playing = replay(
            file,
            device,
            broker=broker,
            speed=speed,
            columns=columns,
            timestamps=cast(Literal["keep", "now"], timestamps),
            on_progress=show,
        )
        return asyncio.run(playing)
