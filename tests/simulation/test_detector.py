"""What a detector records, against the statistics of photons and the geometry of modules."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sayre import files
from sayre.data import Manifest
from sayre.detectors import detector
from sayre.errors import InputError
from sayre.simulation.detector import Readout, exposure_scale, module_gaps, pixel_response, record, region
from sayre.simulation.peak import simulate


@settings(max_examples=20)
@given(counts=st.floats(1e-3, 1e12), whole=st.booleans(), seed=st.integers(0, 99))
def test_exposure_to_a_peak_or_a_total(counts, whole, seed):
    intensity = np.random.default_rng(seed).random((4, 5, 6)).astype(np.float32)
    readout = Readout(total_counts=counts) if whole else Readout(max_counts=counts)
    scaled = intensity * exposure_scale(intensity, readout)
    assert (scaled.sum() if whole else scaled.max()) == pytest.approx(counts, rel=1e-5)


def test_simulated_total_and_background():
    options = {"atoms": 2000, "shape_px": 24, "generator": np.random.default_rng(0)}
    made = simulate("wulff", readout=Readout(total_counts=5e6, background=3.0), **options)
    assert made.expectation.sum(dtype=float) == pytest.approx(5e6 + 3 * 24**3, rel=1e-5)
    assert made.pattern.intensity.sum(dtype=float) == pytest.approx(5e6 + 3 * 24**3, rel=5 / 2236)
    assert made.expectation.min() >= 3
    np.testing.assert_allclose(np.abs(made.amplitude) ** 2 + 3, made.expectation, rtol=1e-4)


def test_flat_field_modulates_the_counts_not_the_expectation():
    rng = np.random.default_rng(1)
    flat = rng.uniform(0.5, 1.5, (16, 16)).astype(np.float32)
    expectation = np.full((400, 16, 16), 50, np.float32)
    counts, mask = record(expectation, Readout(max_counts=1, flat=flat), rng)
    assert not mask.any()
    z = (counts.mean(0) - 50 * flat) / np.sqrt(50 * flat / 400)
    assert abs(z.mean()) < 0.3
    assert z.std() == pytest.approx(1, abs=0.15)


@pytest.mark.parametrize("keep", [False, True])
def test_saturated_voxels_are_clipped_and_masked(keep):
    expectation = np.array([10, 900, 1e6], np.float32).reshape(3, 1, 1)
    readout = Readout(max_counts=1, saturation=1000, keep_saturated=keep)
    counts, mask = record(expectation, readout, np.random.default_rng(0))
    assert mask.ravel().tolist() == [False, False, not keep]
    assert counts[2, 0, 0] == (1000 if keep else 0)
    assert 0 < counts[1, 0, 0] < 1000


def test_masked_pixels_hold_nothing_in_every_frame():
    mask = np.zeros((5, 6), bool)
    mask[2] = True
    readout = Readout(max_counts=100, mask=mask)
    counts, missing = record(np.full((4, 5, 6), 1e3, np.float32), readout, np.random.default_rng(0))
    np.testing.assert_array_equal(missing, np.broadcast_to(mask, (4, 5, 6)))
    assert (counts[missing] == 0).all()
    assert (counts[~missing] > 0).all()


def test_readout_reaches_the_pattern():
    gaps = module_gaps("maxipix", (24, 24), corner=(250, 100))
    readout = Readout(max_counts=1e4, mask=gaps, detector="maxipix")
    made = simulate("cube", atoms=2000, shape_px=24, readout=readout, generator=np.random.default_rng(0))
    assert made.pattern.meta.detector == "maxipix"
    np.testing.assert_array_equal(made.pattern.mask, np.broadcast_to(gaps, (24, 24, 24)))
    assert made.expectation[made.pattern.mask].min() > 0


@pytest.mark.parametrize("name", ["maxipix", "eiger2-1m", "merlin", "timepix-quad-516"])
def test_gaps_at_a_corner_are_those_of_the_detector(name):
    whole = detector(name).mask()
    rows = detector(name).row_gaps[0]
    found = module_gaps(name, (64, 48), corner=(rows[0] - 20, 3))
    np.testing.assert_array_equal(found, whole[rows[0] - 20 :, 3:][:64, :48])
    assert found[20].all()
    assert not found[19].all()


@settings(max_examples=25)
@given(st.integers(0, 2**31), st.sampled_from(["maxipix", "eiger2-4m", "pilatus-1m"]), st.integers(8, 128))
def test_gaps_at_random_are_seen_and_leave_something(seed, name, side):
    found = module_gaps(name, (side, side), generator=np.random.default_rng(seed))
    assert found.shape == (side, side)
    assert found.any()
    assert not found.all()
    np.testing.assert_array_equal(
        found, module_gaps(name, (side, side), generator=np.random.default_rng(seed))
    )


def test_a_detector_without_gaps_has_none():
    assert not module_gaps("timepix", (64, 64), generator=np.random.default_rng(0)).any()


def test_response_from_a_whitefield():
    """The beam is divided out; a bright pixel keeps its excess, a dead one gives nothing, both are bad."""
    rng = np.random.default_rng(0)
    y, x = np.mgrid[:96, :80]
    pixels = rng.normal(1, 0.02, (96, 80))
    pixels[40, 41], pixels[60, 20] = 8.0, 0.0
    white = pixels * 1e4 * np.exp(-((y - 50) ** 2 + (x - 30) ** 2) / 2 / 150**2)
    flat, bad = pixel_response(white)
    good = ~bad[10:-10, 10:-10]
    deviation = (flat / pixels.clip(0.1))[10:-10, 10:-10][good]
    assert deviation.mean() == pytest.approx(1, abs=0.01)
    assert deviation.std() < 0.02
    assert flat[40, 41] == pytest.approx(8, rel=0.1)
    assert flat[60, 20] == 0
    assert bad[40, 41]
    assert bad[60, 20]


@pytest.mark.measured
def test_measured_whitefields(measured, tmp_path):
    """Real ones, read as a user would: hot and dead pixels few, response within some percent of 1."""
    for index, image in enumerate(list(measured("G").values())[1::3]):
        path = tmp_path / f"white{index}.npz"
        np.savez(path, intensity=np.rint(image))
        white = files.load(path).intensity
        part = region("white field", white.shape, (128, 128), generator=np.random.default_rng(index))
        flat, bad = (image[part] for image in pixel_response(white))
        assert 0 < bad.mean() < 0.2 or not bad.any()
        assert flat[~bad].mean() == pytest.approx(1, abs=0.05)
        assert 0.005 < flat[~bad].std() < 0.5
        readout = Readout(max_counts=1e5, flat=flat, mask=bad)
        made = simulate(
            "cube",
            atoms=2000,
            shape_px=(16, 128, 128),
            oversampling=(3.0, 12.0, 12.0),
            readout=readout,
            generator=_rng(),
        )
        light = (made.expectation > 50) & ~made.pattern.mask
        ratio = made.pattern.intensity[light] / (made.expectation * flat)[light]
        assert ratio.mean() == pytest.approx(1, abs=0.02)


@pytest.mark.parametrize(
    ("action", "message"),
    [
        (lambda: Readout(), "either max-counts or total-counts"),
        (lambda: Readout(max_counts=1, total_counts=1), "either max-counts or total-counts"),
        (lambda: Readout(max_counts=-1), "must be positive"),
        (lambda: Readout(max_counts=float("nan")), "must be positive"),
        (lambda: Readout(total_counts=1e30), "at most 1e15"),
        (lambda: Readout(max_counts=1, background=-1), "background"),
        (lambda: Readout(max_counts=1, saturation=0), "saturation"),
        (lambda: exposure_scale(np.zeros((2, 2)), Readout(max_counts=1)), "nowhere positive"),
        (lambda: module_gaps("blob", (8, 8), corner=(0, 0)), "not known"),
        (lambda: module_gaps("maxipix", (600, 8), corner=(0, 0)), "516×516 pixels, fewer"),
        (lambda: module_gaps("maxipix", (-3, 8), generator=_rng()), "is empty"),
        (lambda: module_gaps("maxipix", (100, 8), corner=(450, 0)), "must begin within"),
        (lambda: pixel_response(np.ones((20, 20, 3))), "2D"),
        (lambda: pixel_response(np.zeros((20, 20))), "no pixel is positive"),
        (lambda: region("white field", (20, 20), (32, 32), (0, 0)), "fewer than the 32×32"),
        (
            lambda: record(np.ones((2, 4, 4)), Readout(max_counts=1, mask=np.ones((3, 3), bool)), _rng()),
            "mask",
        ),
        (
            lambda: record(np.ones((2, 4, 4)), Readout(max_counts=1, flat=np.ones((4, 3))), _rng()),
            "flat field",
        ),
    ],
)
def test_what_cannot_be_is_refused_in_one_line(action, message):
    with pytest.raises(InputError, match=message) as caught:
        action()
    assert "\n" not in str(caught.value)


def test_files_hold_the_mask_of_a_readout(tmp_path):
    readout = Readout(max_counts=1e4, mask=np.eye(16, dtype=bool))
    made = simulate("cube", atoms=2000, shape_px=16, readout=readout, generator=_rng())
    files.save(tmp_path / "a.npz", replace(made), Manifest(command="test"))
    np.testing.assert_array_equal(files.load(tmp_path / "a.npz").mask, made.pattern.mask)


def _rng():
    return np.random.default_rng(0)
