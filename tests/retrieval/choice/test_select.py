import numpy as np

from sayre.retrieval.choice.align import twin
from sayre.retrieval.choice.select import agreeing_with_last
from sayre.retrieval.engine.packed import Packed
from sayre.retrieval.engine.run import Run


def run(index, obj, likelihood, failed=""):
    return Run(
        index=index,
        packed=Packed.of(obj, np.ones(obj.shape, bool)),
        residual=0.1,
        likelihood=likelihood,
        free_likelihood=likelihood,
        failed=failed,
    )


def block(crystal, phase):
    return (np.abs(crystal[0]) * np.exp(1j * phase)).astype(np.complex64)


def test_the_last_run_agrees_with_the_same_object_twinned_and_moved(crystal):
    obj = crystal[0]
    other = block(crystal, np.random.default_rng(0).uniform(-3, 3, obj.shape))
    same = np.roll(twin(obj) * np.exp(1j), (2, -1, 0), (0, 1, 2))
    runs = [run(0, same, 1.0), run(1, other, 1.1), run(2, obj, 1.05)]
    assert [one.index for one in agreeing_with_last(runs, 0.95)] == [2, 0]
    assert agreeing_with_last(runs[:2], 0.95) == []
    assert agreeing_with_last(runs[:1], 0.95) == []


def test_runs_that_agree_on_what_fits_worse_do_not_end_the_search(crystal):
    obj = crystal[0]
    other = block(crystal, np.random.default_rng(0).uniform(-3, 3, obj.shape))
    best = run(0, other, 0.5)
    assert agreeing_with_last([best, run(1, obj, 1.0), run(2, obj, 1.0)], 0.95) == []
    assert agreeing_with_last([run(1, obj, 1.0), run(2, obj, 0.4)], 0.95) == []


def test_a_failed_run_agrees_with_no_other(crystal):
    broken = run(1, crystal[0], 1.0, failed="not finite")
    assert agreeing_with_last([run(0, crystal[0], 1.0), broken], 0.95) == []
    assert agreeing_with_last([broken, run(0, crystal[0], 1.0)], 0.95) == []
