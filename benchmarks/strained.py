"""Phasing of strained crystals, learned and not: tables of docs/learned-phasing.md.

    python benchmarks/strained.py --dimensions 2 --ways network --crystals 100 --json FILE
    python benchmarks/strained.py --dimensions 2 --ways random AD --crystals 20 --json FILE
    python benchmarks/strained.py --population half-spaces --crystals 8 --json FILE
    python benchmarks/strained.py --dataset FOLDER --ways network random --json FILE

Crystals of `sayre.simulation.strained.testset`, of the other kind of
`sayre.simulation.strained.halfspaces`, or of a data set that holds amplitudes
(`examples/dataset-strained.toml`), phased in several ways by `sayre.phase`. Times are
processor time of one thread. "Equal time" and "equal count" are the best by free likelihood of the first
random starts, those that fit in the network's time, and as many as it made. Results go to `--json`
crystal by crystal; what is already there is not repeated.
"""

from __future__ import annotations

import argparse
import json
import time
import warnings
from collections.abc import Iterator
from itertools import product
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray

from sayre.crystal.unwrap import unwrap
from sayre.data import Grid, Pattern
from sayre.detectors import masks
from sayre.errors import InputError
from sayre.filling.fill import inpaint
from sayre.retrieval.choice.align import align, correlation
from sayre.retrieval.choice.select import figure_of_merit
from sayre.retrieval.phased import Phased
from sayre.retrieval.phasing import phase
from sayre.simulation.dataset import read
from sayre.simulation.strained.halfspaces import RANGES, half_space_crystal
from sayre.simulation.strained.testset import CLASSES, strained_crystal
from sayre.studies.phasing.judged import judge, part_of

Objects = NDArray[np.complex64]
LEVELS = (0.9, 0.95, 0.98)
RANDOM_STARTS = 20
BEYOND = "8-"
"""The class above those of the test set."""
CROSS = 4
"""Width of the gaps cut into a pattern, in voxels."""
AD = "AD(phase=displacement)*150"
LEARNED = "HIO(ceiling=1)*140, SW, (HIO(ceiling=1)*40, SW)**4, ER(ceiling=1)*20"
ITERATED = "(HIO*20 + SW)**10, (RAAR*20 + SW)**10, ER*20"
WAYS: dict[str, dict[str, Any]] = {
    "network": {"init": "network"},
    "network alone": {"init": "network", "recipe": "strained"},
    "random": {"init": "random", "runs": RANDOM_STARTS},
    "published": {"init": "network"},
    "published, alone": {"init": "network", "recipe": "ER*1", "runs": 1},
    "AD": {"init": "network", "recipe": f"{LEARNED}, {AD}"},
    "AD, iterated first": {"init": "random", "recipe": f"{ITERATED}, {AD}", "runs": RANDOM_STARTS},
    "AD, random": {"init": "random", "recipe": "AD(phase=displacement)*400", "runs": RANDOM_STARTS},
    "network, gap filled": {"init": "network"},
    "network, gap masked": {"init": "network"},
}


class Case(NamedTuple):
    """Photon counts, where there are none, and the amplitude behind them."""

    dimensions: int
    strain: str
    index: int
    kind: str
    counts: NDArray[np.float32]
    amplitude: Objects


def test_set(options: argparse.Namespace) -> Iterator[Case]:
    """Crystals of the test set."""
    classes = [strain for strain in CLASSES if strain in options.classes]
    indices = range(options.first, options.first + options.crystals)
    for dimensions, strain, index in product(options.dimensions, classes, indices):
        made = strained_crystal(dimensions, strain, index)
        yield Case(dimensions, strain, index, made.crystal.kind, made.counts, made.crystal.amplitude)


def half_spaces(options: argparse.Namespace) -> Iterator[Case]:
    """Crystals of the test set of another kind; the class is the phase range in π."""
    classes = [strain for strain in RANGES if strain in options.classes]
    for strain, index in product(classes, range(options.first, options.first + options.crystals)):
        made = half_space_crystal(strain, index)
        yield Case(3, strain, index, f"{int(made.inside.sum())} voxels", made.counts, made.amplitude)


