"""What a raw scan states of its geometry stays with its counts in every format that has room for it."""

import dataclasses

import numpy as np
import pytest
from io_samples import make

from sayre.files import load, load_filled, save

TEXT = 'beamline = "34idc"  # layout\nrocking_axis = [0.5, -0.5, 0.7]\n# distance is missing\n'


@pytest.mark.parametrize("ending", [".npz", ".h5", ".cxi", ".tif"])
@pytest.mark.filterwarnings("ignore::sayre.errors.SayreWarning")
def test_geometry_comes_back(ending, tmp_path, manifest):
    filled = make("filled", (8, 16, 16), masked=False)
    meta = dataclasses.replace(filled.pattern.meta, geometry=TEXT)
    filled = dataclasses.replace(filled, pattern=dataclasses.replace(filled.pattern, meta=meta))
    save(tmp_path / f"a{ending}", filled, manifest)
    assert load(tmp_path / f"a{ending}").meta.geometry == TEXT
    again = load_filled(tmp_path / f"a{ending}").measured
    assert again.meta.geometry == TEXT
    assert again.crop((slice(2, 6),) * 3).meta.geometry == TEXT
    assert np.array_equal(again.mask, filled.pattern.mask)
