"""Transforms in passes compared with those of the whole array by NumPy."""

import numpy as np
import pytest
import torch

from sayre.retrieval.engine.arrays import fourier, kernels
from sayre.retrieval.engine.arrays.fourier import Fourier


@pytest.fixture(params=[(9, 10), (6, 7, 8), (8, 5, 7)])
def shape(request):
    return request.param


@pytest.fixture(params=[1 << 30, 0], ids=["whole", "passes"])
def transform(request, shape, monkeypatch):
    monkeypatch.setattr(fourier, "LARGE", request.param)
    monkeypatch.setattr(kernels, "BLOCK", 60)
    return Fourier(shape, torch.device("cpu"))


def normal(*shape, dtype=torch.complex64):
    return torch.randn(shape, dtype=dtype, generator=torch.Generator().manual_seed(0))


def test_every_part_of_the_field_is_visited_once(transform, shape):
    x, gain = normal(2, *shape), normal(*shape, dtype=torch.float32)
    arranged = transform.arrange(gain)
    assert torch.equal(arranged, gain)
    columns_of_gain, visited = arranged.flatten(1), torch.zeros(2, *shape, dtype=torch.complex64)

    def visit(field, starts, columns):
        visited.flatten(2)[starts, :, columns] += field
        assert field.stride()[1:] == columns_of_gain[:, columns].stride()
        field.mul_(columns_of_gain[:, columns])

    expected = np.fft.fftn(x.numpy(), axes=transform.axes)
    out = transform.round_trip(x, torch.empty_like(x), visit)
    np.testing.assert_allclose(visited, expected, atol=1e-4)
    back = np.fft.ifftn(expected * gain.numpy(), axes=transform.axes)
    np.testing.assert_allclose(out, back, atol=1e-5)
    transform.visit(x, out, lambda *_: None)
    np.testing.assert_allclose(transform.round_trip(x, out, visit, visited=True), back, atol=1e-5)
    visited.zero_()
    np.testing.assert_allclose(transform.round_trip(x, x, visit), back, atol=1e-5)


def test_visits_cut_at_a_support_and_keep_the_order(transform, shape):
    x = normal(2, *shape)
    support = torch.rand(2, *shape, generator=torch.Generator().manual_seed(1)) < 0.4
    buffer, kept = torch.empty_like(x), torch.empty_like(x)
    ordered, visited = transform.ordered(kept), []

    def visit(field, starts, columns):
        assert field.stride()[1:] == ordered[starts, :, columns].stride()[1:]
        ordered[starts, :, columns] = field
        visited.append((starts, columns))

    transform.visit(x, buffer, visit, support=support)
    expected = np.fft.fftn((x * support).numpy(), axes=transform.axes)
    np.testing.assert_allclose(ordered, expected.reshape(2, shape[0], -1), atol=1e-4)
    assert visited == list(transform.parts(2))


def test_real_arrays_have_half_a_field(transform, shape):
    x = normal(2, *shape, dtype=torch.float32)
    expected = np.fft.rfftn(x.numpy(), axes=transform.axes)
    gain = torch.rand(expected.shape, generator=torch.Generator().manual_seed(1))

    def visit(field, starts, columns):
        field.mul_(gain.flatten(2)[starts, :, columns])

    buffer = transform.half(torch.empty(x.shape, dtype=torch.complex64))
    out = transform.round_trip(x, torch.empty_like(x), visit, buffer=buffer)
    back = np.fft.irfftn(expected * gain.numpy(), shape, axes=transform.axes)
    np.testing.assert_allclose(out, back, atol=1e-5)


def test_a_batch_gives_what_its_members_give(transform, shape):
    x = normal(3, *shape)
    whole = transform.round_trip(x, torch.empty_like(x), lambda field, *_: field.mul_(1.5))
    for one, member in zip(whole, x, strict=True):
        single = transform.round_trip(member[None], member[None], lambda f, *_: f.mul_(1.5))[0]
        torch.testing.assert_close(single, one, rtol=1e-5, atol=1e-5)
