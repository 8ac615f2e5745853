import numpy as np
import pytest

from sayre.data import Grid, Pattern
from sayre.errors import SayreWarning
from sayre.retrieval.engine.packed import Packed
from sayre.retrieval.engine.run import Run
from sayre.retrieval.phasing import Watch, phase
from sayre.retrieval.search import Round, search

SHAPE = (16, 16, 16)

# Iterations are replaced, so that no object explains the counts.
pytestmark = pytest.mark.filterwarnings("ignore:.*does not explain the counts")


def run_of(index, seed, merit=1.0):
    block = np.zeros(SHAPE, np.complex64)
    block[2:6, 3:6, 2:5] = np.exp(1j * np.random.default_rng(seed).uniform(-3, 3, (4, 3, 3)))
    packed = Packed.of(block, block != 0)
    return Run(index=index, packed=packed, residual=0.1, likelihood=merit, free_likelihood=merit)


def searched(seeds, merits=None, **others):
    """Two rounds of three starts, which end in the objects of these seeds."""
    begun = []

    def made(one, waiting):
        begun.append(list(waiting))
        for index in begun[-1]:
            yield run_of(index, seeds[index], (merits or [1.0] * 6)[index])

    rounds = [
        Round(starts=lambda: None, recipe="ER*3, WIDE, ER*1", indices=range(3)),
        Round(starts=lambda: None, recipe="HIO*5", indices=range(3, 6)),
    ]
    return search(rounds, made, enough=0.95, **others), begun


def test_the_second_round_begins_only_where_the_first_does_not_agree():
    found, begun = searched([0, 1, 1, 2, 3, 4])
    assert begun == [[0, 1, 2]]
    assert [run.index for run in found.agreeing] == [2, 1]
    assert found.round_of(found.agreeing).recipe == "ER*3, WIDE, ER*1"
    found, begun = searched([0, 1, 2, 3, 0, 4])
    assert begun == [[0, 1, 2], [3, 4, 5]]
    assert [run.index for run in found.agreeing] == [4, 0]  # of a start in each round
    assert found.round_of(found.agreeing).recipe == "HIO*5"
    assert [run.index for run in found.runs] == [0, 1, 2, 3, 4]


def test_starts_that_agree_but_fit_worse_do_not_end_the_search():
    found, _ = searched([0, 1, 2, 3, 3, 4], merits=[9, 1, 9, 9, 9, 9])
    assert len(found.runs) == 6
    assert not found.agreeing


def test_a_billion_starts_are_no_list():
    def made(one, waiting):
        for index in waiting:
            yield run_of(index, 1)

    many = Round(starts=lambda: None, recipe="ER*3", indices=range(10**9))
    found = search([many], made, enough=0.95, finished=[run_of(0, 0)])
    assert [run.index for run in found.runs] == [0, 1, 2]


def test_finished_runs_are_not_made_again():
    past = [run_of(index, index) for index in range(4)]
    new = []
    found, begun = searched([0, 1, 2, 3, 0, 4], finished=past, on_run=lambda run: new.append(run.index))
    assert begun == [[4, 5]]
    assert new == [4]
    assert len(found.runs) == 5


def of_kinds(monkeypatch, seeds):
    """Replace the iterations of starts; the list tells number and kind of each start made."""
    made = []

    def retrieve(bounds, starts, steps, *_, **__):
        for start in starts:
            kind = "network" if getattr(steps[0].algorithm, "ceiling", None) else "random"
            made.append((start.index, kind))
            yield run_of(start.index, seeds[start.index])

    monkeypatch.setattr("sayre.retrieval.phasing.retrieve", retrieve)
    monkeypatch.setattr(
        "sayre.retrieval.choice.consensus.beyond_the_edges", lambda runs, *_, **__: tuple(runs)
    )
    return made


@pytest.fixture
def pattern():
    block = np.zeros(SHAPE, np.complex64)
    block[2:6, 3:6, 2:5] = 1
    counts = 1e3 * np.abs(np.fft.fftshift(np.fft.fftn(block))).astype(np.float32) ** 2 + 1
    return Pattern(intensity=counts, mask=np.zeros(SHAPE, bool), grid=Grid(step=(1.0,) * 3))


def network(pattern, **others):
    return phase(pattern, init="network", refine="none", runs=3, **others)


def test_random_starts_that_agree_are_told(pattern, monkeypatch):
    of_kinds(monkeypatch, [0, 1, 2, 3, 0, 4])
    with pytest.warns(SayreWarning, match=r"no two of the network's 3 starts agree; 2 random ones followed"):
        network(pattern)


@pytest.mark.filterwarnings("ignore::sayre.errors.SayreWarning")
def test_random_starts_follow_those_of_the_network(pattern, monkeypatch):
    made = of_kinds(monkeypatch, [0, 1, 2, 3, 0, 4])
    found = network(pattern)
    assert made == [(k, "network") for k in range(3)] + [(3, "random"), (4, "random")]
    assert (set(found.selected), found.random_from) == ({0, 4}, 3)
    assert found.metrics["random_from"] == 3
    assert "no two of the network's 3 agreed, so random ones followed; of both" in repr(found)
    made.clear()
    found = network(pattern, watch=Watch(finished=found.runs[:4]))  # a stopped call goes on
    assert made == [(4, "random")]


@pytest.mark.filterwarnings("ignore::sayre.errors.SayreWarning")
@pytest.mark.parametrize(
    ("seeds", "others"), [([0, 1, 1], {}), ([0, 1, 2], {"recipe": "HIO(ceiling=1)*2, ER(ceiling=1)*2"})]
)
def test_random_starts_do_not_follow_agreement_or_a_recipe_of_the_user(pattern, monkeypatch, seeds, others):
    made = of_kinds(monkeypatch, seeds)
    found = network(pattern, **others)
    assert len(made) == 3
    assert found.random_from is None
    assert "random" not in repr(found)


def test_the_warning_tells_that_neither_agree(pattern, monkeypatch):
    of_kinds(monkeypatch, [0, 1, 2, 3, 4, 5])
    with pytest.warns(
        SayreWarning, match=r"the network's 3 starts do not agree, nor do 3 random ones: .*trust"
    ):
        network(pattern, keep=1)
