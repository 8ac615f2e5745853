"""Settings and parameters out of range are refused, with their name and value."""

import numpy as np
import pytest

from sayre.errors import InputError
from sayre.retrieval.engine.algorithms import AD, DM, ER, GPS, HIO, RAAR
from sayre.retrieval.engine.recipe import parse
from sayre.retrieval.settings import Settings

BAD = [
    {"runs": 0},
    {"runs": 2.5},
    {"runs": True},
    {"seed": -1},
    {"seed": None},
    {"keep": 0},
    {"keep": 1.5},
    {"keep": np.nan},
    {"keep": None},
    {"enough": np.inf},
    {"enough": "0.9"},
    {"gaps": "maybe"},
    {"sigmas": np.inf},
    {"confidence": -1},
    {"free": -0.01},
    {"sigmas": np.nan},
    {"sigmas": -1},
    {"sigmas": "2"},
    {"confidence": np.inf},
    {"free": np.nan},
    {"free": 0.5},
    {"threshold": 0},
    {"threshold": 1.0},
    {"reference": "median"},
    {"smoothing": (2.0, np.inf)},
    {"smoothing": (1, -0.1)},
    {"support_fraction": (0.0, 0.4)},
    {"support_fraction": (0.5, 1.1)},
    {"binning": (1, 0, 1)},
]


@pytest.mark.parametrize("bad", BAD, ids=str)
def test_settings_name_the_option_and_what_was_found(bad):
    (name, value) = next(iter(bad.items()))
    with pytest.raises(InputError, match=rf"^{name}: .*") as caught:
        Settings(**bad)
    text = str(caught.value)
    offending = value if not isinstance(value, tuple) else next(v for v in value if f"found {v!r}" in text)
    assert repr(offending) in text
    assert len(text.splitlines()) == 1


def test_a_range_of_support_fractions_must_rise():
    with pytest.raises(InputError, match=r"^support_fraction: the smallest must be .* found 0.5 and 0.5$"):
        Settings(support_fraction=(0.5, 0.5))


def test_an_effect_that_is_named_twice_is_refused():
    with pytest.raises(InputError, match=r"^refine: names angles more than once, found 'angles,angles'$"):
        Settings(refine="angles,angles")


def test_settings_at_the_ends_of_their_ranges():
    Settings(gaps="zero", sigmas=0, confidence=np.float32(0), free=0, keep=1, enough=1)
    Settings(gaps="free", sigmas=np.int64(3), confidence=1e9, free=0.499)
    for reference in ("max", "rms", "average"):
        Settings(threshold=0.999, smoothing=(0, 0), reference=reference, support_fraction=(1e-9, 1))


@pytest.mark.parametrize("name", ["recipe", "init", "init_weights", "refine"])
@pytest.mark.parametrize("text", ["", "  "])
def test_empty_texts_are_refused(name, text):
    with pytest.raises(InputError, match=f"^{name}: must not be empty"):
        Settings(**{"init": "network", name: text})


def test_numpy_numbers_are_accepted_as_settings():
    settings = Settings(runs=np.int64(3), keep=np.float32(0.5), seed=np.uint8(0), sigmas=0, enough=None)
    assert settings.runs == 3


@pytest.mark.parametrize("value", [np.nan, np.inf, -1.0, 1e9])
@pytest.mark.parametrize(
    ("algorithm", "name"),
    [
        (ER, "ceiling"),
        (HIO, "beta"),
        (HIO, "ceiling"),
        (RAAR, "beta"),
        (DM, "beta"),
        (GPS, "t"),
        (GPS, "s"),
        (GPS, "sigma"),
    ],
)
def test_algorithms_refuse_parameters_out_of_range(algorithm, name, value):
    with pytest.raises(InputError, match=rf"{algorithm.__name__}\({name}={value}\): must be above") as caught:
        algorithm(**{name: value})
    assert len(str(caught.value).splitlines()) == 1


@pytest.mark.parametrize("name", ["lr", "edge", "half", "psf", "background", "spacing", "phase_tv"])
@pytest.mark.parametrize("value", [np.nan, np.inf, -1.0])
def test_ad_refuses_parameters_out_of_range(name, value):
    with pytest.raises(InputError, match=rf"AD\({name}={value}\)"):
        AD(**{name: value})


def test_a_ceiling_of_zero_is_no_ceiling():
    assert HIO(ceiling=0.0) == HIO()
    assert parse("HIO(ceiling=1, beta=2)*3 + RAAR(beta=1)*2")[0].algorithm == HIO(beta=2.0, ceiling=1.0)


@pytest.mark.parametrize(
    ("step", "message"),
    [
        ("HIO(beta=nan)", "a number is missing"),
        ("HIO(beta=1e999)", "a number is missing"),
        ("HIO(beta=7)", r"HIO\(beta=7.0\): must be above 0 and at most 2, or 0.9"),
        ("ER(ceiling=0.1)", r"ER\(ceiling=0.1\): must be above 0.5"),
        ("AD(lr=0)", r"AD\(lr=0.0\): must be above 0"),
    ],
)
def test_the_message_shows_the_place_in_the_recipe(step, message):
    """The message contains the text just before the place where reading stopped."""
    with pytest.raises(InputError, match=rf"^recipe: near '.*': {message}") as caught:
        parse(f"HIO(beta=1)*20 + {step}*5 + ER*50")
    near = str(caught.value).split("'")[1]
    assert step.split("=")[1][:-1] in near
