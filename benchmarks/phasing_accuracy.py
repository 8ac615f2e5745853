"""How near the truth phase retrieval comes, without knowing it: tables of docs/phasing.md.

    python benchmarks/phasing_accuracy.py [--crystals 20] [--runs 20] [--gaps none cross] [--refine auto]

Crystals from atoms, weakly strained (phase range 0 to π), σ 2.2 to 3.5, peaks of 1e5 to 1e7 counts. `cross`
masks two planes of 6 voxels that miss the peak's centre and fills them (`--method`), their error bounding the
amplitude. Results go to the first file of `--json` crystal by crystal; those already there or in the other
files are not repeated. Several processes share the work by `--first`, a file each.

    python benchmarks/phasing_accuracy.py --measured FILE [--crop 96] [--sets 3] [--init network]

phases a measured peak from several sets of starts, and compares them with each other.
"""

from __future__ import annotations

import argparse
import json
import time
import warnings
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sayre import files
from sayre.crystal.strain import strain
from sayre.data import FilledPattern, Pattern
from sayre.detectors import masks
from sayre.filling.fill import inpaint
from sayre.retrieval.choice.align import align, correlation
from sayre.retrieval.phasing import phase
from sayre.retrieval.prepare import around_peak
from sayre.simulation.particles import shapes
from sayre.simulation.peak import simulate

TEST_SEED = 20_250_321
SHAPES = ("winterbottom", "wulff", "cube", "octahedron", "tetrahedron", "random")


def one(index: int, gaps: str, options: argparse.Namespace) -> dict[str, Any]:
    """Phase one crystal and compare it with the truth."""
    generator = np.random.default_rng([TEST_SEED, index])
    shape: shapes.Shape = SHAPES[index % len(SHAPES)]  # type: ignore[assignment]
    made = simulate(
        shape,
        atoms=60_000,
        shape_px=options.side,
        oversampling=float(generator.uniform(2.2, 3.5)),
        max_counts=10 ** generator.uniform(5, 7),
        phase_range=float(generator.uniform(0, np.pi)),
        rotate=True,
        generator=generator,
    )
    truth = np.fft.fftshift(np.fft.ifftn(np.fft.ifftshift(made.amplitude))).astype(np.complex64)
    pattern: Pattern | FilledPattern = made.pattern
    if gaps == "cross":
        middle = options.side // 2
        starts = middle + int(generator.integers(4, 9)), middle - int(generator.integers(10, 15))
        gapped = made.pattern.with_mask(
            masks.cross(made.pattern.shape, axes=(1, 2), starts=starts, widths=(6, 6))
        )
        pattern = inpaint(gapped, method=options.method)
    began = time.perf_counter()
    settings = {"recipe": options.recipe, "runs": options.runs, "refine": options.refine}
    found = phase(pattern, seed=index, **settings)
    seconds = time.perf_counter() - began
    ours = align(found.object, truth)
    each = [correlation(align(run.object, truth), truth) for run in found.runs if not run.failed]
    return {
        "index": index,
        "gaps": gaps,
        "shape": shape,
        "correlation": correlation(ours, truth),
        "single_starts": [round(c, 4) for c in each],
        "residual": found.residual,
        "agreement": found.agreement,
        "scatter": found.modes.scatter,
        "strain_rmse": strain_error(ours, truth),
        "seconds": seconds,
    }


def strain_error(ours: NDArray[np.complex64], truth: NDArray[np.complex64]) -> float:
    """Root mean square over the crystal and its axes of the difference of phase gradients, rad a voxel.

    Divided by |G| times the voxel it is that of strain.
    """
    inside = np.abs(truth) > 0.3 * np.abs(truth).max()
    errors = []
    for axis in range(3):
        g, basis = np.eye(3)[axis], np.eye(3) * 0.1
        a, b = (strain(np.angle(x), inside, g, basis) for x in (ours, truth))
        both = np.isfinite(a) & np.isfinite(b)
        errors.append(np.mean((a[both] - b[both]) ** 2))
    return float(np.sqrt(np.mean(errors)))


def measured(path: str, options: argparse.Namespace) -> None:
    """Phase one measured pattern from several sets of starts."""
    pattern = around_peak(files.load_filled(path), options.crop)
    objects: list[NDArray[np.complex64]] = []
    print("set      R  singles R      agreement  scatter  support  apart from the sets before   time")
    for seed in range(options.sets):
        began = time.perf_counter()
        settings = {"recipe": options.recipe, "runs": options.runs, "refine": options.refine}
        found = phase(pattern, seed=seed, init=options.init, **settings)
        singles = [run.residual for run in found.runs if not run.failed]
        apart = [np.sqrt(2 - 2 * correlation(align(x, found.object), found.object)) for x in objects]
        objects.append(found.object)
        print(
            f"{seed:3d}  {found.residual:.3f}  {min(singles):.3f} to {max(singles):.3f}"
            f"  {found.agreement:9.3f}  {found.modes.scatter:7.3f}  {found.support.sum():7d}"
            f"  {', '.join(f'{x:.3f}' for x in apart):26s}  {time.perf_counter() - began:5.0f} s",
            flush=True,
        )


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--first", type=int, default=0, help="number of the first crystal")
    parser.add_argument("--crystals", type=int, default=20)
    parser.add_argument("--runs", type=int, default=20)
    parser.add_argument("--side", type=int, default=64)
    parser.add_argument("--gaps", nargs="+", default=["none", "cross"])
    parser.add_argument("--method", default="auto")
    parser.add_argument("--recipe", help="the preset of --init, unless told")
    parser.add_argument("--init", default="random", choices=("random", "network"), help="with --measured")
    parser.add_argument("--refine", default="auto")
    parser.add_argument("--json", type=Path, nargs="+", default=[], help="results go to the first")
    parser.add_argument("--measured", metavar="FILE")
    parser.add_argument("--crop", type=int, default=96)
    parser.add_argument("--sets", type=int, default=3)
    options = parser.parse_args()
    warnings.simplefilter("ignore")
    if options.measured:
        measured(options.measured, options)
        return
    rows = [row for path in options.json if path.exists() for row in json.loads(path.read_text())]
    known = {(row["index"], row["gaps"]) for row in rows}
    for index in range(options.first, options.first + options.crystals):
        for gaps in options.gaps:
            if (index, gaps) in known:
                continue
            rows.append(one(index, gaps, options))
            row = rows[-1]
            numbers = f"correlation {row['correlation']:.4f}  R {row['residual']:.3f}"
            numbers += f"  agreement {row['agreement']:.3f}  strain {row['strain_rmse']:.3f}"
            print(f"{index:3d} {gaps:5s} {row['shape']:12s} {numbers}  {row['seconds']:.0f} s", flush=True)
            if options.json:
                options.json[0].write_text(json.dumps(rows))
    for gaps in options.gaps:
        mine = [row for row in rows if row["gaps"] == gaps]
        good = sum(row["correlation"] > 0.98 for row in mine)
        middle = np.median([row["correlation"] for row in mine])
        print(f"{gaps}: {good} of {len(mine)} above 0.98, median {middle:.4f}")


if __name__ == "__main__":
    main()
