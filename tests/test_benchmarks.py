"""The commands that the documentation gives for its tables run, here on the smallest case of each."""

from __future__ import annotations

import re
import runpy
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from sayre import save, simulate
from sayre.retrieval.engine.arrays.kernels import half_deviance as half_deviance_of_the_engine

FOLDER = Path(__file__).parents[1] / "benchmarks"
SMALLEST = {
    "accuracy": "published --size 32 --places 1 --windows 4 --methods linear",
    "autodiff": "--sides 16 --repeats 1",
    "crystal": "--dimensions 2 --side 48 --crystals 1 --widths 4",
    "classical": "--size 24 --width 3 --repeats 1",
    "aliens": "--phases 0-1 --heights 0.03 --crystals 1 --runs 2",
    "disturbed": "--crystals 0 --size 32 --runs 2",
    "hidden": "PATTERN --crop 24 --gaps 1:+4:3 0:20:2",
    "limit": "--ratios 3 --widths 3 --patterns 1 --side 32 --methods linear",
    "measured": "PATTERN --crop 32 --runs 2 --seeds 2",
    "peaks": "--crystals 1 1",
    "phasing": "--sides 16 --repeats 1",
    "phasing_accuracy": "--crystals 1 --runs 2 --side 32 --gaps cross --method wiener --recipe quick",
    "of_mean": "--crystals cube/32/1e5/1 --runs 2",
    "pruned": "--arrays 16/5 --repeats 1",
    "regions": "--frames 12 --side 64 --region 8 32 32",
    "sampling": "--crystals 1",
    "scatter": "--atoms 1000 --voxels 16 --repeats 1",
    "speed": "--case linear --repeats 1",
    "strained": "--dimensions 2 --classes 0-1 --crystals 1",
    "watch": "--cases import help --repeats 1",
}


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::sayre.errors.SayreWarning")
@pytest.mark.parametrize("name", SMALLEST)
def test_a_benchmark_prints_its_table(name, monkeypatch, capsys, tmp_path):
    words = SMALLEST[name].split()
    if "PATTERN" in words:
        words[words.index("PATTERN")] = str(tmp_path / "peak.npz")
        made = simulate("cube", atoms=20_000, shape_px=32, generator=np.random.default_rng(0))
        save(tmp_path / "peak.npz", made.pattern)
    monkeypatch.setattr(sys, "argv", [f"{name}.py", *words])
    monkeypatch.syspath_prepend(FOLDER)
    threads = torch.get_num_threads()
    try:
        runpy.run_path(str(FOLDER / f"{name}.py"), run_name="__main__")
    finally:
        torch.set_num_threads(threads)
    head, *rows = capsys.readouterr().out.strip().splitlines()
    assert rows, head
    assert re.search(r"\d", "".join(rows))
    assert "nan nan" not in "".join(rows)


def test_every_benchmark_is_tried():
    """But those that need an environment of their own: other programs, and a tool that mutates the code."""
    assert {path.stem for path in FOLDER.glob("*.py")} - {
        "peers",
        "mutants",
        "mutant_rooms",
        "mutant_lines",
    } == set(SMALLEST)


def test_programs_are_judged_by_the_deviance_of_their_counts(monkeypatch):
    """That of the true object is the mean over Poisson noise, and as the engine computes it."""
    monkeypatch.syspath_prepend(FOLDER)
    from peers.protocol import Problem, Watch, half_deviance

    generator = np.random.default_rng(0)
    x = np.zeros((16, 16, 16), np.complex64)
    x[5:11, 6:10, 5:9] = 1
    exact = np.abs(np.fft.fftshift(np.fft.fftn(x))) ** 2
    exact *= 1e7 / exact.max()
    counts = generator.poisson(exact).astype(np.float32)
    mask = generator.random(x.shape) < 0.1
    watch = Watch(Problem(counts, mask, 1, 1, 0, 1, FOLDER), looking=True)
    watch.begin()
    watch.end(np.roll(7 * x, 3, 0))
    watch.end(0 * x, expected=exact.astype(np.float32))
    found = watch.results()
    calculated, wanted = (torch.from_numpy(a[~mask]).double() for a in (exact, counts))
    oracle = half_deviance_of_the_engine(calculated, wanted).mean()
    assert found["deviances"] == pytest.approx([float(oracle)] * 2, rel=0.02)
    assert float(half_deviance(calculated, wanted).mean()) == pytest.approx(float(oracle), rel=1e-6)
    assert found["residuals"] == pytest.approx([found["residuals"][0]] * 2, rel=0.02)


def test_other_programs_have_the_iterations_that_sayre_takes(monkeypatch):
    monkeypatch.syspath_prepend(FOLDER)
    from peers.sayre import length

    recipe = "HIO*3, WHOLE, ER*2, WIDE, (RAAR*1)**4"
    assert (length(recipe), length(recipe, middle=True)) == (7, 9)


def test_measured_cases_are_boxes_around_the_peak(monkeypatch, tmp_path):
    monkeypatch.syspath_prepend(FOLDER)
    from peers import cases

    made = simulate("cube", atoms=20_000, shape_px=32, generator=np.random.default_rng(0))
    save(tmp_path / "peak.npz", made.pattern)
    files = {"A": tmp_path / "peak.npz"}
    assert cases.make("A-16", files).pattern.shape == (16, 16, 16)
    box = cases.make("A-24x16x8", files).pattern
    assert np.array_equal(box.intensity, made.pattern.intensity[4:28, 8:24, 12:20])
    for wrong in ("A-64", "B-16", "A-16x16", "measured"):
        with pytest.raises(ValueError, match=r"case is|ends inside|no --measured"):
            cases.make(wrong, files)
