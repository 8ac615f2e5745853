"""Maximum likelihood, step by step, compared with its objective in NumPy."""

import numpy as np
import pytest
import torch

from sayre.retrieval.engine.algorithms import ML, State
from sayre.retrieval.engine.arrays import fourier, kernels
from sayre.retrieval.engine.bounds import Bounds
from sayre.retrieval.engine.modulus import Modulus

SHAPE = (6, 7, 8)


@pytest.fixture(params=["whole", "passes"], autouse=True)
def way(request, monkeypatch):
    """Transform these small arrays whole, as by default, or in passes."""
    if request.param == "passes":
        monkeypatch.setattr(fourier, "LARGE", 0)
        monkeypatch.setattr(kernels, "BLOCK", 100)


def normal(rng, shape):
    return rng.standard_normal(shape) + 1j * rng.standard_normal(shape)


class Objective:
    """Σ (λ − n log λ) over voxels used, and 2 (|F x| − b)² beyond the bounds of the others.

    Below `LEAST` counts the model is not let weigh; no voxel of these tests is that dark.
    """

    def __init__(self, bounded):
        rng = np.random.default_rng(0)
        self.counts = rng.poisson(rng.uniform(1, 60, SHAPE)).astype(np.float32)
        self.weight = rng.choice([0, 1, 1, 2], SHAPE).astype(np.uint8)
        middle = np.sqrt(self.counts)
        self.lower = np.where(self.weight == 1, middle, 0.9 * middle)
        self.upper = np.where(self.weight == 1, middle, 1.1 * middle)
        if not bounded:
            self.lower, self.upper = (np.where(self.weight == 1, middle, end) for end in (0, np.inf))
        self.support = rng.random((2, *SHAPE)) < 0.6
        self.start = 0.35 * normal(rng, (2, *SHAPE)) * self.support
        self.rng = rng

    def bounds(self):
        lower, upper = (np.fft.fftshift(a).astype(np.float32) for a in (self.lower, self.upper))
        counts, weight = np.fft.fftshift(self.counts), np.fft.fftshift(self.weight)
        return Bounds(lower=lower, upper=upper, counts=counts, weight=weight)

    def value(self, x):
        """Compute the objective of one object."""
        modulus = np.abs(np.fft.fftn(x))
        used = self.weight == 1
        fitted = (modulus**2 - self.counts * np.log(modulus**2))[used].sum()
        beyond = modulus - np.clip(modulus, self.lower, self.upper)
        return fitted + 2 * (beyond[~used] ** 2).sum()

    def along(self, x, direction):
        """Compute the first and second derivative along a direction."""
        step = 1e-3
        low, middle, high = (self.value(x + k * step * direction) for k in (-1, 0, 1))
        return (high - low) / (2 * step), (high - 2 * middle + low) / step**2

    def modulus_and_state(self):
        x = torch.from_numpy(self.start.astype(np.complex64))
        support = torch.from_numpy(self.support.copy())
        return Modulus(self.bounds(), 2, torch.device("cpu")), State(
            x=x, p=torch.empty_like(x), support=support
        )


def whole(objective, vector):
    """Expand a vector stored inside the supports to arrays of both starts."""
    found = np.zeros((2, *SHAPE), complex)
    found[objective.support] = vector.numpy()
    return found