def of_dataset(options: argparse.Namespace) -> Iterator[Case]:
    """The first crystals of each class of a data set, by the range of their unwrapped phase."""
    seen = dict.fromkeys(options.classes, 0)
    for record in read(options.dataset):
        if record.amplitude is None:
            raise SystemExit(f"{options.dataset}: holds no amplitudes; amplitude = true would store them")
        strain, made = strain_of(object_of(record.amplitude)), record.facts["made"]
        if seen.get(strain, options.crystals) < options.crystals:
            seen[strain] += 1
            kind = "on a substrate" if "misfit" in str(made) else "free"
            yield Case(3, strain, record.facts["pattern"], kind, record.counts, record.amplitude)


def strain_of(truth: Objects) -> str:
    """The class of an object, by the range of its phase without the hundredth that is farthest out."""
    inside = np.abs(truth) > 0.3 * np.abs(truth).max()
    low, high = np.percentile(unwrap(np.angle(truth), inside).phase[inside], (0.5, 99.5))
    return next((name for name, limits in CLASSES.items() if high - low <= limits[1]), BEYOND)


def object_of(amplitude: Objects) -> Objects:
    return np.fft.fftshift(np.fft.ifftn(np.fft.ifftshift(amplitude))).astype(np.complex64)


def one(case: Case, way: str, options: argparse.Namespace) -> dict[str, Any]:
    """Phase one crystal in one way."""
    mask = np.zeros(case.counts.shape, bool)
    if "gap" in way:
        middle = case.counts.shape[-1] // 2
        mask = masks.cross(mask.shape, axes=(-2, -1), starts=(middle + 5, middle - 11), widths=(CROSS,) * 2)
    counts = np.where(mask, 0, case.counts)
    gapped = Pattern(intensity=counts, mask=mask, grid=Grid(step=(1.0,) * case.dimensions))
    pattern = inpaint(gapped, method="wiener") if way.endswith("filled") else gapped
    weights = options.published if way.startswith("published") else options.weights
    if WAYS[way].get("init") != "network":
        weights = None
    began = time.process_time()
    try:
        found = phase(pattern, device=options.device, init_weights=weights, refine="none", **WAYS[way])
    except InputError as error:
        return {"refused": str(error), "seconds": time.process_time() - began}
    return scores(found, case.amplitude, time.process_time() - began)


def scores(found: Phased, amplitude: Objects, seconds: float) -> dict[str, Any]:
    """How near the truth, and what the result says of itself."""
    score = judge(found, amplitude, seconds)._asdict()
    truth = object_of(part_of(found, amplitude))
    runs = [run for run in found.runs if not run.failed]
    return {
        **{name: value for name, value in score.items() if name != "starts"},
        "runs": score["starts"],
        "starts": [correlation(align(run.object, truth), truth) for run in runs],
        "judged": [figure_of_merit(run) for run in runs],
    }


def among(row: dict[str, Any], count: int) -> float:
    """Correlation of the random start that fits best of the first few."""
    judged = row["random"]["judged"][: max(count, 1)]
    return float(row["random"]["starts"][int(np.argmin(judged))])


def report(rows: list[dict[str, Any]]) -> None:
    """A table of each class, as docs/learned-phasing.md has it: means but for the median correlation."""
    for dimensions, strain in dict.fromkeys((row["dimensions"], row["strain"]) for row in rows):
        mine = [row for row in rows if (row["dimensions"], row["strain"]) == (dimensions, strain)]
        print(f"\n{dimensions}D, phase range {strain} π\n")
        print("| way | crystals | above 0.9 | 0.95 | 0.98 | median | WCA | strain | starts | s |")
        print("|---|---|---|---|---|---|---|---|---|---|")
        for way in WAYS:
            _line(way, [row[way] for row in mine if way in row])
        learned = [row for row in mine if "starts" in row.get("network", {})]
        both = [row for row in learned if "starts" in row.get("random", {})]
        if both:
            _compare(both)
        surely = [row["network"] for row in learned if row["network"]["agreement"] >= LEVELS[1]]
        wrong = sum(found["correlation"] < LEVELS[0] for found in surely)
        print(f"\nstarts agree in {len(surely)} of {len(learned)}, {wrong} of them wrong")


