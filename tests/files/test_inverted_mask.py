"""A mask that is surely inverted is refused; one that hides most of an array is not."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest

from sayre.errors import InputError, SayreWarning
from sayre.files import load

SHAPE = (24, 40, 40)
REFUSED = "of the voxels are masked and hold .* of the counts, so the mask is probably inverted"


@pytest.fixture
def counts() -> np.ndarray:
    """A peak on a background of a count in ten voxels; nothing in a cross of four voxels."""
    x = np.indices(SHAPE) - np.array([12, 18, 22])[:, None, None, None]
    rates = 1e5 * np.prod(np.sinc(x / 4.3) ** 2, 0) + 0.1
    return np.random.default_rng(0).poisson(np.where(cross(), 0, rates))


def cross() -> np.ndarray:
    mask = np.zeros(SHAPE, bool)
    mask[:, 28:32] = mask[:, :, 8:12] = True
    return mask


def around_the_peak(half: int) -> np.ndarray:
    """Everything but a part around the peak."""
    mask = np.ones(SHAPE, bool)
    mask[12 - half : 12 + half, 18 - half : 18 + half, 22 - half : 22 + half] = False
    return mask


@pytest.mark.parametrize("dead", [0, -1, np.nan])
def test_an_inverted_mask_is_refused(tmp_path, counts, dead):
    counts = np.where(cross(), dead, counts).astype(np.float32)
    np.save(tmp_path / "a.npy", counts)
    np.save(tmp_path / "good.npy", ~cross())
    with pytest.raises(InputError, match=f"good.npy: 81% {REFUSED}"):
        load(tmp_path / "a.npy", mask=tmp_path / "good.npy")
    with pytest.raises(InputError, match=f"^mask: 81% {REFUSED}"):
        load(tmp_path / "a.npy", mask=~cross())
    np.savez(tmp_path / "b.npz", intensity=counts, mask=~cross())
    with pytest.raises(InputError, match=f"b.npz: 81% {REFUSED}"):
        load(tmp_path / "b.npz")
    np.savez(tmp_path / "b.npz", intensity=counts, mask=cross())
    np.testing.assert_array_equal(load(tmp_path / "b.npz").mask, cross())


def test_marks_of_dead_pixels_do_not_hide_that_a_mask_is_inverted(tmp_path, counts):
    np.save(tmp_path / "a.npy", np.where(cross(), 2**32 - 1, counts).astype(np.uint32))
    with pytest.raises(InputError, match=REFUSED):
        load(tmp_path / "a.npy", mask=~cross())


@pytest.mark.parametrize("half", [4, 8, 11])
@pytest.mark.parametrize("hidden", ["as measured", "nothing", "a hot pixel", "a brighter peak"])
def test_a_mask_of_all_but_the_peak_is_taken(tmp_path, counts, half, hidden):
    mask = around_the_peak(half)
    if hidden == "nothing":
        counts[mask] = 0
    elif hidden == "a hot pixel":
        counts[:, 1, 1] = 10**9
    elif hidden == "a brighter peak":
        counts[2:6, 34:39, 34:39] = 10**8
    np.save(tmp_path / "a.npy", counts)
    with pytest.warns(SayreWarning, match="is it the reverse"):
        found = load(tmp_path / "a.npy", mask=mask)
    np.testing.assert_array_equal(found.mask, mask)


@pytest.mark.measured
@pytest.mark.filterwarnings("ignore:.*(not integers|is it the reverse)")
def test_a_measured_pattern_with_the_mask_of_its_detector():
    path = Path(os.environ.get("SAYRE_DATA_DIR", "none")) / "D_id01_maxipix.cxi"
    if not path.is_file():
        pytest.skip(f"SAYRE_DATA_DIR has no file {path.name}")
    found = load(path)
    everything_else = np.ones(found.shape, bool)
    everything_else[40:88, 150:204, 80:134] = False
    assert load(path, mask=everything_else).mask.mean() > 0.9
    with pytest.raises(InputError, match=REFUSED):
        load(path, mask=~found.mask)
