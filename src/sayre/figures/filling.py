"""Pictures of a filled pattern."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from sayre.data import FilledPattern
from sayre.errors import InputError
from sayre.files.atomic import check_place, replacing

if TYPE_CHECKING:
    from matplotlib.figure import Figure

INK, PALE = "#1b2a41", "#f4f1ea"
ENDINGS = (".png", ".pdf", ".svg")
AXES = ("rocking", "row", "column")


def filling_figure(
    filled: FilledPattern, *, truth: NDArray[np.float32] | None = None, title: str = "", half: int = 40
) -> Figure:
    """Slices through a gap: as measured, filled, the truth where it is known, and the stated error.

    Parameters
    ----------
    filled
        2D or 3D.
    truth
        Expected or measured counts without the gap, same shape.
    title
        Written above.
    half
        Voxels shown on either side of the brightest.
    """
    from matplotlib.figure import Figure

    pattern = filled.pattern
    peak = np.unravel_index(int(np.argmax(filled.intensity)), pattern.shape)
    columns: list[tuple[str, NDArray[Any]]] = [
        ("measured", np.where(pattern.mask, np.nan, pattern.intensity)),
        (f"filled by {filled.method}", filled.intensity),
    ]
    if truth is not None:
        columns.append(("truth (no gap, no noise)", truth))
    stated = bool(np.isfinite(filled.sigma).all())
    solid = len(pattern.shape) == 3
    planes = _telling_planes(pattern.mask) if solid else [-1]
    names = AXES if solid else AXES[1:]
    count = len(columns) + stated
    figure = Figure(
        figsize=(3.1 * count + 0.9, 3.0 * len(planes) + 0.5), layout="constrained", facecolor="white"
    )
    grid = figure.subplots(len(planes), count, squeeze=False)
    top = float(np.log10(1 + filled.intensity.max()))
    for row, axis in zip(grid, planes, strict=True):
        box = tuple(
            int(peak[i]) if i == axis else slice(max(int(peak[i]) - half, 0), int(peak[i]) + half)
            for i in range(len(names))
        )
        for panel, (name, volume) in zip(row, columns, strict=False):
            image = _show(panel, np.log10(1 + volume[box]), "magma", 0, top)
            panel.set_title(name, fontsize=10, color=INK)
        label = [name for i, name in enumerate(names) if i != axis]
        row[0].set_ylabel(label[0], color=INK)
        row[0].set_xlabel(label[1], color=INK)
        figure.colorbar(image, ax=row[len(columns) - 1], shrink=0.85, label="log₁₀(1 + counts)")
        if stated:
            error = np.where(pattern.mask, filled.sigma, np.nan)[box]
            image = _show(
                row[-1], error, "viridis", 0, float(np.nanpercentile(filled.sigma[pattern.mask], 99))
            )
            row[-1].set_title("stated error", fontsize=10, color=INK)
            figure.colorbar(image, ax=row[-1], shrink=0.85, label="σ of log(1 + counts)")
    if title:
        figure.suptitle(title, fontsize=12, color=INK)
    return figure


def _telling_planes(mask: NDArray[np.bool_]) -> list[int]:
    """The two axes to slice along: not across the gap, which would show nothing or only gap."""
    shares = [np.ptp(mask.mean(axis=tuple(i for i in range(3) if i != axis))) for axis in range(3)]
    order = np.argsort(shares, kind="stable")
    return sorted(int(axis) for axis in order[:2])


def _show(panel: Any, image: NDArray[Any], cmap: str, low: float, high: float) -> Any:
    panel.set_facecolor("#9fb3c8")
    drawn = panel.imshow(image, cmap=cmap, vmin=low, vmax=high, origin="lower", interpolation="nearest")
    panel.set_xticks([])
    panel.set_yticks([])
    return drawn


def profile_figure(
    filled: dict[str, FilledPattern],
    truth: NDArray[np.float32],
    *,
    axis: int,
    place: tuple[int, int, int],
    reach: int,
) -> Figure:
    """Counts along `axis` through `place`, by every method, with the stated error as a band.

    Parameters
    ----------
    filled
        Filled patterns by the name in the legend.
    truth
        Noise-free counts, float32, 3D.
    axis
        Along the profile.
    place
        Index of a voxel that the profile goes through.
    reach
        Voxels on either side.
    """
    from matplotlib.figure import Figure

    figure = Figure(figsize=(7.5, 3.6), layout="constrained")
    panel = figure.subplots()
    low, high = max(place[axis] - reach, 0), place[axis] + reach
    line = tuple(slice(low, high) if i == axis else place[i] for i in range(3))
    x = np.arange(low, low + len(truth[line]))
    first = next(iter(filled.values()))
    gap = x[first.pattern.mask[line]]
    if len(gap):
        panel.axvspan(gap.min() - 0.5, gap.max() + 0.5, color="#dfe6ee", label="gap")
    panel.plot(x, 1 + truth[line], color=INK, lw=2.2, label="truth")
    for (name, result), color in zip(
        filled.items(), ("#d1495b", "#2e8b8b", "#edae49", "#888888"), strict=False
    ):
        inside = result.pattern.mask[line]
        y = np.where(inside, 1 + result.intensity[line], np.nan)
        panel.plot(x, y, "o-", ms=4, lw=1.2, color=color, label=name)
        if np.isfinite(result.sigma).all():
            level = np.log1p(result.intensity[line])
            sigma = np.where(inside, result.sigma[line], np.nan)
            panel.fill_between(x, np.exp(level - sigma), np.exp(level + sigma), color=color, alpha=0.2, lw=0)
    panel.set_yscale("log")
    panel.set_xlabel(f"{AXES[axis]} (voxels)")
    panel.set_ylabel("1 + counts")
    panel.legend(frameon=False, fontsize=9, ncols=2)
    panel.spines[["top", "right"]].set_visible(False)
    return figure


def figure_path_check(path: Path, *, force: bool) -> Path:
    """Check, before any work, that `save_figure` will be able to write at `path`.

    Parameters
    ----------
    path
        Where the picture is to be written.
    force
        Whether a file that is there may be replaced.

    Raises
    ------
    InputError
        Unknown ending, a missing or read-only folder, an existing file without `force`.
    """
    if path.suffix.lower() not in ENDINGS:
        raise InputError(f"{path}: no ending of a picture; {', '.join(ENDINGS)} would do")
    check_place(path, force=force)
    return path


def save_figure(figure: Figure, path: Path) -> None:
    """Write a picture, whole or not at all; the ending says how.

    Parameters
    ----------
    figure
        A matplotlib figure.
    path
        Its ending chooses the format.

    Raises
    ------
    InputError
        The folder is missing or read-only, or the disk is full.
    """
    with replacing(path, force=True) as file:
        figure.savefig(file, dpi=130, format=path.suffix.lstrip(".").lower())
