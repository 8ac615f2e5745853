"""Filling by several methods at once, weighed by how well each fills hidden copies of the gaps near by.

Linear interpolation, interpolation of smoothed edges, wiener and the network fill the gaps, and copies of
them that are cut into measured voxels. What is measured there decides, from place to place and for bright and
dim voxels apart, whom to believe, and how large the error is. Rods that cross a gap are continued. Dead
pixels and other narrow runs are filled by wiener alone.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

import numpy as np
from numpy.typing import NDArray

from sayre.data import Pattern
from sayre.errors import warn
from sayre.filling.kept import Kept
from sayre.filling.network import windows
from sayre.filling.network.predictor import Predictor
from sayre.filling.network.volume import assemble
from sayre.filling.stacking.experts import Estimate, Expert, interpolating
from sayre.filling.stacking.mixture import combine
from sayre.filling.stacking.pieces import Copies, hidden_copies
from sayre.filling.stacking.stacked import Stacked, keep, resume
from sayre.filling.wiener import wiener_fill, wiener_hidden
from sayre.numerics.interpolate import linear_fill
from sayre.numerics.progress import Advance, Part
from sayre.numerics.slabs import at_once

Log = NDArray[np.float32]
Mask = NDArray[np.bool_]

COPY_STRIDE = 40
"""Distance of the network's windows in copies, where they are not large: their error is hardly larger than
that of denser ones."""
SHARES = {"hidden": 0.3, "wiener": 0.25, "copies": 0.2, "gaps": 0.25}
"""Parts of the work, for the progress."""


def stack_fill(
    pattern: Pattern,
    predictor: Predictor | None,
    stride: int | None,
    *,
    progress: Advance | None = None,
    kept: Kept | None = None,
) -> Stacked:
    """Fill masked voxels by a mixture of methods, and state its standard error.

    Parameters
    ----------
    pattern
        2D or 3D counts with a mask.
    predictor
        The network, for 3D counts; None leaves it out.
    stride
        Distance of the network's windows in the gaps; None for few and large ones, if the network allows.
    progress
        Called with the fraction done.
    kept
        Where the steps of wiener and the network, and the filling itself, are kept, and resumed from.
    """
    values, mask = np.log1p(pattern.intensity), pattern.mask
    copies = hidden_copies(mask)
    found = resume(kept, values, mask, copies)
    if found is None:
        found = _stacked(pattern, values, copies, predictor, stride, progress, kept)
        keep(kept, found, mask)
    if found.beyond and predictor is not None:
        warn(
            f"{pattern.name}: {found.beyond} masked voxels lie in gaps wider than the network's "
            f"{predictor.widths[1]} or at the rim; filled without it, with a larger error"
        )
    if progress:
        progress(1.0)
    return found


def _stacked(
    pattern: Pattern,
    values: Log,
    copies: Copies,
    predictor: Predictor | None,
    stride: int | None,
    progress: Advance | None,
    kept: Kept | None,
) -> Stacked:
    """Ask every method for the gaps and the copies, and mix what they expect."""
    mask = pattern.mask
    part = {}
    begin = 0.0
    for name, share in SHARES.items():
        part[name] = Part(progress, begin, begin + share)
        begin += share
    plain, beside = at_once(
        partial(linear_fill, values, mask), partial(linear_fill, values, mask | copies.mask)
    )
    linear = plain, beside
    hidden = wiener_hidden(values, mask, copies.mask, linear=linear, progress=part["hidden"], kept=kept)
    filled, sigma = wiener_fill(
        values, mask, hidden=hidden, linear=linear[0], progress=part["wiener"], kept=kept
    )
    wiener = Expert(
        name="wiener",
        gap=Estimate(log=filled, sigma=sigma),
        hidden=Estimate(log=hidden.filled, sigma=hidden.sigma),
    )
    experts, beyond = [wiener], 0
    if copies.pieces:
        experts = [*interpolating(values, mask, copies.mask, linear), wiener]
        if predictor is not None:
            network = _Network(predictor, pattern, copies, wiener, linear[0])
            expert, beyond = network.expert(stride, part["copies"], part["gaps"], kept)
            experts.append(expert)
    gap, there = combine(pattern.intensity, mask, copies, experts, np.random.default_rng(0))
    names = [expert.name for expert in experts]
    return Stacked(gap=gap, hidden=there, copies=copies, names=names, beyond=beyond)


def between_copies(pattern: Pattern, copies: Copies, filled: Log) -> tuple[Log, Mask]:
    """Return counts, and what of the mask is left once gaps between their copies are filled by wiener.

    So a window of the network shows one gap, as in training; nothing of the copies is in that filling.

    Parameters
    ----------
    pattern
        3D counts with a mask.
    copies
        Of the mask.
    filled
        `log(1 + I)` of gaps and copies, filled by wiener with both hidden.
    """
    counts, mask = pattern.intensity.copy(), pattern.mask.copy()
    for piece in copies.pieces:
        if len(piece.shifts) > 1:
            between = np.maximum(np.expm1(filled[piece.box]), 0)
            counts[piece.box][piece.inside] = between[piece.inside]
            mask[piece.box][piece.inside] = False
    return counts, mask


@dataclass(frozen=True)
class _Network:
    """The network as an expert."""

    predictor: Predictor
    pattern: Pattern
    copies: Copies
    wiener: Expert
    linear: Log

    def expert(
        self, stride: int | None, first: Advance, second: Advance, kept: Kept | None
    ) -> tuple[Expert, int]:
        """Ask it for the copies and for the gaps, of which it cannot reach so many voxels."""
        mask, predictor = self.pattern.mask, self.predictor
        counts, still = between_copies(self.pattern, self.copies, self.wiener.hidden.log)
        wanted = self.copies.mask & ~self.copies.narrow
        seldom, often = predictor.stride(None, COPY_STRIDE), predictor.stride(stride)
        hidden, _ = self._ask(
            counts, still | self.copies.mask, wanted, self.wiener.hidden, seldom, 1, "copies", first, kept
        )
        views, wide = windows.VIEWS, self.copies.wide
        gap, beyond = self._ask(
            self.pattern.intensity, mask, wide, self.wiener.gap, often, views, "windows", second, kept
        )
        return Expert(name="unet", gap=gap, hidden=hidden), beyond

    def _ask(
        self,
        counts: Log,
        mask: Mask,
        wanted: Mask,
        baseline: Estimate,
        stride: int | None,
        views: int,
        name: str,
        progress: Advance,
        kept: Kept | None,
    ) -> tuple[Estimate, int]:
        """Fill the voxels wanted; so many of them it cannot reach, and they stay as the baseline has them."""
        predictor = self.predictor
        linear = self.linear if counts is self.pattern.intensity else linear_fill(np.log1p(counts), mask)
        if predictor.baseline == "linear":
            baseline = Estimate(log=linear, sigma=mask.astype(np.float32))
        volume = assemble(counts, mask, baseline.log, baseline.sigma, linear)
        slabs, beyond = windows.plan(mask, depth=predictor.depth, max_width=predictor.widths[1])
        mine = [slab for slab in (slab.within(wanted) for slab in slabs) if len(slab.voxels)]
        done = windows.fill(
            volume,
            mine,
            predictor,
            depth=predictor.depth,
            tile=predictor.tile,
            stride=stride,
            views=views,
            progress=progress,
            kept=kept,
            name=name,
        )
        filled, sigma = baseline.log.copy(), baseline.sigma.copy()
        filled.flat[done.voxels] = np.maximum(done.mean, 0)
        stated = predictor.sigma_scale * np.sqrt(done.variance) if predictor.states_error else np.nan
        sigma.flat[done.voxels] = stated
        return Estimate(log=filled, sigma=sigma), int(np.count_nonzero(wanted.ravel()[beyond]))
