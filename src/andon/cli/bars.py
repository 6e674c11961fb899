"""A progress bar that also says what it waits for."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Bar:
    """`show(done, total)`, total None while it is not known; `wait(why)` tells each reason once."""

    show: Callable[[int, int | None], None]
    wait: Callable[[str], None]


@contextmanager
def progress_bar(title: str, what: str) -> Iterator[Bar]:
    """A bar on standard error, which is gone when its work is done; standard output stays for results."""
    # Here: commands that show none start a tenth sooner.
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

    parts = (TextColumn("{task.description}"), BarColumn(), TaskProgressColumn(), TimeRemainingColumn())
    console = Console(stderr=True)
    columns = (*parts, TextColumn(f"{{task.fields[done]:,}} {what}"))
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as bar:
        task = bar.add_task(title, total=None, done=0)
        told: set[str] = set()

        def show(done: int, total: int | None) -> None:
            bar.update(task, total=total, completed=done, done=done)

        def wait(why: str) -> None:
            if why not in told:
                told.add(why)
                console.print(f"waiting: {why}", style="dim", highlight=False)

        yield Bar(show, wait)
