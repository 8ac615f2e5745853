"""Values in the wrong unit are told from values that a Bragg experiment has."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sayre.data.plausible import QUANTITIES, complaint, require_plausible
from sayre.errors import InputError

USUAL = {
    "energy": (5000.0, 9980.0, 25_000.0),
    "distance": (0.3, 0.84, 2.3, 7.0),
    "pixel size": (25e-6, 55e-6, 75e-6, 172e-6),
    "lattice constant": (3.524, 3.92, 4.08, 5.43, 5.65),
    "rocking step": (0.001, -0.005, 0.01, 0.1),
    "voxel size": (3.0, 5.0, 12.0),
}


@pytest.mark.parametrize("name", QUANTITIES)
def test_usual_values_and_the_ends_of_the_range_pass(name):
    quantity = QUANTITIES[name]
    for value in (*USUAL[name], quantity.low, quantity.high):
        assert complaint(name, value) is None, value
    for value in (quantity.low * 0.99, quantity.high * 1.01):
        assert "is not plausible" in complaint(name, value)


@pytest.mark.parametrize(
    ("name", "value", "guess"),
    [
        ("energy", 9.0, "9 keV are 9000 eV"),
        ("energy", 1.6e-15, "1.6e-15 J are 9986.41 eV"),
        ("distance", 1500, "1500 mm are 1.5 m"),
        ("distance", 0.0005, None),
        ("pixel size", 0.17, "0.17 mm are 0.00017 m"),
        ("pixel size", 55, "55 µm are 5.5e-05 m"),
        ("lattice constant", 0.408, "0.408 nm are 4.08 Å"),
        ("lattice constant", 408, "408 pm are 4.08 Å"),
        ("rocking step", np.radians(0.005), "rad are 0.005 °"),
        ("rocking step", -5, "-5 thousandths of a degree are -0.005 °"),
        ("voxel size", 5e-9, "5e-09 m are 5 nm"),
    ],
)
def test_the_unit_that_it_is_probably_in(name, value, guess):
    text = complaint(name, value)
    assert text.startswith(f"{name} {value:.6g} {QUANTITIES[name].unit} is not plausible (")
    assert text.endswith(f"; {guess}" if guess and guess[0].isdigit() else guess or ")")


@given(st.sampled_from([(name, unit) for name in QUANTITIES for unit in QUANTITIES[name].others]), st.data())
def test_every_unit_is_named_or_one_that_is_likelier(case, data):
    """A plausible value in another unit: what is guessed is plausible."""
    name, unit = case
    quantity = QUANTITIES[name]
    true = data.draw(st.floats(quantity.low, quantity.high))
    text = complaint(name, true / quantity.others[unit])
    if text is not None and "; " in text:
        assert complaint(name, float(text.split(" are ")[1].split()[0])) is None


@pytest.mark.parametrize("value", [0.0, -1.0, np.nan, np.inf])
@pytest.mark.parametrize("name", ["energy", "voxel size"])
def test_what_is_no_positive_number(name, value):
    with pytest.raises(InputError, match=f"^a.toml: {name} must be a positive number, in "):
        require_plausible("a.toml", name, value)


def test_a_rocking_step_has_a_sign():
    require_plausible("geometry", "rocking step", -0.01)
    with pytest.raises(InputError, match="rocking step must be a number other than 0, in °"):
        require_plausible("geometry", "rocking step", 0)