def _compare(rows: list[dict[str, Any]]) -> None:
    """Beside random starts, of crystals phased from both."""
    a_start = [row["random"]["seconds"] / RANDOM_STARTS for row in rows]
    times = [int(row["network"]["seconds"] / each) for row, each in zip(rows, a_start, strict=True)]
    counts = [row["network"]["runs"] for row in rows]
    for name, first in (("random, equal time", times), ("random, equal count", counts)):
        _line(name, [{"correlation": among(row, n)} for row, n in zip(rows, first, strict=True)])
    spent = sum(row["network"]["seconds"] for row in rows) / RANDOM_STARTS / sum(a_start)
    print(f"\ntime over that of {RANDOM_STARTS} random starts of the same {len(rows)} crystals: {spent:.3f}")


def _line(name: str, found: list[dict[str, Any]]) -> None:
    if not found:
        return
    values = np.array([one.get("correlation", 0.0) for one in found])
    cells = [name, str(len(found))] + [f"{np.mean(values > level):.0%}" for level in LEVELS]
    cells.append(f"{np.median(values):.4f}")
    for key, digits in (("wca", 3), ("strain", 3), ("runs", 1), ("seconds", 2)):
        known = [one[key] for one in found if key in one]
        cells.append(f"{np.mean(known):.{digits}f}" if known else "")
    print(f"| {' | '.join(cells)} |")


def stored(paths: list[Path]) -> list[dict[str, Any]]:
    """Rows of several files, those of one crystal put together."""
    known: dict[tuple[Any, ...], dict[str, Any]] = {}
    for row in (row for path in paths if path.exists() for row in json.loads(path.read_text())):
        known.setdefault((row["dimensions"], row["strain"], row["index"]), {}).update(row)
    return list(known.values())


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--dimensions", type=int, nargs="+", default=[2, 3])
    every = [*CLASSES, BEYOND, *RANGES]
    parser.add_argument("--population", choices=["test-set", "half-spaces"], default="test-set")
    parser.add_argument("--classes", nargs="+", default=every, choices=every)
    parser.add_argument("--first", type=int, default=0, help="number of the first crystal of each class")
    parser.add_argument("--crystals", type=int, default=100)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--ways", nargs="+", default=["network"], choices=list(WAYS))
    parser.add_argument("--dataset", type=Path)
    parser.add_argument("--weights")
    parser.add_argument("--published", help="weights of the published network")
    parser.add_argument("--json", type=Path, nargs="+", default=[], help="results go to the first")
    parser.add_argument("--report", action="store_true", help="only what the files of --json hold")
    options = parser.parse_args()
    warnings.simplefilter("ignore")
    torch.set_num_threads(1)
    rows = stored(options.json)
    if options.report:
        report(rows)
        return
    known = {(row["dimensions"], row["strain"], row["index"]): row for row in rows}
    drawn = half_spaces(options) if options.population == "half-spaces" else test_set(options)
    cases = of_dataset(options) if options.dataset else drawn
    for case, way in ((case, way) for case in cases for way in options.ways):
        key = (case.dimensions, case.strain, case.index)
        if key not in known:
            known[key] = dict(zip(("dimensions", "strain", "index", "kind"), (*key, case.kind), strict=True))
            rows.append(known[key])
        row = known[key]
        if way in row:
            continue
        row[way] = found = one(case, way, options)
        numbers = f"correlation {found.get('correlation', 0):.3f} R {found.get('residual', 0):.3f}"
        numbers += f" starts {found.get('runs', 0)} {found['seconds']:.1f} s {found.get('refused', '')}"
        print(*key, row["kind"], way, numbers, flush=True)
        if options.json:
            options.json[0].write_text(json.dumps(rows))
    report(rows)


if __name__ == "__main__":
    main()
