"""Time of an iteration as a ratio to torch's FFT pair of the same arrays, and memory, in one process a row.

    python benchmarks/phasing.py [--sides 64 128 256] [--starts 1 4] [--device cpu] [--clock wall]
    python benchmarks/phasing.py --whole 20 --sides 256

Pair and iterations take turns, and the fastest of each is taken. `ceil` is HIO with a ceiling, `psf` HIO with
a point-spread function, `fit` what a look at the residuals costs, `SW` an update of the support. `HIO GiB`
and `ML GiB` are the largest memory of a process that runs a start of so many voxels from bounds to object,
less that of the imports and bounds, and `arrays` the same in complex64 arrays of the volume for each start.
On a loaded machine `--clock cpu` with one thread is the steadier one.

With `--whole` the largest memory of a process that phases counts from so many starts, imports and counts
included, by a short recipe with all that the presets have; supports are held at the share of the array that
those of converged starts have, 6 %.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
from collections.abc import Callable, Collection
from pathlib import Path
from typing import TYPE_CHECKING, Any

from timing.turns import CLOCKS, Taken, turns

if TYPE_CHECKING:
    from sayre.retrieval.engine.bounds import Bounds

CEILING, BLURRED = "ceil", "psf"
ALGORITHMS = ("ER", "HIO", "RAAR", "DM", "GPS", "ML")
RECIPES = {"HIO": "HIO*3 + SW + RAAR*3 + SW + ER*3", "ML": "HIO*3 + ML*3 + SW"}
WHOLE = "(ER*4 + SW)**3, WIDE, RAAR*2 + SW + ER*2"


def ball(side: int) -> Any:
    """A support of 6 % of the array, bool, centred."""
    import numpy as np

    squares = (np.arange(side, dtype=np.float32) - side // 2) ** 2
    return (squares[:, None, None] + squares[:, None] + squares) < (0.243 * side) ** 2


def made_bounds(side: int) -> Bounds:
    """Bounds of the counts of a ball, some voxels free."""
    import numpy as np

    from sayre.retrieval.engine.bounds import Bounds

    lower = np.abs(np.fft.fftn(ball(side).astype(np.float32))).astype(np.float32)
    lower = np.fft.fftshift(lower) * np.float32(1e3 / lower.max())
    generator = np.random.default_rng(0)
    weight = (1 + (generator.random(lower.shape, dtype=np.float32) < 0.05)).astype(np.uint8)
    upper = np.where(weight == 2, np.float32(np.inf), lower)
    return Bounds(lower=lower, upper=upper, counts=lower**2, weight=weight)


def taken(
    side: int, starts: int, device: str, repeats: int, clock: str, names: Collection[str] | None = None
) -> Taken:
    """Seconds of `pair` and of the columns of the table, or of those that are named."""
    import numpy as np
    import torch

    from sayre.retrieval.engine.algorithms import ALGORITHMS as KNOWN
    from sayre.retrieval.engine.algorithms import State
    from sayre.retrieval.engine.modulus import Modulus
    from sayre.retrieval.engine.support import ShrinkWrap
    from sayre.retrieval.measurement.corrected import point_spread
    from sayre.retrieval.measurement.nuisances import Nuisances

    modulus = Modulus(made_bounds(side), starts, torch.device(device))
    x = torch.randn((starts, *modulus.shape), dtype=torch.complex64, device=device)
    inside = torch.from_numpy(np.fft.ifftshift(ball(side))).to(device)
    support = inside.expand(x.shape).contiguous()
    field, back, wrap = torch.empty_like(x), torch.empty_like(x), ShrinkWrap()

    def pair() -> None:
        torch.fft.fftn(x, dim=modulus.dims, out=field)
        torch.fft.ifftn(field, dim=modulus.dims, out=back)

    work: dict[str, Callable[[], object]] = {"pair": pair}
    steps = {name: KNOWN[name]() for name in ALGORITHMS} | {CEILING: KNOWN["HIO"](ceiling=1.0)}
    for name, algorithm in steps.items():
        state = State(x=x.clone(), p=torch.zeros_like(x), support=support)
        work[name] = lambda state=state, algorithm=algorithm: algorithm.step(state, modulus)  # type: ignore[misc]
    blurred = Modulus(made_bounds(side), starts, torch.device(device))
    blurred.set_point_spreads([point_spread(Nuisances(spread=0.25 * np.eye(3)))] * starts)
    again, hio = State(x=x.clone(), p=torch.zeros_like(x), support=support), KNOWN["HIO"]()
    work[BLURRED] = lambda: hio.step(again, blurred)
    work["fit"] = lambda: modulus.fit_quality(x, support)
    work["SW"] = lambda: wrap.update(x, support, 0.5, modulus.field)
    chosen = {name: call for name, call in work.items() if names is None or name in ("pair", *names)}
    wait = torch.cuda.synchronize if device == "cuda" else None
    with torch.no_grad():
        return turns(chosen, repeats, clock=clock, wait=wait)


def times(side: int, starts: int, device: str, repeats: int, clock: str) -> dict[str, float]:
    """Milliseconds of the pair, and ratios to it."""
    best = {name: min(seconds) for name, seconds in taken(side, starts, device, repeats, clock).items()}
    pair = best.pop("pair")
    return {"pair_ms": 1e3 * pair} | {name: seconds / pair for name, seconds in best.items()}


def memory(side: int, starts: int, device: str, recipe: str) -> dict[str, float]:
    """GiB, and arrays of the volume a start."""
    import torch

    from sayre.retrieval.engine.iterate import retrieve
    from sayre.retrieval.engine.recipe import parse
    from sayre.retrieval.engine.start import random_start
    from sayre.retrieval.engine.support import ShrinkWrap

    def run(side: int) -> int:
        bounds, support = made_bounds(side), ball(side)
        before = resident()
        made = (random_start(bounds, support, index, 0) for index in range(starts))
        for _ in retrieve(bounds, made, parse(RECIPES[recipe]), ShrinkWrap(), device=device, batch=starts):
            pass
        return before

    run(32)
    before = run(side)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 - before
    if device == "cuda":
        peak = torch.cuda.max_memory_allocated()
    return {"gib": peak / 2**30, "arrays": peak / (8 * starts * side**3)}


def whole(side: int, starts: int, device: str) -> dict[str, float]:
    """GiB of a process that phases a pattern."""
    import numpy as np

    from sayre.data import Grid, Pattern
    from sayre.retrieval.phasing import phase

    counts = made_bounds(side).counts
    pattern = Pattern(intensity=counts, mask=np.zeros(counts.shape, bool), grid=Grid(step=(1.0,) * 3))
    settings = {"recipe": WHOLE, "runs": starts, "refine": "none", "support_fraction": (1e-4, 0.06)}
    found = phase(pattern, device=device, **settings)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    return {"gib": peak / 2**30, "averaged": len(found.averaged)}


def resident() -> int:
    """Bytes of this process now."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def child(what: str, *arguments: object) -> dict[str, float]:
    """A measurement in a process of its own."""
    command = [sys.executable, __file__, "--child", json.dumps([what, *arguments])]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
    found: dict[str, float] = json.loads(done.stdout)
    return found


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--sides", type=int, nargs="+", default=[64, 128, 256])
    parser.add_argument("--starts", type=int, nargs="+", default=[1])
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--repeats", type=int, default=15)
    parser.add_argument("--clock", default="wall", choices=list(CLOCKS))
    parser.add_argument("--whole", type=int, metavar="STARTS", help="memory of a whole command")
    parser.add_argument("--child", type=json.loads, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.child:
        what, *arguments = options.child
        print(json.dumps({"times": times, "memory": memory, "whole": whole}[what](*arguments)))
        return
    if options.whole:
        for side in options.sides:
            m = child("whole", side, options.whole, options.device)
            print(
                f"{side}³: {options.whole} starts, {m['averaged']} averaged, {m['gib']:.2f} GiB", flush=True
            )
        return
    columns = (*ALGORITHMS, CEILING, BLURRED, "fit", "SW")
    print("side starts  pair ms " + "".join(f"{name:>6s}" for name in columns), end="")
    print("".join(f"{name + ' GiB':>9s}{'arrays':>7s}" for name in RECIPES))
    for side in options.sides:
        for starts in options.starts:
            r = child("times", side, starts, options.device, options.repeats, options.clock)
            row = f"{side:4d} {starts:6d} {r['pair_ms']:8.1f} " + "".join(f"{r[n]:6.2f}" for n in columns)
            print(row, end="", flush=True)
            for recipe in RECIPES:
                m = child("memory", side, starts, options.device, recipe)
                print(f"{m['gib']:9.2f}{m['arrays']:7.2f}", end="", flush=True)
            print()


if __name__ == "__main__":
    main()
