"""Starts are iterated on the middle of a large pattern first."""

from dataclasses import replace

import numpy as np
import pytest

from noise import counts_of_test
from sayre.data import Grid, Pattern
from sayre.errors import InputError
from sayre.retrieval.choice import middle as module
from sayre.retrieval.choice.align import align, correlation
from sayre.retrieval.choice.margin import resampled, with_margin
from sayre.retrieval.choice.middle import Middle, middle_shape
from sayre.retrieval.engine.bounds import amplitude_bounds
from sayre.retrieval.engine.iterate import retrieve
from sayre.retrieval.engine.recipe import iterations, parse, stages
from sayre.retrieval.engine.start import Start
from sayre.retrieval.engine.support import ShrinkWrap
from sayre.retrieval.phasing import Watch, phase


@pytest.mark.parametrize(
    ("shape", "ratios", "expected"),
    [
        ((128, 128, 128), (3.0, 3.0, 3.0), (64, 64, 64)),
        ((96, 96, 96), (3.0, 3.0, 3.0), (64, 64, 64)),
        ((128, 128, 128), (4.0, 3.0, 3.0), (84, 64, 64)),
        ((40, 300, 300), (3.0, 3.0, 3.0), (40, 150, 150)),
        ((30, 128, 128), (1.3, 3.0, 3.0), (30, 64, 64)),
        ((40, 128, 128), (1.6, 3.0, 3.0), (40, 64, 64)),
        ((40, 128, 128), (1.2, 3.0, 3.0), (28, 64, 64)),
        ((64, 64, 64), (3.0, 3.0, 3.0), None),
        ((128, 128, 128), (6.0, 6.0, 6.0), None),
        ((128, 128, 128), (np.nan, 3.0, 3.0), None),
        ((512, 512), (3.0, 3.0), None),
    ],
)
def test_the_middle_is_half_of_the_array_in_which_the_crystal_has_21_voxels(shape, ratios, expected):
    assert middle_shape(shape, ratios) == expected


@pytest.fixture(scope="module")
def block():
    """A smooth block in 24³ whose Fourier transform fades before the edges, and its counts."""
    z, y, x = np.mgrid[-12:12, -12:12, -12:12] / 3.0
    obj = np.exp(-(z**4) - y**4 - (x + 0.2 * z) ** 4 + 1j * y * x).astype(np.complex64)
    field = np.fft.fftshift(np.fft.fftn(np.fft.ifftshift(obj)))
    obj *= np.float32(1e3 / np.abs(field).max())
    counts = counts_of_test(np.random.default_rng(0).poisson(1e6 * np.abs(field / abs(field).max()) ** 2))
    counts = counts.astype(np.float32)
    mask = np.zeros(counts.shape, bool)
    mask[:, 15:17] = True
    return obj, Pattern(intensity=counts, mask=mask, grid=Grid(step=(1.0,) * 3))


def test_the_middle_of_bounds_is_the_same_of_an_array_and_of_one_with_a_margin(block):
    bounds = amplitude_bounds(block[1])
    part = Middle((12, 16, 24), ())
    for whole in (bounds, with_margin(bounds)):
        cut = part.bounds(whole)
        for name in ("lower", "upper", "counts", "weight"):
            np.testing.assert_array_equal(getattr(cut, name), getattr(bounds, name)[6:18, 4:20])
    assert (bounds.weight[6:18, 4:20] == 2).any()


def test_iterations_on_the_middle_keep_the_truth_and_go_on_where_they_ended(block):
    obj, pattern = block
    bounds, wrap = amplitude_bounds(pattern), ShrinkWrap()
    low = resampled(resampled(obj, (16, 16, 16)), obj.shape)
    start = Start(index=5, object=obj, support=np.abs(obj) > 0.05 * np.abs(obj).max())
    seen = []
    search = Middle((16, 16, 16), parse("ER*10")).searched
    (found,) = search([start], bounds, wrap, count=1, report=seen.append)
    assert found.index == 5
    assert found.object.shape == obj.shape
    assert correlation(align(found.object, low), low) > 0.99
    assert [iteration for iteration, _ in found.history] == [10]
    assert seen[-1].estimate(0)[0].shape == obj.shape
    # the field of the middle alone comes back
    outside = np.ones(obj.shape, bool)
    outside[4:20, 4:20, 4:20] = False
    field = np.fft.fftshift(np.fft.fftn(np.fft.ifftshift(found.object)))
    assert np.abs(field[outside]).max() < 1e-4 * np.abs(field).max()


