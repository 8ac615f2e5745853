"""Small patterns of every kind."""

import numpy as np

from sayre.data import FilledPattern, Grid, Meta, Pattern, SimulatedPattern

META = Meta(energy=9000.0, distance=0.5, pixel_size=(55e-6, 75e-6), hkl=(1, 1, -1), detector="maxipix")


def make(kind: str, shape=(5, 6, 7), *, masked=True, meta=META, seed=0):
    rng = np.random.default_rng(seed)
    counts = rng.poisson(rng.exponential(20.0, shape)).astype(np.float32)
    mask = np.zeros(shape, bool)
    if masked:
        mask[..., 2:4] = True
    grid = Grid(step=tuple(0.001 * (i + 1) for i in range(len(shape))), unit="1/angstrom")
    pattern = Pattern.from_counts(counts, mask, grid=grid, meta=meta)
    if kind == "pattern":
        return pattern
    if kind == "simulated":
        amplitude = (rng.normal(size=shape) + 1j * rng.normal(size=shape)).astype(np.complex64)
        return SimulatedPattern(
            pattern=pattern,
            expectation=np.abs(amplitude).astype(np.float32) ** 2,
            amplitude=amplitude,
            oversampling=(3.0,) * len(shape),
        )
    estimate = rng.exponential(5.0, shape).astype(np.float32)
    estimate[estimate < 1] = 0
    return FilledPattern(
        pattern=pattern,
        intensity=np.where(mask, estimate, pattern.intensity),
        sigma=np.where(mask, np.float32(0.3), np.float32(0)),
        method="wiener",
    )
