"""A progress bar for anything over two seconds; a line now and then where stderr is no terminal."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

_PATIENCE = 2.0
_SECONDS_A_LINE = 60.0


@contextmanager
def progress(title: str, *, quiet: bool = False) -> Iterator[Callable[..., None]]:
    """Yield a function of the fraction done and a note; the bar appears on a terminal after two seconds.

    Where stderr is no terminal, as in the log of a batch job, a line is written a minute instead.

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
    told = started

    def tell(fraction: float, text: str) -> None:
        nonlocal told
        if not quiet and time.monotonic() - told > _SECONDS_A_LINE:
            told = time.monotonic()
            console.print(f"{text}, {100 * fraction:.0f} %", highlight=False, markup=False, soft_wrap=True)

    def advance(fraction: float, note: str = "") -> None:
        nonlocal shown
        text = f"{title}: {note}" if note else title
        if not console.is_interactive:
            tell(fraction, text)
            return
        if not shown and not quiet and time.monotonic() - started > _PATIENCE:
            bar.start()
            shown = True
        bar.update(task, completed=fraction, description=text)

    try:
        yield advance
    finally:
        if shown:
            bar.stop()
