"""Fills of gaps that are cut into measured counts: tables of docs/training.md.

    python benchmarks/hidden.py FILE --gaps AXIS:START:WIDTH ... [--crop 96 | --box FIRST STOP ... ]
    python benchmarks/hidden.py FILE --gaps 1:+6:12 ...

hides one gap after the other and fills it by every method. START is the first plane of the gap in the array
of the file, or with a sign the distance of its middle from the brightest voxel. The columns are the log error
over that of linear interpolation in the whole gap, and in its voxels above 5 counts (after smoothing by a
Gaussian of one voxel); the sum of the filled counts over that of the hidden ones; and the share of the voxels
within one and two standard errors, photon noise included. The hidden counts carry photon noise that no method
can predict.
"""

from __future__ import annotations

import argparse
import warnings
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter

import sayre
from measured import around_brightest
from sayre.data import Pattern
from sayre.filling.scores import cut_gap
from sayre.numerics import metrics

METHODS = ("linear", "wiener", "unet")
BRIGHT = 5.0


def part(options: argparse.Namespace) -> tuple[Pattern, list[int]]:
    """Return the part of the pattern that is filled, and its first voxel."""
    pattern = sayre.load(options.file, flat=options.flat)
    if options.box:
        box = tuple(slice(a, b) for a, b in zip(options.box[::2], options.box[1::2], strict=True))
    else:
        box = around_brightest(pattern, (options.crop,) * len(pattern.shape))
    return pattern.crop(box), [side.start for side in box]


def light(pattern: Pattern) -> NDArray[np.float64]:
    """Compute the smoothed counts, which tell where a pattern is bright."""
    measured = (~pattern.mask).astype(np.float64)
    counts = gaussian_filter(pattern.intensity.astype(np.float64), 1)
    return counts / np.maximum(gaussian_filter(measured, 1), 1e-3)


def scores(pattern: Pattern, axis: int, start: int, width: int) -> dict[str, list[float]]:
    """Return the columns of every method."""
    gapped, known = cut_gap(pattern, axis, start, width)
    truth, bright = pattern.intensity[known], light(pattern)[known] > BRIGHT
    rows: dict[str, list[float]] = {}
    line = truth
    for method in METHODS:
        filled = sayre.inpaint(gapped, method=method)
        found, sigma = filled.intensity[known], filled.sigma[known]
        line = found if method == "linear" else line
        rows[method] = [
            metrics.log_error_ratio(found, truth, line),
            metrics.log_error_ratio(found[bright], truth[bright], line[bright]) if bright.any() else np.nan,
            float(found.sum(dtype=float) / truth.sum(dtype=float)),
        ]
        z = np.abs(metrics.predictive_z(found, sigma, truth, np.random.default_rng(0)))
        rows[method] += [float(np.mean(z <= 1)), float(np.mean(z <= 2))] if np.isfinite(sigma).all() else []
    return rows


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("file", type=Path)
    parser.add_argument("--gaps", nargs="+", required=True)
    parser.add_argument("--crop", type=int, default=96)
    parser.add_argument("--box", type=int, nargs="+")
    parser.add_argument("--flat", default="auto")
    options = parser.parse_args()
    warnings.simplefilter("ignore")
    pattern, first = part(options)
    peak = np.unravel_index(int(pattern.intensity.argmax()), pattern.shape)
    print("axis start width method     all  bright    sum     1σ     2σ")
    everything: dict[str, list[list[float]]] = {method: [] for method in METHODS}
    for text in options.gaps:
        axis, place, width = text.split(":")
        begin = int(place) - first[int(axis)]
        if place[0] in "+-":
            begin = int(peak[int(axis)]) + int(place) - (int(width) - 1) // 2
        for method, row in scores(pattern, int(axis), begin, int(width)).items():
            everything[method].append(row)
            print(
                f"{axis:>4} {place:>5} {width:>5} {method:8s}" + "".join(f"{v:7.2f}" for v in row), flush=True
            )
    for method, rows in everything.items():
        mean = np.nanmean(rows, axis=0)
        print(f"mean of {len(rows):<8} {method:8s}" + "".join(f"{v:7.3f}" for v in mean), flush=True)


if __name__ == "__main__":
    main()
