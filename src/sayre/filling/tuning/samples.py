"""Windows of a scene, cut as they are for filling: at random to train on, side by side to judge by."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray

from sayre.filling.network.predictor import Predictor
from sayre.filling.network.windows import Slab, SlabView, orient, plan, tiles
from sayre.filling.tuning.loss import Batch
from sayre.filling.tuning.places import Scene

Log = NDArray[np.float32]
Sample = list[Log]
"""The channels, the target and what is wanted, each `(depth, rows, columns)`."""

CANDIDATES = 4
"""Places that are drawn for a window, of which bright ones are selected more often."""


class Cutter:
    """Cuts windows of a scene.

    Parameters
    ----------
    scene
        What is hidden, and the first fill.
    target
        `log(1 + n)` of the measured counts.
    predictor
        Its windows are cut.
    """

    def __init__(self, scene: Scene, target: Log, predictor: Predictor) -> None:
        self._scene, self._target, self._predictor = scene, target, predictor
        mask = scene.volume.mask
        slabs, _ = plan(mask, depth=predictor.depth, max_width=predictor.widths[1])
        self.slabs = [slab for slab in (slab.within(scene.wanted) for slab in slabs) if len(slab.voxels)]

    def _view(self, slab: Slab) -> tuple[SlabView, list[Log]]:
        volume = self._scene.volume
        view = SlabView(slab, volume.mask.shape, self._predictor.depth, (self._predictor.tile,) * 2)
        wanted = np.zeros(view.shape, np.float32)
        wanted[view.index] = 1
        return view, [*(view.across(*c) for c in volume.channels), view.across(self._target, 0.0), wanted]

    def draw(self, generator: np.random.Generator) -> Sample:
        """Cut a window at a random place and in a random orientation.

        Parameters
        ----------
        generator
            Source of every random number.
        """
        tile = self._predictor.tile
        sizes = np.array([len(slab.voxels) for slab in self.slabs], float)
        view, arrays = self._view(self.slabs[int(generator.choice(len(sizes), p=sizes / sizes.sum()))])
        corners = []
        for spot in generator.integers(len(view.index[0]), size=CANDIDATES):
            place = (int(index[spot]) - int(generator.integers(tile)) for index in view.index[1:])
            corners.append([int(np.clip(p, 0, n - tile)) for p, n in zip(place, view.shape[1:], strict=True)])
        middle = arrays[0][self._predictor.depth // 2]
        light = np.array([middle[r : r + tile, c : c + tile].mean() for r, c in corners]) + 1e-3
        r, c = corners[int(generator.choice(CANDIDATES, p=light / light.sum()))]
        orientation = int(generator.integers(16))
        return [orient(a[None, :, r : r + tile, c : c + tile], orientation)[0] for a in arrays]

    def side_by_side(self, most: int, generator: np.random.Generator) -> list[Sample]:
        """Cut windows in which every voxel counts once.

        Of more than `most` windows bright ones are selected more often.

        Parameters
        ----------
        most
            Number of windows.
        generator
            Draws which.
        """
        tile, samples = self._predictor.tile, []
        for slab in self.slabs:
            _, arrays = self._view(slab)
            wanted = arrays[-1]
            for r, c, _ in tiles(slab, self._scene.volume.mask.shape, tile, tile):
                part = np.s_[:, r : r + tile, c : c + tile]
                samples.append([a[part].copy() for a in arrays])
                wanted[part] = 0
        samples = [sample for sample in samples if sample[-1].any()]
        if len(samples) <= most:
            return samples
        light = np.array([float((s[0] * s[-1]).sum() / s[-1].sum()) for s in samples]) + 1e-3
        chosen = generator.choice(len(samples), most, replace=False, p=light / light.sum())
        return [samples[i] for i in sorted(chosen)]


def batch_of(samples: Sequence[Sample], device: torch.device) -> Batch:
    """Stack windows.

    Parameters
    ----------
    samples
        From a `Cutter`.
    device
        Where the tensors go.
    """
    *channels, target, wanted = (
        torch.from_numpy(np.stack(arrays)).to(device) for arrays in zip(*samples, strict=True)
    )
    return Batch(tuple(channels), target, wanted)
