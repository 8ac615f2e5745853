"""The rooms of `mutants.py`: a few modules each and the tests that cover them."""

from __future__ import annotations

from typing import NamedTuple


class Room(NamedTuple):
    """Modules, relative to `src/sayre`, and tests, relative to `tests`; of these `slow` ones are left out."""

    modules: tuple[str, ...]
    tests: tuple[str, ...]
    slow: tuple[str, ...] = ()


def _inside(folder: str, *names: str) -> tuple[str, ...]:
    return tuple(f"{folder}/{name}.py" for name in names)


ROOMS = {
    "wiener": Room(
        _inside("filling/wiener", "__init__", "calibration", "posterior", "spectrum"),
        _inside("filling", "test_wiener_exact", "test_wiener_model", "test_wiener_steps"),
    ),
    "network": Room(
        _inside("filling", "fill", "network/windows", "network/volume"),
        (
            *_inside("filling", "test_fill", "test_fill_by_network", "test_volume"),
            *_inside("filling", "test_windows", "test_windows_by_hand"),
        ),
        ("unstrained_crystal",),
    ),
    "numerics": Room(
        _inside("numerics", "gaps", "interpolate", "metrics", "poisson", "fourier"), ("numerics",)
    ),
    "engine": Room(
        (
            *_inside("retrieval/engine", "bounds", "modulus", "coherence", "runs", "support", "uniform"),
            *_inside("retrieval/engine/algorithms", "cf", "dm", "er", "gps", "hio", "ml", "raar", "state"),
            *_inside("retrieval/engine/arrays", "fourier", "kernels"),
        ),
        _inside(
            "retrieval/engine",
            *("test_bounds", "test_detwin", "test_fit", "test_fourier", "test_likelihood"),
            *("test_partial_coherence", "test_projections", "test_runs", "test_snapshots", "test_support"),
            *("test_uniform",),
        ),
        ("phases_what", "goes_along", "fits_better", "finds_the_width"),
    ),
    "choice": Room(
        _inside("retrieval/choice", "align", "consensus", "modes", "select"),
        ("retrieval/choice",),
        ("random_starts", "two_halves", "sharp_crystals"),
    ),
    "crystal": Room(
        _inside("crystal", "ramp", "unwrap", "strain", "orthogonalise"),
        _inside("crystal", "test_ramp", "test_strain", "test_crystal_by_hand", "test_to_crystal"),
    ),
}
