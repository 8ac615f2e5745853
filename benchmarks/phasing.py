"""Time of an iteration, as a ratio to torch's FFT pair of the same array in the same process.

    python benchmarks/phasing.py [--sides 64 128 256] [--starts 1] [--device cpu]

Also the largest memory of the process above that of the imports, in arrays of the volume.
"""

from __future__ import annotations

import argparse
import json
import resource
import statistics
import subprocess
import sys
import time

ALGORITHMS = ("ER", "HIO", "RAAR", "DM", "GPS", "ML")


def measure(side: int, starts: int, device: str, repeats: int) -> dict[str, float]:
    """Median milliseconds of the pair and ratios of each algorithm; runs in the child process."""
    import numpy as np
    import torch

    from sayre.phasing.engine.algorithms import ALGORITHMS as KNOWN
    from sayre.phasing.engine.algorithms import State
    from sayre.phasing.engine.bounds import Bounds
    from sayre.phasing.engine.modulus import Modulus

    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    shape, where = (side,) * 3, torch.device(device)
    lower = np.random.default_rng(0).uniform(0, 9, shape).astype(np.float32)
    bounds = Bounds(lower=lower, upper=lower, counts=lower**2, weight=np.ones(shape, np.uint8))
    modulus = Modulus(bounds, starts, where)
    x = torch.randn((starts, *shape), dtype=torch.complex64, device=where)
    support = torch.rand((starts, *shape), device=where) < 0.1

    def wait() -> None:
        if device == "cuda":
            torch.cuda.synchronize()

    def timed(work: object) -> float:
        assert callable(work)
        work()
        wait()
        times = []
        for _ in range(repeats):
            began = time.perf_counter()
            work()
            wait()
            times.append(time.perf_counter() - began)
        return statistics.median(times)

    state = State(x=x, p=torch.empty_like(x), support=support)

    def pair() -> None:
        torch.fft.fftn(state.x, dim=modulus.dims, out=modulus.field)
        torch.fft.ifftn(modulus.field, dim=modulus.dims, out=state.p)

    found = {"pair_ms": 1e3 * timed(pair)}
    for name in ALGORITHMS:
        algorithm = KNOWN[name]()
        state.extra.clear()
        mine = timed(lambda algorithm=algorithm: algorithm.step(state, modulus))
        found[name] = mine / timed(pair)
        if name == "RAAR":
            peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
            found["arrays"] = peak * 1024 / (8 * starts * side**3)
    return found


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--sides", type=int, nargs="+", default=[64, 128, 256])
    parser.add_argument("--starts", type=int, default=1)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--repeats", type=int, default=15)
    parser.add_argument("--child", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.child:
        found = measure(options.sides[0], options.starts, options.device, options.repeats)
        print(json.dumps(found))
        return
    print("side   FFT pair ms " + "".join(f"{name:>7s}" for name in ALGORITHMS) + "   arrays")
    for side in options.sides:
        command = [sys.executable, __file__, "--child", "--sides", str(side), "--starts", str(options.starts)]
        command += ["--device", options.device, "--repeats", str(options.repeats)]
        done = subprocess.run(command, capture_output=True, text=True, check=True)
        r = json.loads(done.stdout)
        ratios = "".join(f"{r[name]:7.2f}" for name in ALGORITHMS)
        print(f"{side:4d} {r['pair_ms']:13.1f} {ratios} {r['arrays']:8.1f}", flush=True)


if __name__ == "__main__":
    main()
