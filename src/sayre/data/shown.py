"""How objects show themselves: a few lines in a terminal, a picture and a table in a notebook."""

from __future__ import annotations

import base64
import html
import io
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

Lines = list[tuple[str, str]]

_SIDE = 160
"""Pixels of the longer side of a panel in a notebook, about."""


class Shown:
    """Base of classes that name their content in a title and a few labelled lines, and may have a picture."""

    @property
    def title(self) -> str:
        """What it is, its name and its size: the first line that it prints."""
        raise NotImplementedError

    def _lines(self) -> Lines:
        raise NotImplementedError

    def _panels(self) -> Sequence[NDArray[Any]]:
        """2D arrays to draw side by side, NaN where nothing is known."""
        return ()

    def view(self, *beside: Any, **named: Any) -> Any:
        """Show slices along any axis, in a notebook or as a page to be saved.

        Parameters
        ----------
        beside, named
            As `sayre.view` takes them after this one.
        """
        import sayre

        return sayre.view(self, *beside, **named)

    def __repr__(self) -> str:
        width = max((len(label) for label, _ in self._lines()), default=0)
        rows = (f"  {label:<{width}}  {text}" for label, text in self._lines())
        return "\n".join([self.title, *rows])

    def _repr_html_(self) -> str:
        rows = "".join(
            f"<tr><td style='text-align:left'>{html.escape(label)}</td>"
            f"<td style='text-align:left'>{html.escape(text)}</td></tr>"
            for label, text in self._lines()
        )
        return f"<div><b>{html.escape(self.title)}</b>{_image(self._panels())}<table>{rows}</table></div>"


def sizes(shape: Sequence[float], between: str = " × ") -> str:
    """`64 × 64 × 64`; numbers that are not whole in three digits.

    Parameters
    ----------
    shape
        Numbers.
    between
        Text between two of them.
    """
    return between.join(f"{n:d}" if isinstance(n, int | np.integer) else f"{n:.3g}" for n in shape)


def number(value: float, digits: str = ".3g") -> str:
    """A number as text; a dash where it is not known.

    Parameters
    ----------
    value
        Any number; NaN and infinity are not known.
    digits
        Format of one that is.
    """
    return format(value, digits) if np.isfinite(value) else "–"


def axes_of(ndim: int) -> str:
    """Names of the array axes of counts."""
    return "rocking, row, column" if ndim == 3 else "row, column"


def slices_through(array: NDArray[Any], place: Sequence[int]) -> list[NDArray[Any]]:
    """The plane of a 2D array, or the three planes of a 3D one through a voxel.

    Parameters
    ----------
    array
        2D or 3D.
    place
        Index of the voxel that the planes go through.
    """
    if array.ndim == 2:
        return [array]
    return [np.take(array, place[axis], axis) for axis in range(3)]


def _image(panels: Sequence[NDArray[Any]]) -> str:
    if not panels:
        return ""
    import matplotlib
    from matplotlib.image import imsave

    low = min((float(np.nanmin(panel)) for panel in panels if np.isfinite(panel).any()), default=0.0)
    high = max((float(np.nanmax(panel)) for panel in panels if np.isfinite(panel).any()), default=1.0)
    colours = matplotlib.colormaps["viridis"].with_extremes(bad="0.75")
    found = []
    for panel in panels:
        zoom = max(_SIDE // max(panel.shape), 1)
        large = np.kron(panel, np.ones((zoom, zoom)))
        file = io.BytesIO()
        imsave(file, large, vmin=low, vmax=high, cmap=colours, format="png")
        text = base64.b64encode(file.getvalue()).decode()
        found.append(f"<img style='margin:4px' src='data:image/png;base64,{text}'>")
    return f"<div>{''.join(found)}</div>"
