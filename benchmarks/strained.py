"""Phasing of strained crystals, learned and not: tables of docs/learned-phasing.md.

    python benchmarks/strained.py --dimensions 2 [--crystals 100] [--random 20] [--json FILE]

Crystals of `sayre.simulate.strained`, by `sayre.phasing.phase.phase` with init="network" and its
defaults, and, for `--random` crystals of a class, from 20 random starts of the recipe `default`. Times
are processor time of one thread. "Equal time" and "equal count" are the best by free likelihood of the
first random starts, those that fit in the network's time, and as many as it made. Results go to `--json`
crystal by crystal; those already there are not repeated.
"""

from __future__ import annotations

import argparse
import json
import time
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from sayre.data import Grid, Pattern
from sayre.errors import InputError
from sayre.phasing.choice.align import align, correlation
from sayre.phasing.choice.select import judge
from sayre.phasing.phase import Phased, phase
from sayre.phasing.published.losses import coherent_average
from sayre.simulate.strained import CLASSES, strained_crystal

Objects = NDArray[np.complex64]
LEVELS = (0.9, 0.95, 0.98)
RANDOM_STARTS = 20


def one(dimensions: int, strain: str, index: int, options: argparse.Namespace) -> dict[str, Any]:
    """Phase one crystal in both ways."""
    made = strained_crystal(dimensions, strain, index)
    mask = np.zeros(made.counts.shape, bool)
    pattern = Pattern(intensity=made.counts, mask=mask, grid=Grid(step=(1.0,) * dimensions))
    row: dict[str, Any] = {
        "dimensions": dimensions,
        "strain": strain,
        "index": index,
        "kind": made.crystal.kind,
        "phase_range": made.crystal.phase_range,
        "oversampling": min(made.crystal.oversampling),
        "counts": float(made.counts.max()),
    }
    ways = {"network": {"init": "network", "weights": options.weights}}
    if index < options.random:
        ways["random"] = {"init": "random", "runs": RANDOM_STARTS}
    for way, keywords in ways.items():
        began = time.process_time()
        try:
            found = phase(pattern, device="cpu", **keywords)
        except InputError as error:
            row[way] = {"refused": str(error), "seconds": time.process_time() - began}
            continue
        seconds = time.process_time() - began
        row[way] = {**scores(found, made.crystal.amplitude), "seconds": seconds}
    return row


def scores(found: Phased, amplitude: Objects) -> dict[str, Any]:
    """How near the truth, and what the result says of itself."""
    box = tuple(slice(first, first + n) for first, n in zip(found.origin, found.object.shape, strict=True))
    amplitude = amplitude[box]
    truth = np.fft.fftshift(np.fft.ifftn(np.fft.ifftshift(amplitude))).astype(np.complex64)
    ours = align(found.object, truth)
    runs = [run for run in found.runs if not run.failed]
    return {
        "correlation": correlation(ours, truth),
        "wca": coherence(ours, amplitude),
        "strain": gradient_error(ours, truth),
        "residual": found.residual,
        "agreement": found.agreement,
        "runs": len(found.runs),
        "starts": [correlation(align(run.object, truth), truth) for run in runs],
        "judged": [judge(run) for run in runs],
    }


def coherence(ours: Objects, amplitude: Objects) -> float:
    """Weighted coherent average of the phases in reciprocal space."""
    field = np.fft.fftshift(np.fft.fftn(np.fft.ifftshift(ours)))
    arrays = (np.angle(field), np.angle(amplitude), np.log1p(np.abs(amplitude) ** 2))
    return float(coherent_average(*(torch.from_numpy(a[None]) for a in arrays))[0])


def gradient_error(ours: Objects, truth: Objects) -> float:
    """Root mean square, over pairs of neighbours in the crystal, of the wrong phase step, rad a voxel.

    Divided by |G| times the voxel it is that of strain.
    """
    inside = np.abs(truth) > 0.3 * np.abs(truth).max()
    errors = []
    for axis in range(truth.ndim):
        step, true_step = (x * np.roll(x, 1, axis).conj() for x in (ours, truth))
        pairs = inside & np.roll(inside, 1, axis)
        errors.append(np.angle(step * true_step.conj())[pairs] ** 2)
    return float(np.sqrt(np.mean(np.concatenate(errors))))


