"""A progress bar for anything over two seconds."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

_PATIENCE = 2.0


@contextmanager
def progress(title: str, *, quiet: bool = False) -> Iterator[Callable[..., None]]:
    """Yield a function of the fraction done and a note; the bar appears on a terminal after two seconds.

    Parameters
    ----------
    title
        Shown before the bar.
    quiet
        Show nothing.
    """
    console = Console(stderr=True)
    bar = Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.percentage:3.0f} %"),
        TimeRemainingColumn(),
        console=console,
        transient=True,
    )
    task, started, shown = bar.add_task(title, total=1.0), time.monotonic(), False
    wanted = console.is_interactive and not quiet

    def advance(fraction: float, note: str = "") -> None:
        nonlocal shown
        if wanted and not shown and time.monotonic() - started > _PATIENCE:
            bar.start()
            shown = True
        bar.update(task, completed=fraction, description=f"{title}: {note}" if note else title)

    try:
        yield advance
    finally:
        if shown:
            bar.stop()
