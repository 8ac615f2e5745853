"""The type of functions that follow a long computation."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol


class Advance(Protocol):
    """A function that is called with the fraction done of a computation.

    Computations that have nothing to add call it with the fraction alone, so that `list.append` will do.
    """

    def __call__(self, fraction: float, note: str = "") -> None:
        """Show how far the computation is.

        Parameters
        ----------
        fraction
            Fraction done, from 0 to 1.
        note
            Text for the user beside it, such as the residual R.
        """


@dataclass(frozen=True)
class Part:
    """Progress of one part of the work, from fraction `low` to `high` of the whole."""

    progress: Advance | None
    low: float
    high: float

    def __call__(self, fraction: float, note: str = "") -> None:
        if self.progress:
            self.progress(self.low + fraction * (self.high - self.low), *([note] if note else []))
