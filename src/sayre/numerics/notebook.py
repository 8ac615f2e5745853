"""A bar in a notebook for anything over two seconds; elsewhere nothing."""

from __future__ import annotations

import importlib
import multiprocessing
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from html import escape
from typing import Any

from sayre.numerics.progress import Advance

PATIENCE, BETWEEN = 2.0, 0.5
"""Seconds before a bar is shown, and between two changes of it."""

_followed: list[str] = []
"""Titles of the computations that something follows; what they compute on the way has no bar of its own."""
_places: dict[str, Any] = {}
"""By the cell that runs, the output where it shows bars: one, however many computations it makes."""


class NotebookBar:
    """A bar in the output of the cell that runs.

    Parameters
    ----------
    title
        What is computed.
    shell
        IPython, in the kernel of a notebook.
    """

    def __init__(self, title: str, shell: Any) -> None:
        self.title, self.shell = title, shell
        self.began = time.monotonic()
        self.told, self.fraction, self.shown = -BETWEEN, 0.0, False

    def __call__(self, fraction: float, note: str = "") -> None:
        """Move the bar.

        Parameters
        ----------
        fraction
            Fraction done.
        note
            Text beside it.
        """
        self.fraction, passed = fraction, time.monotonic() - self.began
        if passed < PATIENCE or passed - self.told < BETWEEN:
            return
        self.told, self.shown = passed, True
        left = f", {clock(passed * (1 - fraction) / fraction)} left" if fraction > 0.01 else ""
        text = f"{100 * fraction:.0f} %{left}"
        words = f"{self.title}: {note}" if note else self.title
        meter = f"<progress value='{fraction:.4f}' max='1' style='width:16em'></progress>"
        self._show(f"{meter} {text} <small>{escape(words)}</small>", f"{words}, {text}")

    def end(self, *, whole: bool) -> None:
        """Leave a line in place of the bar, if it was shown: what took how long.

        Parameters
        ----------
        whole
            Whether the computation was finished.
        """
        if self.shown:
            took = clock(time.monotonic() - self.began)
            text = (
                f"{self.title}: {took if whole else f'stopped at {100 * self.fraction:.0f} % after {took}'}"
            )
            self._show(f"<small>{escape(text)}</small>", text)

    def _show(self, html: str, text: str) -> None:
        display: Any = importlib.import_module("IPython.display").display  # there in every kernel
        cell = str(self.shell.get_parent().get("header", {}).get("msg_id"))
        bundle = {"text/html": html, "text/plain": text}
        if cell in _places:
            _places[cell].update(bundle, raw=True)
            return
        _places.clear()
        _places[cell] = display(bundle, raw=True, display_id=True)


@contextmanager
def following(title: str, progress: Advance | None = None) -> Iterator[Advance | None]:
    """Yield what follows a computation: what the caller gave, or else a bar where the caller is a notebook.

    Parameters
    ----------
    title
        What is computed.
    progress
        What the caller gave.
    """
    shell = None if progress or _followed else _shell_of_a_notebook()
    bar = None if shell is None else NotebookBar(title, shell)
    if progress or bar:
        _followed.append(title)
    whole = False
    try:
        yield progress or bar
        whole = True
    finally:
        if progress or bar:
            _followed.remove(title)
        if bar:
            bar.end(whole=whole)


def clock(seconds: float) -> str:
    """`12 s`, `3 min 5 s` or `2 h 10 min`."""
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60} s"
    return f"{whole // 3600} h {whole // 60 % 60} min"


def _shell_of_a_notebook() -> Any:
    """IPython in the kernel of a notebook; None in a terminal, a script, a thread or another process."""
    found = sys.modules.get("IPython")
    if found is None or threading.current_thread() is not threading.main_thread():
        return None
    shell = found.get_ipython()
    known = shell is not None and hasattr(shell, "kernel") and hasattr(shell, "get_parent")
    return shell if known and multiprocessing.parent_process() is None else None
