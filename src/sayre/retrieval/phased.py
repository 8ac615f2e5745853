"""The result of phase retrieval."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sayre.data import AnyPattern, Crystal
from sayre.data.json_text import plain
from sayre.data.shown import Lines, Shown, number, sizes, slices_through
from sayre.retrieval.aliens import Aliens
from sayre.retrieval.choice import middle
from sayre.retrieval.choice.modes import Modes
from sayre.retrieval.engine.run import Run
from sayre.retrieval.measurement.nuisances import Nuisances
from sayre.retrieval.sampling import ratios_text


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class Phased(Shown):
    """The result of phase retrieval; arrays centred, of the shape phased.

    Attributes
    ----------
    object
        complex64: what the selected runs have in common, or the best of them where that explains the counts
        better.
    support
        bool, where the amplitude of `object` exceeds the threshold of shrink-wrap.
    threshold
        That threshold, of which the refinement chooses one where none is given.
    recipe
        Text of the recipe that was iterated, as far as `recipe_note` does not say otherwise.
    modes
        Modes of the selected runs, with their weights, and the scatter to expect of `object`.
    runs
        Every run, after the steps of the recipe before `WIDE`.
    random_from
        Number of the first of the random starts that were made because no two of the network's agreed; None
        where none were.
    selected
        Numbers of the starts that were averaged, the central one first.
    averaged
        Their objects, aligned on the first: after the whole recipe and refined, if `of_mean` is false.
    residual, likelihood, free_likelihood
        Fit of `object` to the counts; see `sayre.retrieval.engine.modulus.FitQuality`.
    agreement
        Median complex correlation of the selected runs with the central one.
    expected
        float32, the counts that are expected of `object`, in gaps too.
    nuisances
        Effects of beam and detector under which the objects were refined; None where they were not.
    unrefined
        Why the objects were not refined; None where they were.
    best
        Number of the start that `object` is; None where it is what the selected ones have in common.
    of_mean
        Whether the selected starts were one object, so that the steps after `WIDE` and the refinement were of
        their mean alone.
    oversampling
        Ratio of each axis, as `sayre.retrieval.sampling` estimates it; NaN where it cannot.
    pattern
        The part of the pattern that was phased, binned and centred on its peak; aliens are masked in it.
    aliens
        Counts of something else than the crystal that were masked; None where none were found or looked for.
    """

    support: NDArray[np.bool_]
    threshold: float
    recipe: str
    modes: Modes
    runs: tuple[Run, ...] = field(repr=False)
    selected: tuple[int, ...]
    averaged: tuple[NDArray[np.complex64], ...] = field(repr=False)
    residual: float
    likelihood: float
    free_likelihood: float
    agreement: float
    expected: NDArray[np.float32] = field(repr=False)
    nuisances: Nuisances | None
    unrefined: str | None = None
    random_from: int | None = None
    best: int | None
    of_mean: bool = False
    oversampling: tuple[float, ...]
    pattern: AnyPattern = field(repr=False)
    object: NDArray[np.complex64]
    aliens: Aliens | None = None

    @property
    def crystal(self) -> Crystal:
        """The object on voxels of unknown size; `sayre.reconstruct` adds geometry and strain."""
        return Crystal(object=self.object, support=self.support, metrics=self.metrics)

    @property
    def middle_shape(self) -> tuple[int, ...] | None:
        """Shape of the middle of the pattern where steps before `WHOLE` were iterated; None without it."""
        return middle.middle_shape(self.pattern.shape, self.oversampling) if self._has_whole else None

    @property
    def recipe_note(self) -> str:
        """What is to be said after the recipe: what was iterated on less than all of it; else empty."""
        if not self._has_whole:
            return ""
        if self.middle_shape is not None:
            shape = sizes(self.middle_shape)
            note = f", with the steps before WHOLE on the middle of the pattern, {shape} voxels"
            mean = "the mean of the starts was refined, as it is or after what follows WIDE"
            return f"{note}; {mean}, whichever predicts unseen voxels better" if self.of_mean else note
        left_out = "from WHOLE to WIDE" if re.search(r"\bWIDE\b", self.recipe) else "after WHOLE"
        return f", without the steps {left_out}, which are for larger patterns"

    @property
    def _has_whole(self) -> bool:
        return re.search(r"\bWHOLE\b", self.recipe) is not None

    @property
    def random_text(self) -> str:
        """What is to be said of random starts made after those of the network; empty where none were."""
        if self.random_from is None:
            return ""
        random = sum(index >= self.random_from for index in self.selected)
        whose = {0: "the network", len(self.selected): "the random ones"}.get(random, "both")
        return f" (no two of the network's {self.random_from} agreed, so random ones followed; of {whose})"

    @property
    def origin(self) -> tuple[int, ...]:
        """First voxel of the part that was phased, in voxels of the array in the file."""
        return self.pattern.meta.origin or (0,) * self.object.ndim

    @property
    def metrics(self) -> dict[str, Any]:
        """Numbers that describe the result, as JSON can hold them; None where a number is not known."""
        metrics: dict[str, Any] = plain(
            {
                "residual": self.residual,
                "likelihood": self.likelihood,
                "free_likelihood": self.free_likelihood,
                "agreement": self.agreement,
                "scatter": self.modes.scatter,
                "mode_weights": self.modes.weights.tolist(),
                "runs": len(self.runs),
                "random_from": self.random_from,
                "failed": sum(bool(run.failed) for run in self.runs),
                "selected": list(self.selected),
                "best": self.best,
                "of_mean": self.of_mean,
                "measurement": None if self.nuisances is None else self.nuisances.metrics,
                "unrefined": self.unrefined,
                "aliens": None if self.aliens is None else self.aliens.metrics,
                "support_voxels": int(self.support.sum()),
                "threshold": self.threshold,
                "recipe": self.recipe,
                "oversampling": list(self.oversampling),
                "origin": list(self.origin),
            }
        )
        return metrics

    @property
    def title(self) -> str:
        """The first line that it prints."""
        return f"Phased {self.pattern.name}: {sizes(self.object.shape)} voxels"

    def _lines(self) -> Lines:
        agreement, scatter = self.agreement, self.modes.scatter
        return [
            ("starts", f"{len(self.selected)} of {len(self.runs)} averaged{self.random_text}"),
            ("R", number(self.residual, ".3f")),
            (
                "half deviance of a voxel, and of free ones",
                f"{number(self.likelihood)}, {number(self.free_likelihood)}",
            ),
            ("effects of beam and detector", self._effects),
            ("agreement", f"{agreement:.3f}" if agreement == agreement else "not known of a single start"),
            ("scatter", f"{scatter:.2f}" if scatter == scatter else "not known of a single start"),
            ("support", f"{int(self.support.sum())} voxels, threshold {self.threshold:g}"),
            ("oversampling ratio", ratios_text(self.oversampling)),
            *([] if self.aliens is None else [("aliens", self.aliens.sentence)]),
        ]

    @property
    def _effects(self) -> str:
        if self.nuisances is None:
            return f"not refined: {self.unrefined}" if self.unrefined else "not refined"
        return ", ".join(self.nuisances.noticed) or "none to be noticed"

    def _panels(self) -> Sequence[NDArray[Any]]:
        return slices_through(np.abs(self.object), [n // 2 for n in self.object.shape])
