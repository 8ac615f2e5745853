"""A geometry that contradicts what the file of the counts states."""

from __future__ import annotations

import warnings
from dataclasses import replace

import numpy as np
import pytest
from physics_samples import geometry

from sayre.crystal.compare import compare
from sayre.crystal.scan import Scan
from sayre.data import Grid, Meta, Pattern
from sayre.errors import InputError, SayreWarning
from sayre.workflows.reconstruction import reconstruct

SCAN = geometry(binning=(1, 2, 1))


def told(meta, grid=None, scan=SCAN):
    """Text of the warnings."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        compare(scan, meta, grid)
    assert len(caught) <= 1
    return str(caught[0].message) if caught else ""


@pytest.mark.parametrize(
    "meta",
    [
        Meta(),
        Meta(energy=9000, distance=0.5, pixel_size=(55e-6, 55e-6), detector="maxipix"),
        Meta(energy=9008.0, distance=0.505, pixel_size=(55.1e-6, 55e-6)),
        Meta(pixel_size=(110e-6, 55e-6)),  # of the binned pixel
        Meta(detector="Timepix"),
        Meta(detector="a detector that nobody knows"),
    ],
    ids=["nothing", "the same", "rounded", "binned", "known detector", "unknown detector"],
)
def test_what_agrees_is_not_warned_of(meta):
    assert told(meta) == ""


@pytest.mark.parametrize(
    ("meta", "message"),
    [
        ({"energy": 9980.0}, "energy 9980 eV, not 9000 eV"),
        ({"distance": 0.84}, "distance 0.84 m, not 0.5 m"),
        ({"pixel_size": (55e-6, 75e-6)}, "pixel size along the columns 75 µm, not 55 µm"),
        ({"pixel_size": (110e-6, 110e-6)}, "pixel size along the columns 110 µm, not 55 µm"),
        ({"detector": "eiger2-1m"}, "pixel size of eiger2-1m along the rows 75 µm, not 55 µm"),
    ],
)
def test_both_numbers_are_told(meta, message):
    text = told(Meta(source="a.cxi", **meta))
    assert text.startswith("geometry: a.cxi states otherwise: ")
    assert message in text
    assert text.endswith("the geometry is used, check which is right")


def test_counts_of_a_known_detector_may_be_binned():
    assert told(Meta(detector="eiger2-1m"), scan=replace(SCAN, pixel_size=(150e-6, 75e-6))) == ""


def test_everything_is_told_at_once():
    text = told(Meta(energy=8000.0, distance=1.0))
    assert "energy 8000 eV, not 9000 eV; distance 1 m, not 0.5 m" in text


def test_steps_in_q():
    steps = np.linalg.norm(SCAN.steps(), axis=1)
    assert told(Meta(), Grid(step=tuple(steps * 1.03), unit="1/angstrom")) == ""
    assert told(Meta(), Grid(step=(1.0, 1.0, 1.0))) == ""
    text = told(Meta(), Grid(step=tuple(steps * [1, 2, 1]), unit="1/angstrom"))
    assert f"a step of {2 * steps[1]:.4g} 1/Å from row to row, not {steps[1]:.4g} 1/Å" in text
    assert text.count("a step of") == 1


def test_it_is_compared_before_anything_is_phased():
    counts = np.ones((8, 8, 8), np.float32)
    pattern = Pattern.from_counts(counts, meta=Meta(energy=9980.0, source="a.cxi"))
    scan = Scan(geometry=geometry(binning=(1, 1, 1)))
    with (
        pytest.warns(SayreWarning, match=r"a\.cxi states otherwise: energy 9980 eV, not 9000 eV"),
        pytest.raises(InputError, match="no peak"),
    ):
        reconstruct(pattern, scan=scan)
