"""Square roots of counts, as cohere keeps them, are no counts."""

import numpy as np
import pytest
import tifffile

import sayre
from sayre.errors import InputError, SayreWarning
from sayre.workflows.jobs.input_file import InputFile


@pytest.fixture
def counts():
    rng = np.random.default_rng(0)
    return rng.poisson(20 * rng.random((6, 14, 14)) ** 3 * 50).astype(np.float32)


def test_roots_are_refused_and_squared_on_request(tmp_path, counts):
    path = tmp_path / "data.tif"
    tifffile.imwrite(path, np.sqrt(counts))
    with pytest.raises(InputError, match=r"square roots of whole numbers, .* `amplitudes=True` squares them"):
        sayre.load(path)
    with pytest.warns(SayreWarning, match="values are squared"):
        pattern = InputFile(source=str(path), amplitudes=True).load()
    np.testing.assert_array_equal(pattern.intensity, counts)


def test_binned_roots_are_known_by_where_cohere_keeps_them(tmp_path, counts):
    """cohere bins after it has taken the roots: sums of roots."""
    binned = np.sqrt(counts).reshape(6, 7, 2, 7, 2).sum((2, 4))
    (tmp_path / "phasing_data").mkdir()
    tifffile.imwrite(tmp_path / "phasing_data" / "data.tif", binned)
    with pytest.raises(InputError, match="the file is one that cohere phases, so they are amplitudes"):
        sayre.load(tmp_path / "phasing_data" / "data.tif")


@pytest.mark.parametrize("kind", ["whole", "fractional", "few"])
def test_counts_are_no_roots(tmp_path, counts, kind):
    values = {"whole": counts, "fractional": 1.37 * counts, "few": np.zeros_like(counts)}[kind]
    if kind == "few":
        values[0, 0, :9] = np.sqrt(np.arange(1, 10))
    np.save(tmp_path / "a.npy", values)
    if kind == "whole":
        np.testing.assert_array_equal(sayre.load(tmp_path / "a.npy").intensity, values)
    else:
        with pytest.warns(SayreWarning, match="not integers|multiples of 1.37"):
            sayre.load(tmp_path / "a.npy")
