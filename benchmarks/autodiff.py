"""Time of a step of AD, as a ratio to torch's FFT pair of the same array in the same process.

    python benchmarks/autodiff.py [--sides 48 64 96 128] [--device cpu] [--threads 1]

The support is a cube of 2/5 of the array's length (oversampling 2.5). On a CPU it is processor time, the
least of some repeats, so that other programs do not count.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Collection

import numpy as np
import torch

from sayre.retrieval.engine.algorithms import AD, State
from sayre.retrieval.engine.bounds import Bounds
from sayre.retrieval.engine.modulus import Modulus
from timing.turns import Taken, turns

CASES = {
    "lsq": AD(),
    "mae": AD(loss="mae"),
    "poisson": AD(loss="poisson"),
    "displacement": AD(phase="displacement"),
    "convex, 24 planes": AD(support="convex", amplitude="uniform", phase="displacement"),
    "level set": AD(support="level", amplitude="uniform", phase="displacement"),
    "phase prior": AD(phase_smooth=0.01),
    "point spread": AD(psf=0.5),
}


def taken(
    side: int, device: str, repeats: int, *, clock: str = "cpu", names: Collection[str] = tuple(CASES)
) -> Taken:
    """Seconds of `pair` and of a step of each case."""
    shape, rng = (side,) * 3, np.random.default_rng(0)
    counts = rng.poisson(20.0, shape).astype(np.float32)
    root = np.sqrt(counts)
    bounds = Bounds(lower=root, upper=root, counts=counts, weight=np.ones(shape, np.uint8))
    near = np.fft.ifftshift(np.abs(np.arange(side) - side // 2) <= side / 5)
    support = torch.from_numpy(near[:, None, None] & near[:, None] & near)[None].to(device)
    x = support * torch.randn((1, *shape), dtype=torch.complex64, device=device)
    field = x.clone()

    def pair() -> None:
        torch.fft.fftn(x, dim=(1, 2, 3), out=field)
        torch.fft.ifftn(field, dim=(1, 2, 3), out=field)

    work: dict[str, Callable[[], object]] = {"pair": pair}
    for name in names:
        modulus, algorithm = Modulus(bounds, 1, torch.device(device)), CASES[name]
        state = State(x=x.clone(), p=torch.empty_like(x), support=support.clone())
        work[name] = lambda a=algorithm, s=state, m=modulus: a.step(s, m)  # type: ignore[misc]
    wait = torch.cuda.synchronize if device == "cuda" else None
    with torch.no_grad():
        return turns(work, repeats, clock=clock, wait=wait)


def measure(side: int, device: str, repeats: int) -> dict[str, float]:
    """Milliseconds of the pair, and ratios."""
    clock = "wall" if device == "cuda" else "cpu"
    best = {name: min(seconds) for name, seconds in taken(side, device, repeats, clock=clock).items()}
    pair = best.pop("pair")
    return {"pair_ms": 1e3 * pair} | {name: seconds / pair for name, seconds in best.items()}


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--sides", type=int, nargs="+", default=[48, 64, 96, 128])
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--repeats", type=int, default=40)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    print("side  pair ms  " + "  ".join(CASES))
    for side in options.sides:
        found = measure(side, options.device, options.repeats)
        ratios = "  ".join(f"{found[name]:{len(name)}.2f}" for name in CASES)
        print(f"{side:4d} {found['pair_ms']:8.2f}  {ratios}", flush=True)


if __name__ == "__main__":
    main()