@pytest.mark.parametrize("bounded", [True, False])
def test_three_steps_of_conjugate_gradients_by_numpy(bounded):
    """Each step is one Newton step along a Polak-Ribière direction, independent for both starts."""
    objective = Objective(bounded)
    modulus, state = objective.modulus_and_state()
    assert modulus.bounded == bounded
    before = [np.zeros((2, *SHAPE), complex)] * 2
    for _ in range(3):
        x = state.x.numpy().astype(complex)
        ML().step(state, modulus)
        gradient, direction = (whole(objective, state.extra[name]) for name in ("g", "d"))
        moved = state.x.numpy() - x
        for k in range(2):
            for _ in range(3):
                tried = normal(objective.rng, SHAPE) * objective.support[k]
                # d/dx* of a real function: its differential is 2 Re⟨g, dx⟩; ifftn divides by the voxels
                slope = 2 * modulus.fourier.voxels * np.vdot(gradient[k], tried).real
                assert objective.along(x[k], tried)[0] == pytest.approx(slope, rel=5e-3, abs=5e-2)
            old = before[0][k]
            power = np.vdot(old, old).real
            turn = max(np.vdot(gradient[k], gradient[k] - old).real / power, 0) if power else 0
            expected = turn * before[1][k] - gradient[k]
            np.testing.assert_allclose(direction[k], expected, atol=1e-4 * np.abs(expected).max())
            first, second = objective.along(x[k], direction[k])
            length = np.vdot(direction[k], moved[k]).real / np.vdot(direction[k], direction[k]).real
            np.testing.assert_allclose(moved[k], length * direction[k], atol=1e-4)
            if not bounded:  # with bounds the curvature has kinks
                assert length == pytest.approx(-first / second, rel=1e-2)
            assert objective.value(x[k] + moved[k]) < objective.value(x[k])
        before = [gradient, direction]


def test_a_voxel_beyond_its_bounds_has_the_curvature_of_a_square():
    """The second derivative of 2 (|F x| − b)² along F x is 4 |F x|², and 0 within the bounds."""
    counts = np.full((4, 5), 100, np.float32)
    weight = np.ones(counts.shape, np.uint8)
    weight[2, 2] = 0
    lower, upper = np.sqrt(counts), np.sqrt(counts)
    obj = np.zeros((1, 4, 5), np.complex64)
    obj[0, 0, 0] = 10
    lengths = []
    for low, high in ((12, 13), (7, 8), (9, 11)):
        lower[2, 2], upper[2, 2] = low, high
        bounds = Bounds(lower=lower, upper=upper, counts=counts, weight=weight)
        modulus = Modulus(bounds, 1, torch.device("cpu"))
        state = State(
            x=torch.from_numpy(obj.copy()),
            p=torch.empty(1, 4, 5, dtype=torch.complex64),
            support=torch.from_numpy(obj != 0),
        )
        ML().step(state, modulus)
        lengths.append(float(state.x[0, 0, 0].real) - 10)
    # of 19 voxels (λ − n log λ)'' = 4 along the amplitude 10, of one 4 or 0; its slope is 4 (10 − b)
    expected = [4 * 2 / (20 * 4), -4 * 2 / (20 * 4), 0]
    np.testing.assert_allclose(lengths, expected, atol=1e-4)


def test_ml_keeps_the_object_zero_outside_the_support():
    objective = Objective(True)
    modulus, state = objective.modulus_and_state()
    state.x += 0.1
    ML().step(state, modulus)
    assert not state.x[~state.support].any()
    assert ML().estimate(state) is state.x
    state.x += 0.1
    solution = ML().solution(state, modulus)
    assert torch.equal(solution, state.x * state.support)


def test_dark_voxels_have_the_weight_of_a_tenth_of_a_count():
    """The slope of n/λ, which has a pole at 0, is that of 0.1 counts there."""
    counts = np.full((4, 4), 2, np.float32)
    root = np.sqrt(counts)
    bounds = Bounds(lower=root, upper=root, counts=counts, weight=np.ones((4, 4), np.uint8))
    modulus = Modulus(bounds, 1, torch.device("cpu"))
    obj = np.zeros((1, 4, 4), np.complex64)
    obj[0, 0, 0] = 0.1  # λ = 0.01
    state = State(
        x=torch.from_numpy(obj),
        p=torch.empty(1, 4, 4, dtype=torch.complex64),
        support=torch.from_numpy(obj != 0),
    )
    ML().step(state, modulus)
    # slope by λ: 1 − 2/0.1; curvature 2/0.1², times the squares of 2 |F x| |F d|, and that of λ itself
    gradient = (1 - 2 / 0.1) * 0.1
    slope, curve = 2 * gradient, 2 * (1 - 2 / 0.1) + 2 / 0.1**2 * (2 * 0.1) ** 2
    expected = 0.1 - slope / curve if curve > 0 else 0.1
    assert float(state.x[0, 0, 0].real) == pytest.approx(expected, rel=1e-4)
