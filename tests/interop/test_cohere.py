"""Filled counts through cohere's preparation and phasing, and its object back."""

from __future__ import annotations

import numpy as np
import pytest

import sayre
from sayre.data import FilledPattern, Pattern
from sayre.files import save
from sayre.files.crystals.reading import read_object
from sayre.retrieval.choice.align import align, correlation

phasing = pytest.importorskip("cohere_core.controller.phasing")
pytestmark = pytest.mark.filterwarnings("ignore")

SHAPE = (40, 48, 36)


@pytest.fixture(scope="module")
def truth():
    """An asymmetric crystal with an asymmetric strain, of three different lengths."""
    z, y, x = (np.arange(n)[:, None, None].swapaxes(0, axis) - n // 2 for axis, n in enumerate(SHAPE))
    inside = (np.abs(z) < 6) & (np.abs(y) < 9) & (np.abs(x) < 5) & (z + y + x < 9) & (y - 2 * x < 12)
    phase = 0.02 * y**2 + 0.03 * z * x + 0.004 * x**3
    return (40 * inside * np.exp(1j * phase)).astype(np.complex64)


@pytest.fixture(scope="module")
def folder(tmp_path_factory, truth):
    """Counts with a filled gap, what cohere prepares of them, and what it phases."""
    from cohere_core.data import standard_preprocess

    where = tmp_path_factory.mktemp("cohere")
    field = np.fft.fftshift(np.fft.fftn(np.fft.ifftshift(truth)))
    expected = np.abs(field) ** 2
    expected *= 1e6 / expected.max()
    counts = np.random.default_rng(0).poisson(expected).astype(np.float32)
    mask = np.zeros(SHAPE, bool)
    mask[:, :, 26:29] = True
    pattern = Pattern.from_counts(np.where(mask, 0, counts), mask)
    filled = FilledPattern(
        pattern=pattern, intensity=counts, sigma=mask.astype(np.float32), method="the truth"
    )
    save(where / "prep_data.tif", filled)
    (where / "phasing_data").mkdir()
    standard_preprocess.prep(
        str(where / "prep_data.tif"),
        data_dir=str(where / "phasing_data"),
        intensity_threshold=0,
        no_center_max=True,
        pkg="np",
    )
    settings = {
        "algorithm_sequence": "3*(20*ER+80*HIO)+50*ER",
        "hio_beta": 0.9,
        "initial_support_area": [0.5, 0.5, 0.5],
        "twin_trigger": [2],
        "twin_halves": [0, 0],
        "shrink_wrap_trigger": [10, 1],
        "shrink_wrap_type": "GAUSS",
        "shrink_wrap_threshold": 0.2,
        "shrink_wrap_gauss_sigma": 1.0,
    }
    np.random.seed(0)  # noqa: NPY002  (what cohere draws from)
    work = phasing.Rec(settings, str(where / "phasing_data" / "data.tif"), "np", debug=True)
    work.init_dev(-1)
    work.init_iter_loop()
    work.iterate()
    work.save_res(str(where / "results_phasing"))
    return where, filled


def test_its_reader_sees_the_filled_counts_alone(folder):
    from cohere_core.utilities import utils

    where, filled = folder
    np.testing.assert_array_equal(utils.read_tif(str(where / "prep_data.tif")), filled.intensity.T)


def test_what_it_phases_is_refused_as_counts(folder):
    where, filled = folder
    with pytest.raises(sayre.InputError, match="they are amplitudes rather than counts"):
        sayre.load(where / "phasing_data" / "data.tif")
    squared = sayre.load(where / "phasing_data" / "data.tif", amplitudes=True)
    np.testing.assert_array_equal(squared.intensity, filled.intensity)


def test_its_object_is_the_crystal_in_no_other_convention(folder, truth):
    where, _ = folder
    agreement = {}
    for convention in ("auto", "conjugate", "sayre"):
        obj = read_object(where / "results_phasing" / "image.npy", convention)["object"].astype(np.complex64)
        same = obj.shape == truth.shape
        agreement[convention] = correlation(align(obj, truth), truth) if same else 0.0
    assert agreement["auto"] > 0.95
    transposed = read_object(where / "results_phasing" / "image.npy", "conjugate")["object"].T
    unconjugated = transposed.conj().astype(np.complex64)
    assert correlation(align(unconjugated, truth), truth) < agreement["auto"] - 0.1
    assert max(agreement["conjugate"], agreement["sayre"]) == 0  # whose shapes are in reverse
