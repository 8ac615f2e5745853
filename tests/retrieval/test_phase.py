import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from noise import counts_of_test
from sayre.data import Grid, Pattern
from sayre.errors import InputError, SayreWarning
from sayre.retrieval import prepare
from sayre.retrieval.choice.align import align, aligned, correlation, twin
from sayre.retrieval.choice.modes import find_modes
from sayre.retrieval.choice.select import agreement, select
from sayre.retrieval.engine.algorithms import HIO
from sayre.retrieval.engine.bounds import amplitude_bounds
from sayre.retrieval.engine.iterate import retrieve
from sayre.retrieval.engine.packed import Packed
from sayre.retrieval.engine.recipe import parse
from sayre.retrieval.engine.run import Run
from sayre.retrieval.engine.start import Start, random_start
from sayre.retrieval.engine.support import ShrinkWrap, initial_support
from sayre.retrieval.kept import KeptRuns
from sayre.retrieval.phasing import Watch, phase
from sayre.workflows.reconstruction import Scan, Settings, reconstruct

RECIPE = "(HIO*20 + SW)**6, (RAAR*20 + SW)**3, ER*20"


def pattern_of(counts, mask=None):
    mask = np.zeros(counts.shape, bool) if mask is None else mask
    return Pattern(intensity=counts.astype(np.float32), mask=mask, grid=Grid(step=(1.0,) * counts.ndim))


@given(
    shift=st.tuples(*(st.floats(-5, 5),) * 3),
    angle=st.floats(-3, 3),
    scale=st.floats(0.1, 9),
    turn=st.booleans(),
)
@settings(max_examples=15)
def test_alignment_undoes_phase_position_and_twin(crystal, shift, angle, scale, turn):
    obj = crystal[0]
    moved = np.fft.fftn(obj)
    for axis, s in enumerate(shift):
        ramp = np.exp(-2j * np.pi * s * np.fft.fftfreq(obj.shape[axis]))
        moved *= ramp.reshape([-1 if i == axis else 1 for i in range(3)])
    moved = (np.fft.ifftn(moved) * scale * np.exp(1j * angle)).astype(np.complex64)
    if turn:
        moved = twin(moved)
    aligned = align(moved, obj)
    assert correlation(aligned, obj) > 0.9995
    assert abs(np.angle(np.vdot(aligned, obj))) < 1e-3


def test_twin_has_the_same_amplitudes_and_is_its_own_inverse(crystal):
    obj = crystal[0]
    for x in (obj, obj[:23, :, :21]):
        spectra = [np.abs(np.fft.fftn(np.fft.ifftshift(a))) for a in (x, twin(x))]
        np.testing.assert_allclose(*spectra, rtol=1e-3, atol=1e-2)
        np.testing.assert_array_equal(twin(twin(x)), x)


def test_modes_are_orthogonal_and_carry_the_power(crystal):
    obj, rng = crystal[0], np.random.default_rng(0)
    noise = 0.02 * np.abs(obj).max()
    objects = [
        (obj + noise * (rng.standard_normal(obj.shape) + 1j * rng.standard_normal(obj.shape))).astype(
            np.complex64
        )
        for _ in range(8)
    ]
    found = find_modes(aligned(objects), count=8)
    flat = found.modes.reshape(8, -1)
    gram = flat.conj() @ flat.T
    assert np.abs(gram - np.diag(np.diag(gram))).max() < 1e-3 * abs(gram[0, 0])
    assert found.weights.sum() == pytest.approx(1, abs=1e-5)
    single = np.sqrt(2 - 2 * correlation(objects[0], obj))
    assert np.sqrt(2 - 2 * correlation(found.modes[0], obj)) < 0.5 * single
    # the first modes of two sets of eight, each of error single/√8, differ by √2 times that
    assert found.scatter == pytest.approx(single / 2, rel=0.3)


def test_selection_leaves_out_failures_and_outliers(crystal):
    obj = crystal[0]
    other = np.roll(np.abs(obj), 3, 0).astype(np.complex64) + np.abs(obj)

    def run(index, x, likelihood, failed=""):
        return Run(
            index=index, packed=Packed.of(x, x != 0), residual=0.1, likelihood=1.0,
            free_likelihood=likelihood, failed=failed,
        )  # fmt: skip

    rng = np.random.default_rng(1)
    noisy = [(obj * (1 + 0.02 * rng.standard_normal(obj.shape))).astype(np.complex64) for _ in range(4)]
    runs = [run(0, obj * 0, 0.5, "not finite"), run(1, other, 1.0), run(9, other, 7.0)]
    runs += [run(2 + i, x, 1.1) for i, x in enumerate(noisy)]
    assert {r.index for r in select(runs, keep=1.0)} == {2, 3, 4, 5}
    assert agreement([obj, twin(obj)])[0, 1] == pytest.approx(1, abs=1e-3)
    with pytest.raises(ValueError, match="every run failed"):
        select(runs[:1])


