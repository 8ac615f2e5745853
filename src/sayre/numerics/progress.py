"""The type of functions that follow a long computation."""

from __future__ import annotations

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
