"""Time and memory of filling, each case in its own process, as ratios to an FFT pair beside it.

    python benchmarks/speed.py [--case CASE ...] [--repeats 3]

Cases: `METHOD` (128³, 6-voxel cross), `unet-STRIDE` (the curve behind the default stride),
`large-METHOD` (512 × 512 frames, 200 of them, MAXIPIX cross).
"""

from __future__ import annotations

import argparse
import json
import resource
import statistics
import subprocess
import sys
from typing import Any

from timing.turns import turns

CASES = (
    "linear",
    "cubic",
    "wiener",
    "unet",
    "unet-48",
    "unet-32",
    "unet-24",
    "unet-16",
    "unet-8",
    "large-unet",
)


def measure(
    case: str,
    repeats: int,
    weights: str | None,
    *,
    side: int = 128,
    clock: str = "wall",
    threads: int = 2,
    pairs: int = 1,
) -> dict[str, Any]:
    """Fill one simulated pattern, in turn with the fastest of some pairs; runs in the child process."""
    import numpy as np
    import scipy.fft

    from sayre.detectors import detector, masks
    from sayre.filling.fill import inpaint
    from sayre.numerics import metrics
    from sayre.simulation.peak import simulate

    size = (200, 512, 512) if case.startswith("large-") else (side,) * 3
    method, _, stride = case.removeprefix("large-").partition("-")
    generator = np.random.default_rng(11)
    crystal = simulate(
        "winterbottom", shape_px=size, oversampling=4.0, max_counts=1e7, rotate=True, generator=generator
    )
    if case.startswith("large-"):
        gap = np.broadcast_to(detector("maxipix").mask(region=(2, 514, 2, 514)), size).copy()
    else:
        gap = masks.cross(size, axes=(1, 2), starts=(side // 2 + 8, side // 2 - 16), widths=(6, 6))
    pattern, truth = crystal.pattern.with_mask(gap), crystal.expectation[gap]
    field = crystal.amplitude.copy()
    del crystal
    filled = []

    def pair() -> None:
        scipy.fft.ifftn(scipy.fft.fftn(field, workers=threads), workers=threads)

    def fill() -> None:
        done = inpaint(pattern, method=method, stride=int(stride) if stride else None, weights=weights)
        filled[:] = [done]

    taken = turns({"pair": pair, "fill": fill}, repeats, clock=clock, warm=False, many={"pair": pairs})
    return {
        "taken": taken,
        "seconds": statistics.median(taken["fill"]),
        "fft_pairs": statistics.median(t / p for t, p in zip(taken["fill"], taken["pair"], strict=True)),
        "peak_mib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
        "log_error": metrics.log_error(filled[0].intensity[gap], truth),
    }


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--case", nargs="+", default=CASES)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--weights")
    parser.add_argument("--child", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.child:
        print(json.dumps(measure(options.case[0], options.repeats, options.weights)))
        return
    print("case            seconds   FFT pairs   peak MiB   log error")
    for case in options.case:
        repeats = 1 if case.startswith("large-") else options.repeats
        command = [sys.executable, __file__, "--child", "--case", case, "--repeats", str(repeats)]
        if options.weights:
            command += ["--weights", options.weights]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode:
            print(f"{case:14s} failed: {done.stderr.strip().splitlines()[-1]}")
            continue
        r = json.loads(done.stdout)
        numbers = f"{r['seconds']:8.2f} {r['fft_pairs']:11.1f} {r['peak_mib']:10.0f} {r['log_error']:11.5f}"
        print(f"{case:14s} {numbers}", flush=True)


if __name__ == "__main__":
    main()