def test_a_start_that_fails_on_the_middle_fails(block):
    """It says why, and that it was there; another one beside it goes on."""
    obj, bounds = block[0], amplitude_bounds(block[1])
    broken = np.full_like(obj, np.nan)
    starts = [Start(index=i, object=one, support=np.abs(obj) > 0) for i, one in enumerate((broken, obj))]
    begun = list(Middle((16, 16, 16), parse("ER*2")).searched(starts, bounds, ShrinkWrap()))
    assert not begun[0].object.any()
    assert not begun[0].support.any()
    runs = list(retrieve(bounds, begun, parse("ER*3"), ShrinkWrap(), batch=2))
    assert [run.failed for run in runs] == [
        "not finite after 2 iterations on the middle of the pattern",
        "",
    ]


def test_no_more_starts_are_held_on_the_middle_than_fit_on_the_whole(block, monkeypatch):
    """What the middle leaves on a GPU is there while the whole array is iterated."""
    asked = []

    def two(voxels, device):
        asked.append((voxels, device.type))
        return 2

    monkeypatch.setattr(module, "batch_size", two)
    obj, bounds = block[0], amplitude_bounds(block[1])
    starts = [Start(index=i, object=obj, support=np.abs(obj) > 0) for i in range(3)]
    seen = []
    search = Middle((16, 16, 16), parse("ER*2")).searched
    assert len(list(search(starts, bounds, ShrinkWrap(), report=seen.append))) == 3
    assert asked == [(24**3, "cpu")]
    assert [now.indices for now in seen] == [(0, 1), (2,)]


def test_phasing_by_way_of_the_middle(block, monkeypatch):
    """As good as on the whole array, with iterations of both told."""
    obj, pattern = block
    monkeypatch.setattr(module, "ACROSS", 4)
    recipe = "(HIO*20 + SW)**4, ER*20, WHOLE, (RAAR*10 + SW)**2, ER*10"
    seen = []
    found = phase(pattern, recipe=recipe, runs=3, refine="none", watch=Watch(report=seen.append))
    assert correlation(align(found.object, obj), obj) > 0.98
    for run in found.runs:
        assert [iteration for iteration, _ in run.history][-4:] == [100, 110, 120, 130]
    fractions = [now.fraction for now in seen]
    assert fractions == sorted(fractions)
    assert fractions[-1] == pytest.approx(1)
    assert {now.step for now in seen} == {"", "middle of the pattern"}


def test_iterations_are_counted_on_from_the_middle_to_beyond_the_edges(block, monkeypatch):
    monkeypatch.setattr(module, "ACROSS", 4)
    seen = []
    recipe = "(HIO*2 + SW)**2, ER*2, WHOLE, RAAR*3, ER*1, WIDE, ER*2, ER*1"
    found = phase(block[1], recipe=recipe, runs=1, refine="none", watch=Watch(report=seen.append))
    assert found.recipe_note.endswith(" on the middle of the pattern, 14 × 12 × 14 voxels")
    assert replace(found, of_mean=True).recipe_note.endswith("whichever predicts unseen voxels better")
    assert [now.iteration for now in seen] == [2, 4, 6, 9, 10, 12, 13]


def test_without_a_middle_the_steps_from_whole_to_wide_are_left_out(block):
    """The array is small, so that the result is, to the last bit, that of the recipe without them."""
    options = {"runs": 1, "refine": "none"}
    with_them = phase(block[1], recipe="(HIO*5 + SW)**2, ER*5, WHOLE, ER*7, WIDE, ER*3", **options)
    without = phase(block[1], recipe="(HIO*5 + SW)**2, ER*5, WIDE, ER*3", **options)
    np.testing.assert_array_equal(with_them.object, without.object)
    assert with_them.recipe_note == ", without the steps from WHOLE to WIDE, which are for larger patterns"
    assert without.recipe_note == ""


def test_stages_of_a_recipe():
    steps = parse("HIO*3, WHOLE, ER*2, WIDE, RAAR*1")
    on_middle = stages(steps, middle=True)
    assert [iterations(part) for part in (on_middle.middle, on_middle.starts, on_middle.wide)] == [3, 2, 1]
    small = stages(steps)
    assert [iterations(part) for part in (small.middle, small.starts, small.wide)] == [0, 3, 1]
    plain = stages(parse("HIO*3"), middle=True)
    assert [iterations(part) for part in (plain.middle, plain.starts, plain.wide)] == [0, 3, 0]


@pytest.mark.parametrize(
    "recipe",
    [
        "WHOLE, ER*3",
        "ER*3, WHOLE",
        "ER*3, WHOLE, WIDE, ER*2",
        "ER*3, WHOLE, ER*2, WHOLE, ER*1",
        "ER*3, WIDE, ER*2, WHOLE, ER*1",
    ],
)
def test_whole_is_given_once_between_iterations(recipe):
    with pytest.raises(InputError, match=r"WHOLE|no iterations"):
        parse(recipe)
