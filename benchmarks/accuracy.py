"""Accuracy tables of docs/inpainting.md.

python benchmarks/accuracy.py simulated [--patterns 12]
python benchmarks/accuracy.py measured FILE [--crop 128]
python benchmarks/accuracy.py published [--windows 1000]
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

import numpy as np

from sayre import io
from sayre.data import Grid, Pattern, metrics
from sayre.inpaint.evaluate import Score, crop_around_peak, evaluate
from sayre.inpaint.interpolate import linear_fill
from sayre.inpaint.predict import Predictor, load_predictor
from sayre.inpaint.volume import Log
from sayre.inpaint.windows import orient, orient_back
from sayre.simulate import photons, scatter, shapes
from sayre.simulate.simulate import Population, random_expectation

WIDTHS = (3, 6, 9, 12, 16)
TEST_SEED = 20_240_917
METHODS = ("linear", "wiener", "unet")


def simulated(options: argparse.Namespace) -> list[Score]:
    """Unseen particles, σ 2–7, peaks of 1e5–1e8 counts, against the noise-free expectation."""
    scores: list[Score] = []
    for index in range(options.patterns):
        generator = np.random.default_rng([TEST_SEED, index])
        unit, _ = random_expectation(Population(oversampling=(2.0, 7.0), size=options.size), generator)
        truth = unit * np.float32(10 ** generator.uniform(5, 8))
        counts = photons.count(truth, generator)
        pattern = Pattern(
            intensity=counts, mask=np.zeros(counts.shape, bool), grid=Grid(step=(1.0, 1.0, 1.0))
        )
        for width in WIDTHS:
            axis = int(generator.integers(3))
            near = generator.random() < 0.5
            offset = int(generator.integers(-10, 11) if near else generator.choice([-30, -20, 20, 30]))
            position = counts.shape[axis] // 2 + offset - (width - 1) // 2
            scores += evaluate(
                pattern,
                width=width,
                axis=axis,
                position=position,
                methods=options.methods,
                truth=truth,
                weights=options.weights,
                stride=options.stride,
            )
        print(f"\r{index + 1}/{options.patterns}", end="", file=sys.stderr, flush=True)
    return scores


def measured(options: argparse.Namespace) -> list[Score]:
    """A measured peak with gaps cut near its brightest voxel and farther away, on each axis."""
    pattern = crop_around_peak(io.load(options.file), options.crop)
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
                        weights=options.weights,
                        stride=options.stride,
                    )
            print(f"\rwidth {width} axis {axis}", end="", file=sys.stderr, flush=True)
    return scores


def published(options: argparse.Namespace) -> None:
    """Protocol behind the thesis' Fig. 4.16: one noise-free 128³ pattern, windows at random centres, Pearson
    of log counts inside the central gap, mean over 20 classes of mean log intensity."""
    generator = np.random.default_rng(TEST_SEED)
    particle = shapes.build("winterbottom", 134_000, element="Au", generator=generator)
    steps = scatter.q_steps(particle, (3.0, 3.0, 3.0), np.eye(3))
    amplitude = scatter.scatter(particle, scatter.reflection(particle, (1, 1, 1)), steps, (128, 128, 128))
    values = np.log1p(np.abs(amplitude) ** 2).astype(np.float32)
    predictor = load_predictor(options.weights)
    centres = generator.integers(17, 112, (options.windows, 3))
    print("width   published   network   linear")
    for width, quoted in zip((3, 6, 9, 12), (0.9886, 0.9767, 0.9549, 0.9463), strict=True):
        mask = np.zeros((32, 32, 32), bool)
        start = (32 - width) // 2
        mask[start : start + width] = True
        levels, found, plain = [], [], []
        for first in range(0, options.windows, 16):
            crops = [
                values[tuple(slice(c - 16, c + 16) for c in centre)].transpose(2, 0, 1)
                for centre in centres[first : first + 16]
            ]
            filled = np.stack([linear_fill(crop, mask) for crop in crops])
            masks = np.broadcast_to(mask, filled.shape).astype(np.float32)
            turns = range(0, 16, 16 // options.turns)
            mean = np.mean([_turned(predictor, filled, masks, t) for t in turns], axis=0)
            for crop, ours, linear in zip(crops, mean, filled, strict=True):
                truth = np.expm1(crop[mask])
                levels.append(float(crop.mean()))
                found.append(metrics.pearson(np.expm1(ours[mask]), truth))
                plain.append(metrics.pearson(np.expm1(linear[mask]), truth))
        ours, theirs = _classes(levels, found), _classes(levels, plain)
        print(f"{width:5d} {quoted:11.4f} {ours:9.4f} {theirs:8.4f}", flush=True)


def _turned(predictor: Predictor, filled: Log, masks: Log, orientation: int) -> Log:
    unseen = np.zeros_like(filled), np.ones_like(filled)
    mean, _ = predictor(*(orient(a, orientation) for a in (filled, masks, masks, *unseen)))
    return orient_back(mean, orientation)


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
    parser.add_argument("table", choices=("simulated", "measured", "published"))
    parser.add_argument("file", nargs="?")
    parser.add_argument("--patterns", type=int, default=12)
    parser.add_argument("--size", type=int, default=128)
    parser.add_argument("--crop", type=int, default=128)
    parser.add_argument("--windows", type=int, default=1000)
    parser.add_argument("--turns", type=int, default=4)
    parser.add_argument("--weights")
    parser.add_argument("--stride", type=int)
    parser.add_argument("--methods", nargs="+", default=METHODS)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    if options.table == "published":
        published(options)
        return
    scores = simulated(options) if options.table == "simulated" else measured(options)
    report(scores)
    if options.json:
        options.json.write_text(json.dumps([vars(s) for s in scores]))


if __name__ == "__main__":
    main()
