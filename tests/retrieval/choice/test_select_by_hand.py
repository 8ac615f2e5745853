"""The selection of runs with given agreement and log-likelihood."""

import numpy as np
import pytest

from sayre.retrieval.choice.align import align, correlation
from sayre.retrieval.choice.select import agreeing_with_last, agreement, figure_of_merit, select
from sayre.retrieval.engine.packed import Packed
from sayre.retrieval.engine.run import Run

SHAPE = (12, 13)


def blob(mixture=0.0, seed=1):
    """Make an object without symmetry, mixed with a share of another one."""
    y, x = np.meshgrid(*(np.arange(n) - n // 2 for n in SHAPE), indexing="ij")
    main = np.exp(-((y / 2) ** 2) - (x / 3) ** 2 + 1j * (0.3 * y + 0.1 * x**2 + 0.02 * y**3))
    rng = np.random.default_rng(seed)
    other = (rng.standard_normal(SHAPE) + 1j * rng.standard_normal(SHAPE)) * np.exp(
        -((y / 3) ** 2) - (x / 3) ** 2
    )
    return (main + mixture * other).astype(np.complex64)


def run(index, obj=None, free=1.0, likelihood=9.0, failed=""):
    obj = blob() if obj is None else obj
    return Run(
        index=index,
        packed=Packed.of(obj, np.ones(obj.shape, bool)),
        residual=0.1,
        likelihood=likelihood,
        free_likelihood=free,
        failed=failed,
    )


def indices(runs):
    return [one.index for one in runs]


def test_the_figure_of_merit_is_the_free_likelihood_if_any():
    assert figure_of_merit(run(0, free=2.0, likelihood=3.0)) == 2
    assert figure_of_merit(run(0, free=float("nan"), likelihood=3.0)) == 3


@pytest.mark.parametrize(("keep", "count"), [(0.5, 4), (0.31, 2), (0.01, 1), (1.0, 8), (0.19, 2)])
def test_the_best_fraction_of_the_finished_runs_is_selected(keep, count):
    """The best share of eight equal objects, rounded, at least one, is selected; failed runs do not count."""
    likelihoods = [1.3, 1.0, 1.35, 1.1, 1.25, 1.05, 1.2, 1.15]
    runs = [run(k, free=value) for k, value in enumerate(likelihoods)]
    runs.insert(2, run(99, free=0.1, failed="not finite"))
    found = select(runs, keep)
    assert sorted(indices(found)) == sorted(np.argsort(likelihoods)[:count].tolist())


def test_the_default_keeps_half():
    runs = [run(k, free=1 + k / 100) for k in range(6)]
    assert sorted(indices(select(runs))) == [0, 1, 2]


def test_runs_that_fit_much_worse_than_the_best_are_left_out():
    """The limit is one and a half times the best free log-likelihood."""
    runs = [run(0, free=1.51), run(1, free=1.0), run(2, free=1.5), run(3, free=1.2)]
    assert sorted(indices(select(runs, 1.0))) == [1, 2, 3]


def test_of_two_runs_the_better_comes_first():
    other = blob(3.0)
    assert indices(select([run(0, free=1.2), run(1, other, free=1.1)], 1.0)) == [1, 0]


def test_the_central_run_comes_first_and_outliers_are_left_out():
    """Runs are ordered by their disagreement with the run that agrees best with all."""
    mixtures = [0.3, 0.0, -0.3, 0.15, 4.0]
    runs = [run(k, blob(mixture), free=1 + k / 100) for k, mixture in enumerate(mixtures)]
    found = select(runs, 1.0)
    objects = [blob(m) for m in mixtures]
    on_first = [objects[0], *(align(obj, objects[0]) for obj in objects[1:])]
    apart = np.array([[1 - correlation(a, b) for b in on_first] for a in on_first])
    middle = int(apart.sum(0).argmin())
    limit = 1.5 * np.median(np.delete(apart[middle], middle))
    expected = [k for k in np.argsort(apart[middle]) if apart[middle][k] <= limit]
    assert indices(found) == expected
    assert found[0].index == middle
    assert 4 not in indices(found)
    assert 2 <= len(found) < 5


def test_only_failed_runs_are_refused():
    with pytest.raises(ValueError, match="select: every run failed"):
        select([run(0, failed="empty")])


def test_agreement_of_every_pair():
    objects = [blob(), np.roll(blob(0.5), 2, 0), blob(1.0) * np.complex64(2j)]
    table = agreement(iter(objects))
    first = [objects[0], *(align(obj, objects[0]) for obj in objects[1:])]
    expected = [[correlation(a, b) for b in first] for a in first]
    np.testing.assert_allclose(table, expected, atol=1e-5)
    assert table.dtype == np.float64
    np.testing.assert_array_equal(np.diag(table), 1)


def test_agreement_with_the_last_run_at_the_limits():
    """One and a half times the best log-likelihood and a correlation of exactly `enough` are accepted."""
    last, same = run(5, free=1.5), run(0, blob(0.2), free=1.0)
    enough = correlation(align(same.object, last.object), last.object)
    assert indices(agreeing_with_last([same, last], enough)) == [5, 0]
    assert agreeing_with_last([same, last], enough + 1e-6) == []
    assert agreeing_with_last([same, run(5, free=1.51)], 0.5) == []
    assert indices(agreeing_with_last([run(0, free=1.5), run(1, free=1.51), run(2, free=1.0)], 0.9)) == [2, 0]


def test_failed_runs_do_not_count_as_agreeing():
    """Failed runs neither agree nor set the limit."""
    broken = run(1, free=0.01, failed="not finite")
    assert indices(agreeing_with_last([run(0), broken, run(2)], 0.9)) == [2, 0]
    assert agreeing_with_last([run(0), run(2, free=0.01, failed="empty")], 0.9) == []