@pytest.mark.filterwarnings("ignore:.*do not trust")  # now and then one start is better than all others
def test_phases_a_crystal(crystal, pattern):
    statuses, finished = [], []
    found = phase(
        pattern, recipe=RECIPE, runs=6, seed=1, watch=Watch(report=statuses.append, on_run=finished.append)
    )
    assert correlation(align(found.object, crystal[0]), crystal[0]) > 0.98
    assert found.residual < 0.1
    assert not found.agreement < 0.95
    assert [run.index for run in finished] == list(range(6))
    fractions = [p.fraction for p in statuses]
    assert fractions == sorted(fractions)
    assert fractions[-1] == 1
    inside = np.abs(crystal[0]) > 0
    aligned = align((found.support * 1).astype(np.complex64), inside.astype(np.complex64)).real > 0.5
    assert (aligned ^ inside).sum() < 0.35 * inside.sum()


@pytest.fixture
def small(pattern):
    """The middle of the pattern: what is asked is not how good the crystal is."""
    return pattern.crop((slice(6, 30),) * 3)


@pytest.mark.usefixtures("refined_soon")
@pytest.mark.filterwarnings("ignore:.*do not trust", "ignore:.*oversampling")
def test_the_same_seed_gives_the_same_bytes_and_a_stopped_call_resumes(small):
    whole = phase(small, recipe="HIO*20, ER*5", runs=3, seed=5)
    again = phase(small, recipe="HIO*20, ER*5", runs=3, seed=5, watch=Watch(finished=whole.runs[:2]))
    np.testing.assert_array_equal(whole.object, again.object)
    assert not np.array_equal(whole.object, phase(small, recipe="HIO*20, ER*5", runs=3, seed=6).object)


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:pattern. (oversampling|.* of the 27 voxels)")
@pytest.mark.filterwarnings("ignore:.*do not trust")
def test_a_free_gap_costs_little_and_zeros_in_it_cost_much(crystal):
    obj, _, counts = crystal
    mask = np.zeros(counts.shape, bool)
    mask[:, 15:18] = True
    errors = {}
    for gaps in ("free", "zero"):
        found = phase(pattern_of(np.where(mask, 0, counts), mask), recipe=RECIPE, runs=6, gaps=gaps)
        errors[gaps] = 1 - correlation(align(found.object, obj), obj)
    assert errors["free"] < 0.03
    assert errors["free"] < 0.5 * errors["zero"]


def test_one_bad_start_does_not_stop_the_others(crystal, pattern):
    bounds = amplitude_bounds(pattern)
    support = initial_support(pattern.intensity)
    good = random_start(bounds, support, 1, 0)
    bad = Start(index=0, object=np.full(support.shape, np.nan, np.complex64), support=support)
    empty = Start(index=2, object=good.object * 0, support=support & False)
    for batch in (1, 3):
        runs = list(retrieve(bounds, [bad, good, empty], parse(RECIPE), ShrinkWrap(), batch=batch))
        assert [bool(r.failed) for r in runs] == [True, False, True]
        assert "not finite" in runs[0].failed
        assert correlation(align(runs[1].object, crystal[0]), crystal[0]) > 0.8


def test_batched_starts_are_the_single_ones(pattern):
    bounds = amplitude_bounds(pattern)
    starts = [random_start(bounds, initial_support(pattern.intensity), i, 3) for i in range(3)]
    steps = parse("HIO*10 + SW + RAAR*10 + DETWIN + ML*3 + SW + GPS*5 + DM*5")
    single, batched = (list(retrieve(bounds, starts, steps, ShrinkWrap(), batch=b)) for b in (1, 3))
    for a, b in zip(single, batched, strict=True):
        assert correlation(a.object, b.object) > 0.999


