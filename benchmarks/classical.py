"""Time, memory and accuracy of the classical filling methods and wiener on one fringe pattern.

    python benchmarks/classical.py [--size 128] [--width 6] [--repeats 3]

Times are given in seconds and as ratios to one FFT pair of the same array in the same run; the log error
ratio is taken against linear interpolation, on the noise-free expectation.
"""

from __future__ import annotations

import argparse
import statistics
import threading
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import scipy.fft
from numpy.typing import NDArray

from sayre.filling.classical import CLASSICAL
from sayre.filling.wiener import wiener_fill
from sayre.numerics.metrics import log_error_ratio


def pattern(size: int, rng: np.random.Generator) -> tuple[NDArray[np.float64], NDArray[np.float32]]:
    """Expectation and counts of a block with a bent lattice, rotated against the array, peak 1e7."""
    n = size // 6
    axes = np.meshgrid(*(np.linspace(-1, 1, n),) * 3, indexing="ij")
    bend = 0.8 * axes[0] ** 2 + 0.5 * axes[1] * axes[2] + 0.4 * axes[2] ** 3
    inside = (abs(axes[0] + axes[1]) < 1.3) & (abs(axes[1] - axes[2]) < 1.2) & (axes[0] + axes[2] < 0.9)
    amplitude = np.fft.fftshift(np.fft.fftn(inside * np.exp(1j * bend), (size,) * 3, axes=(0, 1, 2)))
    expected = np.abs(amplitude) ** 2
    expected *= 1e7 / expected.max()
    return expected, rng.poisson(expected).astype(np.float32)


def measure(run: Callable[[], object], repeats: int) -> tuple[float, float]:
    """Median seconds, and the peak of resident memory above the start in MiB."""
    times, peak, base = [], 0.0, _resident()
    for _ in range(repeats):
        done = threading.Event()
        seen = [base]

        def watch(done: threading.Event = done, seen: list[float] = seen) -> None:
            while not done.wait(0.005):
                seen.append(_resident())

        watcher = threading.Thread(target=watch)
        watcher.start()
        start = time.perf_counter()
        run()
        times.append(time.perf_counter() - start)
        done.set()
        watcher.join()
        peak = max(peak, max(seen) - base)
    return statistics.median(times), peak


def _resident() -> float:
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * 4096 / 2**20


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--size", type=int, default=128)
    parser.add_argument("--width", type=int, default=6)
    parser.add_argument("--repeats", type=int, default=3)
    options = parser.parse_args()
    size, width = options.size, options.width
    expected, counts = pattern(size, np.random.default_rng(0))
    mask = np.zeros(counts.shape, bool)
    start = size // 2 + size // 16
    mask[:, start : start + width] = mask[:, :, start : start + width] = True
    values = np.log1p(counts)
    pair, _ = measure(lambda: scipy.fft.irfftn(scipy.fft.rfftn(values), values.shape), 9)
    print(f"{size}³, cross {width} voxels wide, {mask.sum()} voxels masked; FFT pair {1e3 * pair:.0f} ms")
    print(f"{'method':<12}{'seconds':>9}{'FFT pairs':>11}{'MiB':>7}{'log error ratio':>17}")
    linear = np.expm1(CLASSICAL["linear"](values, mask)[mask])
    methods = {**CLASSICAL, "wiener": lambda v, m: wiener_fill(v, m)[0]}
    for name, fill in methods.items():
        seconds, memory = measure(lambda fill=fill: fill(values, mask), options.repeats)  # type: ignore[misc]
        ratio = log_error_ratio(np.expm1(fill(values, mask)[mask]), expected[mask], linear)
        print(f"{name:<12}{seconds:>9.2f}{seconds / pair:>11.0f}{memory:>7.0f}{ratio:>17.3f}")


if __name__ == "__main__":
    main()
