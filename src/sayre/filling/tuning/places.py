"""Where gaps are hidden to train on, and the copies of the gaps that are held back.

Held back are the copies by which `stack` weighs its methods. What is trained on is measured, lies in other
places where pieces of the mask fit, and is not the inversion of what is held back, which would be nearly the
same counts by Friedel's law. So the weights that `stack` gives, and the error that it states, rest on counts
that training has never seen.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from sayre.data import Pattern
from sayre.filling.network.volume import Volume, assemble, inversion_centre, mirrored
from sayre.filling.stacking import between_copies
from sayre.filling.stacking.pieces import Copies, Piece
from sayre.filling.wiener import wiener_hidden
from sayre.numerics.interpolate import linear_fill

Log = NDArray[np.float32]
Mask = NDArray[np.bool_]

LEAST = 0.3
"""Share of a piece that must be measured, and not held back, where it is hidden to train on."""


class Scene(NamedTuple):
    """A pattern with hidden voxels, as a network sees it.

    Attributes
    ----------
    volume
        The pattern with its first fill.
    wanted
        Hidden voxels that were measured, and that count.
    """

    volume: Volume
    wanted: Mask


def held_scene(pattern: Pattern, copies: Copies) -> Scene:
    """Return the scene that is held back: the copies, as `stack` shows them to the network.

    Parameters
    ----------
    pattern
        3D counts with a mask.
    copies
        Of its mask.
    """
    first = wiener_hidden(np.log1p(pattern.intensity), pattern.mask, copies.mask)
    counts, still = between_copies(pattern, copies, first.filled)
    return _scene(counts, still | copies.mask, first.filled, first.sigma, copies.mask & ~copies.narrow)


def reserved(pattern: Pattern, copies: Copies) -> Mask:
    """Return what training may not be told: masked voxels, copies, and the inversion of what is held back.

    Parameters
    ----------
    pattern
        3D counts with a mask.
    copies
        Of its mask.
    """
    held = copies.mask & ~copies.narrow
    centre = inversion_centre(pattern.intensity, pattern.mask)
    inverted, _ = mirrored(held.astype(np.float32), np.zeros_like(held), centre)
    return np.asarray(pattern.mask | copies.mask | (inverted > 0))


def places(piece: Piece, taken: Mask) -> list[int]:
    """Return by how many voxels along its axis a piece may be moved to be hidden there.

    Parameters
    ----------
    piece
        Of the mask.
    taken
        Voxels that may not be trained on.
    """
    side, n = piece.box[piece.axis], taken.shape[piece.axis]
    least = LEAST * piece.inside.sum()
    shifts = range(1 - side.start, n - side.stop)  # a plane on either side stays measured
    return [s for s in shifts if (piece.inside & ~piece.moved(taken, s, True)).sum() >= least]


def training_scene(
    pattern: Pattern, copies: Copies, taken: Mask, generator: np.random.Generator
) -> Scene | None:
    """Hide each piece of the mask at a place drawn at random; None where none fits.

    Parameters
    ----------
    pattern
        3D counts with a mask.
    copies
        Of its mask.
    taken
        Voxels that may not be trained on.
    generator
        Draws the places.
    """
    hidden = np.zeros_like(taken)
    for piece in copies.pieces:
        shifts = places(piece, taken)
        if shifts:
            box, part = piece.place(int(generator.choice(shifts)), taken.shape)
            hidden[box] |= piece.inside[part]
    hidden &= ~pattern.mask
    if not (hidden & ~taken).any():
        return None
    first = wiener_hidden(np.log1p(pattern.intensity), pattern.mask, hidden)
    return _scene(pattern.intensity, pattern.mask | hidden, first.filled, first.sigma, hidden & ~taken)


def _scene(counts: Log, mask: Mask, filled: Log, sigma: Log, wanted: Mask) -> Scene:
    linear = linear_fill(np.log1p(counts), mask)
    return Scene(assemble(counts, mask, filled, sigma, linear), wanted)