def among(row: dict[str, Any], count: int) -> float:
    """Correlation of the random start that fits best of the first few."""
    judged = row["random"]["judged"][: max(count, 1)]
    return float(row["random"]["starts"][int(np.argmin(judged))])


def report(rows: list[dict[str, Any]]) -> None:
    """A table of each class."""
    for dimensions, strain in dict.fromkeys((row["dimensions"], row["strain"]) for row in rows):
        mine = [row for row in rows if (row["dimensions"], row["strain"]) == (dimensions, strain)]
        print(f"\n{dimensions}D, phase range {strain} π")
        print(
            f"{'':24s}" + "".join(f"  >{level:4.2f}" for level in LEVELS) + "   median    WCA  strain      s"
        )
        for way in ("network", "random"):
            _line(way, [row[way] for row in mine if way in row])
        both = [row for row in mine if "starts" in row.get("random", {}) and "starts" in row["network"]]
        if not both:
            continue
        _line("network, the same", [row["network"] for row in both])
        a_start = [row["random"]["seconds"] / RANDOM_STARTS for row in both]
        times = [
            among(row, int(row["network"]["seconds"] / one_start))
            for row, one_start in zip(both, a_start, strict=True)
        ]
        for name, values in (
            ("random, equal time", times),
            ("random, equal count", [among(row, row["network"]["runs"]) for row in both]),
        ):
            _line(name, [{"correlation": value} for value in values])
        spent = np.sum([row["network"]["seconds"] for row in both]) / RANDOM_STARTS / np.sum(a_start)
        print(f"time over that of {RANDOM_STARTS} random starts: {spent:.3f}")
        surely = [row["network"] for row in mine if row["network"].get("agreement", 0) >= LEVELS[1]]
        wrong = sum(found["correlation"] < LEVELS[0] for found in surely)
        print(f"two starts agree in {len(surely)} of {len(mine)}, {wrong} of them wrong")


def _line(name: str, found: list[dict[str, Any]]) -> None:
    if not found:
        return
    values = np.array([one.get("correlation", 0.0) for one in found])
    shares = "".join(f"{np.mean(values > level):7.2f}" for level in LEVELS)
    rest = "".join(
        f"{np.median([one[key] for one in found if key in one]):8.3f}"
        if any(key in one for one in found)
        else ""
        for key in ("wca", "strain", "seconds")
    )
    print(f"{name:18s}{len(found):5d} {shares} {np.median(values):8.4f}{rest}")


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--dimensions", type=int, nargs="+", default=[2, 3])
    parser.add_argument("--classes", nargs="+", default=list(CLASSES), choices=list(CLASSES))
    parser.add_argument("--crystals", type=int, default=100)
    parser.add_argument("--random", type=int, default=10, help="crystals of a class with random starts too")
    parser.add_argument("--weights")
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    warnings.simplefilter("ignore")
    torch.set_num_threads(1)
    rows = json.loads(options.json.read_text()) if options.json and options.json.exists() else []
    known = {(row["dimensions"], row["strain"], row["index"]) for row in rows}
    for dimensions in options.dimensions:
        for strain in options.classes:
            for index in range(options.crystals):
                if (dimensions, strain, index) in known:
                    continue
                rows.append(one(dimensions, strain, index, options))
                found = rows[-1]["network"]
                print(
                    f"{dimensions}D {strain} {index:3d} {rows[-1]['kind']:11s} correlation "
                    f"{found.get('correlation', 0):.3f} R {found.get('residual', 0):.3f} starts "
                    f"{found.get('runs', 0)} {found['seconds']:.1f} s {found.get('refused', '')}",
                    flush=True,
                )
                if options.json:
                    options.json.write_text(json.dumps(rows))
    report(rows)


if __name__ == "__main__":
    main()
