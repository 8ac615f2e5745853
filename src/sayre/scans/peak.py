"""Where the peak is from the pixel of the direct beam."""

from __future__ import annotations

import numpy as np
from scipy import ndimage

from sayre.crystal.stated import StatedGeometry
from sayre.data import Pattern


def place_of_peak(
    pattern: Pattern, beam: tuple[float, float, str], part: tuple[slice, slice] | None = None
) -> StatedGeometry:
    """Return the key `peak` of a geometry.

    The peak is the brightest pixel of the sum over frames, after a median of 3 × 3 pixels that hot pixels do
    not survive. A pixel more or less turns the scattering vector by the angle of a pixel.

    Parameters
    ----------
    pattern
        Counts of whole frames.
    beam
        Row and column of the direct beam at zero angles of the arm, and where the two are from.
    part
        Rows and columns of the frames that the counts are of; None: the frames are whole.
    """
    total = pattern.intensity.sum(axis=0, dtype=np.float64)
    row, column = np.unravel_index(int(np.argmax(ndimage.median_filter(total, 3))), total.shape)
    if part is not None:
        row, column = row + (part[0].start or 0), column + (part[1].start or 0)
    row_of_beam, column_of_beam, source = beam
    return StatedGeometry(
        values={"peak": (round(float(row) - row_of_beam, 2), round(float(column) - column_of_beam, 2))},
        sources={"peak": f"brightest pixel ({row}, {column}) minus {source}"},
    )
