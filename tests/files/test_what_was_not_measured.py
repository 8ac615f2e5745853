"""Marks in the counts, masks of another meaning, regions, orders of axes, errors of other programs."""

from __future__ import annotations

import h5py
import numpy as np
import pytest

from sayre.data import FilledPattern
from sayre.errors import InputError, SayreWarning
from sayre.files import load, load_filled

SHAPE = (12, 30, 28)


def peak(seed=0):
    """A Bragg peak of 1e5 counts."""
    z, y, x = np.meshgrid(*[np.arange(n) - n // 2 for n in SHAPE], indexing="ij")
    expected = 1e5 * np.exp(-((z / 2) ** 2 + (y / 5) ** 2 + (x / 5) ** 2) / 2) + 0.3
    return np.random.default_rng(seed).poisson(expected)


@pytest.mark.parametrize(
    ("dtype", "mark"),
    [
        ("u2", 2**16 - 1),
        ("i2", 2**15 - 1),
        ("u4", 2**32 - 1),
        ("i4", 2**31 - 1),
        ("u8", 2**64 - 1),
        ("u8", 2**32 - 1),
        ("i8", 2**63 - 1),
        ("i8", 2**32 - 1),
        ("f4", 2**32 - 1),
        ("f8", 2**32 - 1),
        ("f8", 1e38),
        ("f4", 3.4028235e38),
        ("i4", -1),
        ("i4", -2),
        ("f4", np.nan),
        ("f4", np.inf),
        ("u4", 2**20 - 1),
        ("f8", 2**20 - 1),
        ("i8", 2**31 - 1),
    ],
)
@pytest.mark.parametrize("ending", ["npy", "h5"])
def test_marks_of_what_was_not_measured(tmp_path, dtype, mark, ending):
    counts = np.minimum(peak(), 30000).astype(dtype)
    counts[:, 3, 5:7] = mark
    if ending == "npy":
        np.save(tmp_path / "a.npy", counts)
    else:
        with h5py.File(tmp_path / "a.h5", "w") as file:
            file["entry/data/data"] = counts
    with pytest.warns(SayreWarning, match="24 .*masked"):
        pattern = load(tmp_path / f"a.{ending}")
    expected = np.zeros(SHAPE, bool)
    expected[:, 3, 5:7] = True
    assert np.array_equal(pattern.mask, expected)


def test_gaps_marked_by_negative_numbers_are_no_background(tmp_path):
    counts = peak().astype("i4")
    counts[:, 3:6], counts[:, :, 2] = -1, -2
    np.save(tmp_path / "a.npy", counts)
    with pytest.warns(SayreWarning) as said:
        load(tmp_path / "a.npy")
    assert [str(one.message) for one in said] == [
        f"a.npy: {(counts < 0).sum()} NaN, infinite or negative values masked"
    ]


def test_a_high_count_alone_is_no_mark(tmp_path):
    counts = peak().astype("u4")
    counts[6, 15, 14] = 2**17 - 1
    np.save(tmp_path / "a.npy", counts)
    assert not load(tmp_path / "a.npy").mask.any()


@pytest.mark.parametrize("place", ["detectorSpecific/countrate_correction_count_cutoff", "saturation_value"])
def test_a_cut_off_that_the_file_states(tmp_path, place):
    counts = np.minimum(peak(), 60000).astype("u4")
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file["entry/data/data"] = counts
        file[f"entry/instrument/detector/{place}"] = 60000
    with pytest.warns(SayreWarning, match="at or above 60000, the cut-off that the file states, masked"):
        pattern = load(tmp_path / "a.h5")
    assert np.array_equal(pattern.mask, counts == 60000)
    with h5py.File(tmp_path / "a.h5", "a") as file:
        file[f"entry/instrument/detector/{place}"][...] = 0
    assert not load(tmp_path / "a.h5").mask.any()


def gap():
    mask = np.zeros(SHAPE, bool)
    mask[:, 18:21] = True
    return mask


def test_masks_of_another_meaning_are_refused(tmp_path):
    counts, mask = peak(), gap()
    np.savez(tmp_path / "nan.npz", data=counts, mask=np.where(mask, np.nan, 1.0))
    with pytest.raises(InputError, match="the mask is NaN in 10% of the voxels and 1 in the others"):
        load(tmp_path / "nan.npz")
    np.savez(tmp_path / "all.npz", data=counts, mask=np.full(SHAPE, 0x10000))
    with pytest.raises(InputError, match="every voxel is masked; non-zero must mean not measured"):
        load(tmp_path / "all.npz")
    good = np.zeros(SHAPE, bool)
    good[:, 3:27, 2:26] = True  # the part around the peak, marked as good
    np.save(tmp_path / "counts.npy", counts)
    with pytest.raises(InputError, match=r"69% of the voxels are masked and hold .* probably inverted"):
        load(tmp_path / "counts.npy", mask=good)


def test_masks_that_hide_much_for_a_reason_are_taken(tmp_path):
    """A stronger peak beside the one that is wanted, masked with its half of the frame."""
    counts = peak() + 50 * np.roll(peak(1), 12, axis=2)
    stronger = np.zeros(SHAPE, bool)
    stronger[:, :, 20:] = True
    np.save(tmp_path / "counts.npy", counts)
    assert np.array_equal(load(tmp_path / "counts.npy", mask=stronger).mask, stronger)
    assert np.array_equal(load(tmp_path / "counts.npy", mask=[gap(), stronger]).mask, stronger | gap())


def test_an_error_of_counts_is_no_filling(tmp_path):
    counts, mask = peak().astype("f4"), gap()
    np.savez(tmp_path / "a.npz", data=counts * ~mask, mask=mask, sigma=np.sqrt(counts + 1))
    with pytest.warns(SayreWarning, match="sigma is not the error of a filling"):
        pattern = load_filled(tmp_path / "a.npz")
    assert not isinstance(pattern, FilledPattern)
    np.savez(tmp_path / "a.npz", data=counts, mask=mask, sigma=np.where(mask, 0.3, 0))
    assert isinstance(load_filled(tmp_path / "a.npz"), FilledPattern)


@pytest.mark.parametrize("ending", ["npy", "npz", "h5"])
def test_regions_and_orders_of_axes(tmp_path, ending):
    """Frames last in the file, of which a part is read: what remains is that part, frames first."""
    counts, mask = peak(), gap()
    stored, missing = np.moveaxis(counts, 0, 2), np.moveaxis(mask, 0, 2)
    region = (slice(2, 10), slice(10, 25), slice(4, 20))
    path = tmp_path / f"a.{ending}"
    if ending == "npy":
        np.save(path, np.asfortranarray(stored))
    elif ending == "npz":
        np.savez_compressed(path, data=stored, mask=missing)
    else:
        with h5py.File(path, "w") as file:
            file["entry/data/data"], file["entry/data/mask"] = stored, missing
    pattern = load(path, roi=region, axes="rcf", mask=mask)
    assert np.array_equal(pattern.mask, mask[region])
    assert np.array_equal(pattern.intensity, (counts * ~mask)[region])
    assert pattern.meta.origin == (2, 10, 4)
    assert np.array_equal(load(path, axes="rcf").intensity, counts * ~load(path, axes="rcf").mask)
    with pytest.raises(InputError, match="region 2:50 must lie within 0:"):
        load(path, roi=(slice(2, 50), slice(0, 3), slice(0, 3)))
    with pytest.raises(InputError, match="must be f, r and c"):
        load(path, axes="zyx")
    with pytest.raises(InputError, match="one range for each of its 3 axes"):
        load(path, roi=(slice(0, 3), slice(0, 3)))


@pytest.mark.parametrize("dtype", ["u2", "u4", "u8"])
def test_counts_of_the_other_sign_are_refused(tmp_path, dtype):
    np.save(tmp_path / "a.npy", (-peak()).astype(dtype))
    with pytest.raises(InputError, match=r"near .*, the highest value of uint.*: counts below zero"):
        load(tmp_path / "a.npy")


@pytest.mark.filterwarnings("ignore::sayre.errors.SayreWarning")
def test_marks_near_the_top_are_no_counts_of_the_other_sign(tmp_path):
    counts = peak().astype("u4")
    counts[:, 3, 5:9] = [2**32 - 1, 2**32 - 2, 2**32 - 3, 2**32 - 4]
    np.save(tmp_path / "a.npy", counts)
    assert load(tmp_path / "a.npy").shape == SHAPE
    np.save(tmp_path / "b.npy", np.minimum(peak(), 65_534).astype("u2"))
    assert load(tmp_path / "b.npy").shape == SHAPE


@pytest.mark.parametrize("place", ["entry/instrument/detector/mask", "entry/mask", "mask"])
def test_a_mask_that_is_not_looked_for_is_said(place, tmp_path):
    """One of the counts' shape, and a link to one that is missing, in the same entry."""
    path, counts = tmp_path / "a.h5", np.ones((4, 8, 9), np.uint16)
    with h5py.File(path, "w") as file:
        file["entry/data/data"], file[place] = counts, counts > 1
        file["other/mask"] = counts > 1  # that of another scan
    with pytest.warns(SayreWarning, match=rf"/{place} may be a mask of the counts and is not used") as told:
        load(path)
    assert len(told) == 1
    with h5py.File(path, "a") as file:
        del file[place]
        file[place] = h5py.SoftLink("/nowhere")
    with pytest.warns(SayreWarning, match=rf"/{place} is a link whose target is missing; nothing is masked"):
        load(path)
