"""Counts along a line across a gap: measured, filled in several ways, and what is known beside them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, NamedTuple, TypeVar

import numpy as np
from numpy.typing import NDArray

from sayre.data import FilledPattern
from sayre.figures.counts import Place, numbering
from sayre.figures.drawn import finish
from sayre.figures.style import INK, legend_below
from sayre.numerics.gaps import UNBOUNDED, find_gaps, run_lengths

if TYPE_CHECKING:
    from matplotlib.figure import Figure

Counts = NDArray[np.floating]
T = TypeVar("T", bound=np.generic)

COLOURS = ("#d1495b", "#2e8b8b", "#edae49", "#7a5195")
TRUTH = "truth"
"""Name of the line that is drawn broad and pale below the others, in `PALE_LINE`."""
PALE_LINE = "#c3c9d2"
BAND = "#dfe6ee"
REACH = 24
"""Voxels shown on either side of the gap, at most."""


class Profile(NamedTuple):
    """A line across a gap.

    `x` are the numbers of its voxels in the file along the axis `name`, `place` says where it lies; `gap` is
    True in the gap. `lines` are counts by their names, NaN where they are not known; `sigma` is the standard
    error of `log(1 + counts)` of the first filled line, NaN outside the gap, or None.
    """

    name: str
    place: str
    x: NDArray[np.float64]
    gap: NDArray[np.bool_]
    measured: NDArray[np.float64]
    lines: dict[str, NDArray[np.float64]]
    sigma: NDArray[np.float64] | None


def in_the_gap(filled: FilledPattern) -> Place:
    """Index of the brightest filled voxel that has measured ones around it; else of any filled one."""
    gaps, labels = find_gaps(filled.mask)
    inner = [gap.label for gap in gaps if gap.kind in ("plane", "cross", "beamstop")]
    return _brightest(filled.intensity, np.isin(labels, inner) if inner else filled.mask)


def places_across(filled: FilledPattern) -> dict[int, Place]:
    """For each axis along which a gap is narrowest, with two sides, its brightest filled voxel.

    Parameters
    ----------
    filled
        Filled counts.
    """
    lengths = np.stack([run_lengths(filled.mask, axis) for axis in range(len(filled.shape))])
    narrowest = lengths.min(0)
    found = {}
    for axis, length in enumerate(lengths):
        across = filled.mask & (length < UNBOUNDED) & (length == narrowest)
        if across.any():
            found[axis] = _brightest(filled.intensity, across)
    return found


def _brightest(counts: Counts, where: NDArray[np.bool_]) -> Place:
    return tuple(int(i) for i in np.unravel_index(int(np.argmax(np.where(where, counts, -1))), counts.shape))


def gap_profiles(filled: FilledPattern, others: Mapping[str, Counts] | None = None) -> list[Profile]:
    """Lines across the gaps through their brightest voxels, one for each axis that crosses a gap.

    Parameters
    ----------
    filled
        Filled counts.
    others
        Further counts of the same shape by name, as of other methods; NaN where they are not known.
    """
    filled = filled.numpy()
    return [_profile(filled, others or {}, place, axis) for axis, place in places_across(filled).items()]


def _profile(filled: FilledPattern, others: Mapping[str, Counts], place: Place, axis: int) -> Profile:
    numbers = numbering(filled.meta, len(filled.shape))
    gap = _line(filled.mask, place, axis)
    width = int(run_lengths(gap, 0)[place[axis]])
    low, high = max(place[axis] - width - REACH, 0), place[axis] + width + REACH + 1
    part = slice(low, high)
    gap = gap[part]

    def along(values: Counts) -> NDArray[np.float64]:
        return np.asarray(_line(values, place, axis)[part], np.float64)

    measured = np.where(gap, np.nan, along(filled.pattern.intensity))
    lines = {f"filled by {filled.method}": np.where(gap, along(filled.intensity), np.nan)}
    lines |= {name: along(values) for name, values in others.items()}
    stated = np.where(gap, along(filled.sigma), np.nan)
    where = [numbers.text(i, p) for i, p in enumerate(place) if i != axis]
    return Profile(
        name=numbers.names[axis],
        place=", ".join(where),
        x=np.array([numbers.at(axis, i) for i in range(low, low + len(gap))]),
        gap=gap,
        measured=measured,
        lines=lines,
        sigma=stated if np.isfinite(stated[gap]).all() else None,
    )


def _line(array: NDArray[T], place: Place, axis: int) -> NDArray[T]:
    return array[tuple(slice(None) if i == axis else p for i, p in enumerate(place))]


def band(profile: Profile) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """One standard error below and above the filled line, as `1 + counts`; NaN outside the gap."""
    first = np.log1p(next(iter(profile.lines.values())))
    sigma = np.full(len(first), np.nan) if profile.sigma is None else profile.sigma
    return np.exp(np.maximum(first - sigma, 0)), np.exp(first + sigma)


def profiles_figure(profiles: list[Profile], *, title: str = "") -> Figure:
    """Picture of lines across the gap, with the stated error as a band.

    Parameters
    ----------
    profiles
        From `gap_profiles`.
    title
        Written above.
    """
    from matplotlib.figure import Figure

    figure = Figure(figsize=(5.4 * max(len(profiles), 1) + 1.2, 3.9), layout="constrained", facecolor="white")
    panels = figure.subplots(1, max(len(profiles), 1), squeeze=False)[0]
    for panel, profile in zip(panels, profiles, strict=False):
        step = profile.x[1] - profile.x[0] if len(profile.x) > 1 else 1.0
        for first, end in runs_of(profile.gap):
            panel.axvspan(
                profile.x[first] - step / 2, profile.x[end - 1] + step / 2, color=BAND, lw=0, zorder=0
            )
        panel.plot(profile.x, 1 + profile.measured, "o-", color=INK, lw=1.6, ms=3, label="measured")
        low, high = band(profile)
        if TRUTH in profile.lines:
            panel.plot(profile.x, 1 + profile.lines[TRUTH], color=PALE_LINE, lw=6, label=TRUTH, zorder=1)
        for name, values, colour in coloured(profile):
            panel.plot(profile.x, 1 + values, ".-", ms=5, lw=1.3, color=colour, label=name)
        if profile.sigma is not None:
            panel.fill_between(profile.x, low, high, color=COLOURS[0], alpha=0.2, lw=0, label="± σ")
        panel.set_yscale("log")
        panel.set_xlabel(f"{profile.name}   ({profile.place})", fontsize=9)
        panel.set_ylabel("1 + counts", fontsize=9)
        finish(panel)
    if profiles:
        legend_below(figure, 4)
    if title:
        figure.suptitle(title, fontsize=11, color=INK, x=0.01, ha="left")
    return figure


def coloured(profile: Profile) -> list[tuple[str, NDArray[np.float64], str]]:
    """Lines of a profile but the truth, with their names and colours."""
    others = [(name, values) for name, values in profile.lines.items() if name != TRUTH]
    return [(*line, COLOURS[i % len(COLOURS)]) for i, line in enumerate(others)]


def runs_of(region: NDArray[np.bool_]) -> list[tuple[int, int]]:
    """First index of every run of True, and the one after its last."""
    steps = np.flatnonzero(np.diff(np.concatenate(([0], region.astype(np.int8), [0]))))
    return [(int(a), int(b)) for a, b in steps.reshape(-1, 2)]