def test_an_off_centre_peak_is_centred_and_warned_of(crystal):
    counts = np.pad(crystal[2], ((0, 6), (3, 0), (0, 0)))
    with pytest.warns(SayreWarning) as caught:
        cut = prepare.centred(pattern_of(counts))
    assert any("so that its peak is in the middle" in str(w.message) for w in caught)
    assert np.unravel_index(cut.intensity.argmax(), cut.shape) == tuple(n // 2 for n in cut.shape)
    box = tuple(slice(o, o + n) for o, n in zip(cut.meta.origin, cut.shape, strict=True))
    np.testing.assert_array_equal(cut.intensity, counts[box])


def test_oversampling_of_a_block():
    n = 60
    obj = np.zeros((n, n, n))
    obj[20:40, 17:44, 26:34] = 1
    counts = np.abs(np.fft.fftshift(np.fft.fftn(np.fft.ifftshift(obj)))) ** 2
    np.testing.assert_allclose(prepare.bright_ratios(counts.astype(np.float32)), (3, 2.2, 7.5), rtol=0.15)


def bad_patterns(crystal):
    counts = crystal[2]
    mask = np.zeros(counts.shape, bool)
    mask[9:16, 9:16, 9:16] = True
    block = np.zeros((24, 24, 24))
    block[1:-1, 1:-1, 1:-1] = 1
    full = np.abs(np.fft.fftshift(np.fft.fftn(np.fft.ifftshift(block)))) ** 2
    corner = np.roll(counts, (0, -10, 0), (0, 1, 2))
    return {
        "counts in all": pattern_of(np.where(counts == counts.max(), 9, mask & (counts > 0))),
        "oversampling ratio": pattern_of(full),
        "too near the border": pattern_of(corner),
    }


@pytest.mark.filterwarnings("ignore::sayre.errors.SayreWarning")
@pytest.mark.parametrize("message", ["counts in all", "oversampling ratio", "too near the border"])
def test_what_cannot_be_phased_is_refused(crystal, message):
    with pytest.raises(InputError, match=message):
        phase(bad_patterns(crystal)[message], recipe="ER*2", runs=1)


def test_options_are_checked(pattern):
    for options, message in (
        ({"runs": 0}, "runs"),
        ({"device": "tpu"}, "device"),
        ({"free": 0.9}, "free"),
        ({"init": np.zeros((2, 2), np.complex64)}, "init"),
    ):
        with pytest.raises(InputError, match=message):
            phase(pattern, recipe="ER*2", **options)
    if not torch.cuda.is_available():
        with pytest.raises(InputError, match="cuda"):
            phase(pattern, recipe="ER*2", device="cuda")


def test_the_true_object_is_a_fixed_point_of_phase(crystal, pattern):
    found = phase(pattern, recipe="ER*10", runs=1, init=crystal[0])
    assert correlation(align(found.object, crystal[0]), crystal[0]) > 0.999


@pytest.mark.filterwarnings("ignore:.*do not trust")
def test_two_dimensions(crystal):
    obj = crystal[0][18]
    expected = np.abs(np.fft.fftshift(np.fft.fftn(np.fft.ifftshift(obj), norm="ortho"))) ** 2
    counts = np.random.default_rng(0).poisson(expected * (1e6 / expected.max()))
    found = phase(pattern_of(counts_of_test(counts)), recipe="(HIO*50 + SW)**6, ER*50", runs=6)
    assert correlation(align(found.object, obj), obj) > 0.95


@pytest.mark.usefixtures("refined_soon")
@pytest.mark.filterwarnings("ignore:.*(do not trust|no geometry|oversampling)")
def test_a_killed_start_is_resumed(small, tmp_path, monkeypatch):
    settings = Settings(runs=2, recipe="HIO*60, ER*10")
    whole = reconstruct(small, settings, Scan()).phased.object
    monkeypatch.setattr("sayre.files.pace.PATIENCE", 0.0)
    monkeypatch.setattr("sayre.files.pace.SHARE", 1e9)
    step, done = HIO.step, []

    def killed_in_the_second_start(self, state, modulus):
        done.append(1)
        if len(done) == 100:
            raise KeyboardInterrupt
        step(self, state, modulus)

    monkeypatch.setattr(HIO, "step", killed_in_the_second_start)
    config = {"of": "this test"}
    with pytest.raises(KeyboardInterrupt):
        reconstruct(small, settings, Scan(), kept=KeptRuns(tmp_path / "runs", config))
    again = reconstruct(small, settings, Scan(), kept=KeptRuns(tmp_path / "runs", config)).phased.object
    assert len(done) == 100 + 21  # of 120, the one that was broken off again
    np.testing.assert_array_equal(again, whole)


@pytest.mark.filterwarnings("ignore:.*do not trust", "ignore:.*oversampling")
@pytest.mark.parametrize("runs", [1, 4])
def test_progress_with_refinement_never_goes_back_and_ends_at_one(small, runs):
    statuses = []
    found = phase(
        small,
        recipe="(HIO*10 + SW)**4, ER*5, WIDE, ER*10",
        runs=runs,
        keep=1.0,
        seed=1,
        watch=Watch(report=statuses.append),
    )
    fractions = [now.fraction for now in statuses]
    assert found.nuisances is not None
    assert fractions == sorted(fractions)
    assert fractions[-1] == pytest.approx(1)
    assert max(np.diff(fractions)) < 0.6
