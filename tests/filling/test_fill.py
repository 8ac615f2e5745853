"""The one call that fills: which method it takes, what it hands over, what it refuses."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from kept_steps import Steps

from sayre.data import Grid, Pattern
from sayre.errors import InputError
from sayre.filling.classical import CLASSICAL
from sayre.filling.fill import inpaint
from sayre.filling.kept import InMemory
from sayre.filling.network import predictor as predictors
from sayre.filling.network import volume, windows
from sayre.filling.network.predictor import Predictor
from sayre.filling.settings import METHODS, FillingSettings
from sayre.filling.wiener import wiener_fill
from sayre.networks import registry
from sayre.numerics.progress import Part


def gapped(shape, seed=0):
    rng = np.random.default_rng(seed)
    places = np.meshgrid(*(np.linspace(-1, 1, n) for n in shape), indexing="ij")
    counts = rng.poisson(300 * np.exp(-3 * sum(x**2 for x in places))).astype(np.float32)
    mask = np.zeros(shape, bool)
    mask[:, shape[1] // 2 : shape[1] // 2 + 3] = True
    counts[mask] = 0
    return Pattern(intensity=counts, mask=mask, grid=Grid(step=(1.0,) * len(shape)))


class Copy(torch.nn.Module):
    def forward(self, filled, *_):
        return filled, 0 * filled


@pytest.fixture
def loaded(monkeypatch):
    """What weights were asked for; they are of a network that copies."""
    asked = []

    def load(*which):
        asked.append(which)
        network = {"network": Copy(), "device": torch.device("cpu"), "depth": 12, "tile": 32}
        return Predictor(**network, widths=(1, 6), baseline="wiener")

    monkeypatch.setattr(predictors, "load_predictor", load)
    return asked


def test_in_3d_the_network_takes_part_where_weights_ship(monkeypatch, loaded):
    pattern = gapped((14, 16, 15))
    row = next(iter(registry.registry().values()), "a row")
    asked = []

    def default(ships):
        return lambda *which: asked.append(which) or (row if ships else None)

    monkeypatch.setattr(registry, "default", default(True))
    assert inpaint(pattern).method == "stack of linear, edges, wiener, unet"
    monkeypatch.setattr(registry, "default", default(False))
    assert inpaint(pattern).method == "stack of linear, edges, wiener"
    assert inpaint(pattern, weights="mine").method == "stack of linear, edges, wiener, unet"
    assert set(asked) == {("inpaint", 3)}
    assert loaded[-1] == ("mine", "auto")
    before = len(loaded)
    assert inpaint(gapped((20, 22))).method == "stack of linear, edges, wiener"
    assert len(loaded) == before


@pytest.mark.parametrize("shape", [(20, 22), (10, 12, 11)])
@pytest.mark.parametrize("method", sorted(set(METHODS) - {"auto", "stack", "crystal", "unet"}))
def test_classical_methods_are_handed_logarithms_and_state_no_error(method, shape):
    pattern, told = gapped(shape), []
    found = inpaint(pattern, method=method, progress=lambda fraction, *_: told.append(fraction))
    values, mask, sigma = np.log1p(pattern.intensity), pattern.mask, np.nan
    if method == "wiener":
        filled, sigma = wiener_fill(values, mask)
        sigma = sigma[mask]
    else:
        filled = CLASSICAL[method](values, mask)
    np.testing.assert_array_equal(found.intensity[mask], np.maximum(np.expm1(filled[mask]), 0))
    np.testing.assert_array_equal(found.intensity[~mask], pattern.intensity[~mask])
    np.testing.assert_array_equal(found.sigma[mask], sigma)
    assert not found.sigma[~mask].any()
    assert found.sigma.dtype == found.intensity.dtype == np.float32
    assert found.method == method
    assert found.pattern is pattern
    assert told[-1] == 1


def test_weights_and_device_are_those_that_were_asked_for(loaded):
    pattern = gapped((14, 16, 15))
    inpaint(pattern, method="unet")
    inpaint(pattern, method="unet", weights="mine", device="cpu")
    assert loaded == [(None, "auto"), ("mine", "cpu")]


@pytest.mark.parametrize(("stride", "expected"), [(None, 16), (1, 1), (9, 9), (100, 32)])
def test_how_the_network_is_run(monkeypatch, loaded, stride, expected):
    """On a volume of the baseline it was trained with, its windows at most their own length apart."""
    pattern, seen = gapped((14, 34, 36)), {}

    def prepare(counts, mask, baseline, *rest):
        seen["baseline"] = baseline
        return real_prepare(counts, mask, baseline, *rest)

    def fill(volume, slabs, predict, **options):
        seen.update(options)
        return real_fill(volume, slabs, predict, **options)

    real_prepare, real_fill = volume.prepare, windows.fill
    monkeypatch.setattr(volume, "prepare", prepare)
    monkeypatch.setattr(windows, "fill", fill)
    told = []
    found = inpaint(
        pattern, method="unet", stride=stride, progress=lambda fraction, *_: told.append(fraction)
    )
    assert seen.pop("progress") is not None
    assert seen.pop("kept") is None
    assert seen == {"baseline": "wiener", "depth": 12, "tile": 32, "stride": expected, "views": 2}
    filled = wiener_fill(np.log1p(pattern.intensity), pattern.mask)[0]
    mask = pattern.mask
    np.testing.assert_allclose(found.intensity[mask], np.expm1(filled[mask]), rtol=1e-4, atol=1e-5)
    # the baseline is the first half of the work
    assert told == sorted(told)
    assert 0 < told[0] < 0.1
    assert 0.5 in told
    assert told[-1] == 1


class Turned(torch.nn.Module):
    """Answers differ from voxel to voxel and with the orientation of the window; `shown` are counted."""

    shown = 0

    def forward(self, filled, *_):
        self.shown += len(filled)
        slope = torch.linspace(0, 0.3, filled.shape[-1])
        return filled + slope, -2 + 0.1 * filled + slope


@pytest.mark.parametrize("method", ["wiener", "unet"])
def test_a_filling_resumed_after_any_step_has_the_same_bytes(monkeypatch, method):
    """It does what was not done, and tells how much was; the network's steps come after the baseline's."""
    network = Turned()
    options = {"network": network, "device": torch.device("cpu"), "depth": 12, "tile": 12, "widths": (1, 6)}
    monkeypatch.setattr(predictors, "load_predictor", lambda *_: Predictor(**options))
    mask = gapped((12, 20, 22)).mask
    mask[:, :, 12:14] = True
    pattern, kept, whole_told = replace(gapped((12, 20, 22)), mask=mask), Steps(), []
    whole = inpaint(pattern, method=method, stride=8, kept=kept, progress=whole_told.append)
    names = [name for name, _ in kept.saved]
    boxes = names.count("wiener")
    assert boxes == 2
    assert names == ["wiener"] * 2 + ["windows"] * (len(names) - 2)
    assert (len(names) > 7) == (method == "unet")
    windows_shown, shown = network.shown, []
    for done in range(1, len(names) + 1):
        network.shown, told, left = 0, [], kept.from_step(done)
        again = inpaint(pattern, method=method, stride=8, kept=left, progress=told.append)
        assert again.intensity.tobytes() == whole.intensity.tobytes()
        assert again.sigma.tobytes() == whole.sigma.tobytes()
        assert [name for name, _ in left.saved] == names
        if done > boxes:
            rest = len(names) - done
            assert told[len(told) - rest :] == whole_told[len(whole_told) - rest :]
            shown.append(network.shown)
    assert shown == sorted(shown, reverse=True)
    assert (method == "wiener") or (shown[0] < windows_shown and shown[-1] == 0)


def test_settings_are_those_that_were_given():
    pattern = gapped((20, 22))
    assert inpaint(pattern, FillingSettings(method="linear")).method == "linear"
    assert inpaint(pattern, FillingSettings(method="linear"), method="nearest").method == "nearest"
    with pytest.raises(InputError, match=r"^pattern: must be a Pattern, found an array"):
        inpaint(pattern.intensity)
    with pytest.raises(InputError, match=r"^settings: must be a FillingSettings, found the text 'linear'"):
        inpaint(pattern, "linear")


def test_notes_of_progress_are_passed_on():
    told = []
    part = Part(lambda *what: told.append(what), 0.5, 0.75)
    part(0.5)
    part(1.0, "a note")
    assert told == [(0.625,), (0.75, "a note")]
    Part(None, 0, 1)(0.5)


def test_the_network_refuses_2d_counts():
    with pytest.raises(
        InputError, match=r"^pattern: the network fills 3D counts, these are 2D; `method='wiener'`$"
    ):
        inpaint(gapped((20, 22)), method="unet")


def test_a_pattern_without_gaps_is_refused():
    counts = np.ones((6, 7), np.float32)
    pattern = Pattern(intensity=counts, mask=np.zeros(counts.shape, bool), grid=Grid(step=(1.0,) * 2))
    with pytest.raises(
        InputError, match=r"^pattern: no voxel is masked, nothing to fill; give the gaps by `mask=`$"
    ):
        inpaint(pattern)


def test_steps_in_memory_spare_a_second_filling_the_work(monkeypatch):
    """The network is asked for nothing again, bytes are the same, and another place has the steps."""
    network = Turned()
    options = {"network": network, "device": torch.device("cpu"), "depth": 12, "tile": 12, "widths": (1, 6)}
    monkeypatch.setattr(predictors, "load_predictor", lambda *_: Predictor(**options))
    pattern, beyond = gapped((12, 20, 22)), Steps()
    steps = InMemory(beyond)
    first = inpaint(pattern, method="unet", stride=8, kept=steps)
    assert network.shown > 0
    network.shown = 0
    again = inpaint(pattern, method="unet", stride=8, kept=steps)
    assert network.shown == 0
    assert again.intensity.tobytes() == first.intensity.tobytes()
    assert again.sigma.tobytes() == first.sigma.tobytes()
    stopped = inpaint(pattern, method="unet", stride=8, kept=InMemory(beyond))
    assert network.shown == 0
    assert stopped.intensity.tobytes() == first.intensity.tobytes()


def test_steps_in_memory_are_not_changed_by_who_goes_on_from_them():
    steps = InMemory(Steps())
    steps.finish("windows", total=np.zeros(3))
    for _ in range(2):
        left = steps.load("windows")
        assert not left["total"].any()
        left["total"] += 1
