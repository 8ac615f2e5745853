"""Accuracy tables of docs/inpainting.md.

python benchmarks/accuracy.py simulated [--patterns 12]
python benchmarks/accuracy.py dataset FOLDER [--split test] [--patterns 12]
python benchmarks/accuracy.py measured FILE [--crop 128]
python benchmarks/accuracy.py published [--windows 1000] [--strain 0]
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from sayre import files
from sayre.data import Grid, Pattern
from sayre.filling.cuts import cut_gap
from sayre.filling.fill import inpaint
from sayre.filling.scores import Score, evaluate
from sayre.filling.settings import FillingSettings
from sayre.numerics import metrics
from sayre.retrieval.prepare import around_peak
from sayre.simulation import photons
from sayre.simulation.dataset import read
from sayre.simulation.particles import shapes, strain
from sayre.simulation.peak import Population, random_expectation
from sayre.simulation.scattering import scatter

WIDTHS = (3, 6, 9, 12, 16)
TEST_SEED = 20_240_917
METHODS = ("linear", "wiener", "unet", "stack")
Counts = NDArray[np.float32]


def simulated(options: argparse.Namespace) -> list[Score]:
    """Unseen particles, σ 2–7, peaks of 1e5–1e8 counts, against the noise-free expectation."""
    scores: list[Score] = []
    for index in range(options.patterns):
        generator = np.random.default_rng([TEST_SEED, index])
        unit, _ = random_expectation(Population(oversampling=(2.0, 7.0), size=options.size), generator)
        truth = unit * np.float32(10 ** generator.uniform(5, 8))
        scores += _places(photons.count(truth, generator), truth, generator, options)
        print(f"\r{index + 1}/{options.patterns}", end="", file=sys.stderr, flush=True)
    return scores


def dataset(options: argparse.Namespace) -> list[Score]:
    """Patterns of a data set's held-out particles, evenly taken, against their noise-free expectation."""
    records = list(read(options.file, split=options.split))
    scores: list[Score] = []
    for index in range(options.patterns):
        record = records[index * len(records) // options.patterns]
        generator = np.random.default_rng([TEST_SEED, index])
        scores += _places(record.counts, record.expectation, generator, options)
        print(f"\r{index + 1}/{options.patterns}", end="", file=sys.stderr, flush=True)
    return scores


def _places(
    counts: Counts, truth: Counts, generator: np.random.Generator, options: argparse.Namespace
) -> list[Score]:
    """A gap of each width, half of them near the peak, on axes drawn at random."""
    pattern = Pattern(intensity=counts, mask=np.zeros(counts.shape, bool), grid=Grid(step=(1.0, 1.0, 1.0)))
    scores: list[Score] = []
    for width in WIDTHS:
        axis = int(generator.integers(3))
        near = generator.random() < 0.5
        offset = int(generator.integers(-10, 11) if near else generator.choice([-30, -20, 20, 30]))
        scores += evaluate(
            pattern,
            width=width,
            axis=axis,
            position=counts.shape[axis] // 2 + offset - (width - 1) // 2,
            methods=options.methods,
            truth=truth,
            settings=FillingSettings(weights=options.weights, stride=options.stride),
        )
    return scores


def measured(options: argparse.Namespace) -> list[Score]:
    """A measured peak with gaps cut near its brightest voxel and farther away, on each axis."""
    pattern = around_peak(files.load(options.file), options.crop).measured
    peak = np.unravel_index(np.argmax(pattern.intensity), pattern.shape)
    scores: list[Score] = []
    for width in WIDTHS:
        for axis in range(3):
            for offset in (-24, -6, 6, 24):
                position = int(peak[axis]) + offset - (width - 1) // 2
                if 1 <= position <= pattern.shape[axis] - width - 1:
                    scores += evaluate(
                        pattern,
                        width=width,
                        axis=axis,
                        position=position,
                        methods=options.methods,
                        settings=FillingSettings(weights=options.weights, stride=options.stride),
                    )
            print(f"\rwidth {width} axis {axis}", end="", file=sys.stderr, flush=True)
    return scores


def published(options: argparse.Namespace) -> None:
    """The published protocol: one noise-free 128³ pattern, 32³ windows at random centres.

    Pearson of log counts inside the gap through their middle, mean over 20 classes of mean log intensity.

    The gap runs through the whole pattern, as on a detector, and all of the pattern is there to fill it from.

    M. Masto, Deep Learning for Bragg Coherent Diffraction Imaging, PhD thesis, Université Grenoble Alpes,
    Fig. 4.16.
    """
    generator = np.random.default_rng(TEST_SEED)
    particle = shapes.build("winterbottom", 134_000, element="Au", generator=generator)
    phase = strain.smooth_random_phase(particle.positions, options.strain, generator)
    steps = scatter.q_steps(particle, (3.0, 3.0, 3.0), np.eye(3))
    g = scatter.reflection(particle, (1, 1, 1))
    amplitude = scatter.scatter(particle, g, steps, (128, 128, 128), phase=phase)
    values = (amplitude.real**2 + amplitude.imag**2).astype(np.float32)
    whole = Pattern(intensity=values, mask=np.zeros(values.shape, bool), grid=Grid(step=(1.0, 1.0, 1.0)))
    print("width  published " + "".join(f"{method:>9s}" for method in options.methods))
    for width, quoted in zip((3, 6, 9, 12), (0.9886, 0.9767, 0.9549, 0.9463), strict=True):
        levels: list[float] = []
        scores: dict[str, list[float]] = {method: [] for method in options.methods}
        for _ in range(options.places):
            axis, middle = int(generator.integers(3)), int(generator.integers(17, 112))
            start = middle - width // 2
            gapped, _ = cut_gap(whole, axis, start, width)
            filled = {
                method: np.moveaxis(inpaint(gapped, method=method, stride=options.stride).intensity, axis, 0)
                for method in options.methods
            }
            truth = np.moveaxis(values, axis, 0)
            for row, column in generator.integers(17, 112, (options.windows // options.places, 2)):
                across = slice(row - 16, row + 16), slice(column - 16, column + 16)
                gap = (slice(start, start + width), *across)
                levels.append(float(np.log1p(truth[middle - 16 : middle + 16, *across]).mean()))
                for method, intensity in filled.items():
                    scores[method].append(metrics.pearson(intensity[gap], truth[gap]))
        means = "".join(f"{_classes(levels, scores[method]):9.4f}" for method in options.methods)
        print(f"{width:5d} {quoted:10.4f} {means}", flush=True)


def _classes(levels: list[float], scores: list[float], count: int = 20) -> float:
    edges = np.linspace(min(levels), max(levels), count + 1)
    which = np.clip(np.digitize(levels, edges) - 1, 0, count - 1)
    values = np.array(scores)
    return float(np.mean([values[which == k].mean() for k in range(count) if (which == k).any()]))


def report(scores: list[Score]) -> None:
    """Means over places, within ten voxels of the peak and farther away."""
    print("\nwidth place method   places  log err  /linear  /wiener   floor  r(log)    1σ     2σ")
    for width in dict.fromkeys(s.width for s in scores):
        for place, near in (("near", True), ("away", False)):
            group = [s for s in scores if s.width == width and (abs(s.distance) <= 10) == near]
            for method in dict.fromkeys(s.method for s in group):
                mine = [s for s in group if s.method == method]
                base = [s for s in group if s.method == "wiener"]
                mean = {
                    name: np.mean([getattr(s, name) for s in mine])
                    for name in ("log_error", "ratio", "floor", "pearson_log", "covered_1", "covered_2")
                }
                over = mean["log_error"] / np.mean([s.log_error for s in base]) if base else np.nan
                print(
                    f"{width:5d} {place:5s} {method:8s} {len(mine):6d} {mean['log_error']:8.4f}"
                    f" {mean['ratio']:8.3f} {over:8.3f} {mean['floor']:7.4f} {mean['pearson_log']:7.3f}"
                    f" {mean['covered_1']:6.3f} {mean['covered_2']:6.3f}"
                )


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("table", choices=("simulated", "dataset", "measured", "published"))
    parser.add_argument("file", nargs="?", help="or folder")
    parser.add_argument("--split", default="test")
    parser.add_argument("--patterns", type=int, default=12)
    parser.add_argument("--size", type=int, default=128)
    parser.add_argument("--crop", type=int, default=128)
    parser.add_argument("--windows", type=int, default=1000)
    parser.add_argument("--places", type=int, default=20, help="gaps the windows are spread over")
    parser.add_argument("--strain", type=float, default=0.0, help="range of a smooth random phase, rad")
    parser.add_argument("--weights")
    parser.add_argument("--stride", type=int)
    parser.add_argument("--methods", nargs="+", default=METHODS)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    if options.table == "published":
        published(options)
        return
    scores = {"simulated": simulated, "dataset": dataset, "measured": measured}[options.table](options)
    report(scores)
    if options.json:
        options.json.write_text(json.dumps([vars(s) for s in scores]))


if __name__ == "__main__":
    main()
