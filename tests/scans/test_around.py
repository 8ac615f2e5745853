"""A box around the peak of large counts: the same as of all of them, of which no more is held than a part."""

from __future__ import annotations

import warnings

import h5py
import numpy as np
import pytest
from test_eiger_and_p10 import master

import sayre
from sayre.files.hdf5 import arrays as hdf5_arrays
from sayre.scans import around
from sayre.scans.around import region_around_peak
from sayre.workflows.jobs.input_file import InputFile

SHAPE, PEAK = (40, 90, 84), (25, 52, 31)


def peak():
    """A peak off the middle, a hot pixel and a pair of hot ones in every frame, an event in one."""
    far = sum(((n - k) / w) ** 2 for n, k, w in zip(np.indices(SHAPE), PEAK, (3, 4, 4), strict=True))
    counts = np.random.default_rng(0).poisson(5000 * np.exp(-far / 2) + 0.1)
    counts[:, 10, 70] += 40000
    counts[:, 80, 5:7] += np.random.default_rng(1).poisson(20000, (SHAPE[0], 2))
    counts[3, 20, 20] = 100000
    return counts.astype(np.uint32)


@pytest.fixture
def small(monkeypatch):
    """Counts of more than 200 kB are large, and 60 kB are read at a time."""
    monkeypatch.setattr(around, "LARGE", 200_000)
    monkeypatch.setattr(around, "AT_ONCE", 60_000)
    monkeypatch.setattr(around, "COARSE", (20, 16, 16))


@pytest.fixture
def file(tmp_path):
    with h5py.File(tmp_path / "a.h5", "w") as stored:
        stored.create_dataset("entry/data/data", data=peak(), chunks=(1, *SHAPE[1:]))
    np.savez(tmp_path / "a.npz", data=peak())
    return tmp_path


def cropped(source, crop, **options):
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        pattern = InputFile(source=str(source), crop=crop, **options).load()
    return pattern, " | ".join(str(one.message) for one in caught)


@pytest.mark.parametrize("name", ["a.h5", "a.npz", "eiger"])
@pytest.mark.parametrize("crop", [16, (12, 20, 24)])
def test_the_box_is_that_of_all_counts(file, name, crop, monkeypatch, request):
    source = master(file, blocks=(15, 15, 10), stack=peak()) if name == "eiger" else file / name
    whole, _ = cropped(source, crop)
    request.getfixturevalue("small")
    part, said = cropped(source, crop)
    assert "of 40 × 90 × 84 voxels" in said
    assert np.array_equal(part.intensity, whole.intensity)
    assert np.array_equal(part.mask, whole.mask)
    assert part.meta.origin == whole.meta.origin


def test_no_more_is_read_at_a_time_than_a_part(file, small, monkeypatch):
    read = []
    whole = hdf5_arrays.read_counts

    def spied(path, dataset, region=None, out=None):
        found = whole(path, dataset, region, out)
        read.append(found[0].nbytes)
        return found

    monkeypatch.setattr("sayre.files.patterns.hdf5.read_counts", spied)
    cropped(file / "a.h5", 16)
    assert len(read) > 10
    assert max(read) < 4 * (2 * 16 + 2 * 2 * 6) ** 3 < 4 * np.prod(SHAPE)


def test_gaps_of_a_detector_are_cut_alike(file, small, tmp_path):
    frames = np.zeros((4, 516, 516), np.uint16)
    far = sum((n - k) ** 2 for n, k in zip(np.indices(frames.shape), (2, 240, 250), strict=True))
    frames += np.random.default_rng(0).poisson(3000 * np.exp(-far / 60)).astype(np.uint16)
    np.save(tmp_path / "quad.npy", frames)
    part, _ = cropped(tmp_path / "quad.npy", (8, 60, 60), detector="maxipix")
    rows = np.flatnonzero(part.mask.all(axis=(0, 2))) + part.meta.origin[1]
    assert rows.tolist() == list(range(255, 261))


def test_small_counts_and_images_are_read_whole(file, tmp_path):
    assert region_around_peak(file / "a.h5", 16) is None
    np.save(tmp_path / "image.npy", peak()[20])
    assert region_around_peak(tmp_path / "image.npy", 16) is None
    assert sayre.load(tmp_path / "image.npy").shape == SHAPE[1:]
