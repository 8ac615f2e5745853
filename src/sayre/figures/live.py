"""A picture of phase retrieval that is redrawn while it runs, in a file of its own or in a page."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from sayre.data.shown import number
from sayre.errors import InputError, warn
from sayre.figures.filling import figure_path_check, save_figure
from sayre.figures.live_page import ENDINGS, save_live_page
from sayre.figures.phasing import start_figure
from sayre.files.atomic import check_place
from sayre.files.pace import Pace
from sayre.retrieval.choice.select import figure_of_merit
from sayre.retrieval.engine.run import Run
from sayre.retrieval.engine.status import Status

SHARE = 0.1
"""Of the time that drawing may take."""


def live_path_check(path: Path) -> Path:
    """Check, before any work, that a `LivePicture` will be able to write at `path`, over an earlier one.

    Raises
    ------
    InputError
        Unknown ending, a missing or read-only folder.
    """
    if path.suffix.lower() not in ENDINGS:
        return figure_path_check(path, force=True)
    check_place(path, force=True)
    return path


class _Best(NamedTuple):
    """A start as it is drawn."""

    residual: float
    start: int
    object: NDArray[np.complex64]
    support: NDArray[np.bool_]


class LivePicture:
    """The best start so far, slices of amplitude and phase, and the residuals of all, in a file.

    The best is that of the least free likelihood among those that finished, as `select` judges them.
    `report` and `finished` are what `sayre.phase` calls; `draw` draws what is known in the end.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._histories: dict[int, list[tuple[int, float]]] = {}
        self._best: _Best | None = None
        self._judged = np.inf
        self._pace = Pace(SHARE)

    def report(self, now: Status) -> None:
        """Take in how the running starts do; draw if it is time."""
        for index, residual in zip(now.indices, now.residuals, strict=True):
            self._histories.setdefault(index, []).append((now.iteration, residual))
        if self._pace.due:
            self._show(self._best or self._running(now))

    def finished(self, run: Run) -> None:
        """Take in a finished start; draw unless that was done a moment ago."""
        self._histories[run.index] = list(run.history)
        judged = figure_of_merit(run)
        if not run.failed and (self._best is None or judged < self._judged):
            self._best, self._judged = _Best(run.residual, run.index, run.object, run.support), judged
        if self._pace.affordable and self._best is not None:
            self._show(self._best)

    def draw(self) -> None:
        """Draw the best start that finished, if one has; nothing is drawn after that."""
        if self._best is not None:
            self._show(self._best, last=True)

    @staticmethod
    def _running(now: Status) -> _Best:
        """Of the starts that run, the one of least residual: not finished, they are not judged yet."""
        place = min(range(len(now.indices)), key=lambda i: np.nan_to_num(now.residuals[i], nan=np.inf))
        return _Best(now.residuals[place], now.indices[place], *now.estimate(place))

    def _show(self, best: _Best, *, last: bool = False) -> None:
        """A picture that cannot be written gives a warning and stops nothing."""
        residual = number(best.residual, ".3f")
        title = (
            f"start {best.start} (counted from 0), the best of {len(self._histories)} so far: R = {residual}"
        )
        with self._pace.writing():
            try:
                figure = start_figure(best.object, best.support, self._histories, best.start, title=title)
                if self.path.suffix.lower() in ENDINGS:
                    save_live_page(figure, self.path, title=title, last=last)
                else:
                    save_figure(figure, self.path)
            except InputError as error:
                warn(f"the picture was not drawn: {error}")
