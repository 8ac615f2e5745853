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

FOLDER = Path(__file__).parents[1] / "benchmarks"
SMALLEST = {
    "accuracy": "published --size 32 --places 1 --windows 4 --methods linear",
    "autodiff": "--sides 16 --repeats 1",
    "crystal": "--dimensions 2 --side 48 --crystals 1 --widths 4",
    "classical": "--size 24 --width 3 --repeats 1",
    "aliens": "--phases 0-1 --heights 0.03 --crystals 1 --runs 2",
    "disturbed": "--crystals 0 --size 32 --runs 2",
    "hidden": "PATTERN --crop 24 --gaps 1:+4:3 0:20:2",
    "measured": "PATTERN --crop 32 --runs 2 --seeds 2",
    "peaks": "--crystals 1 1",
    "phasing": "--sides 16 --repeats 1",
    "phasing_accuracy": "--crystals 1 --runs 2 --side 32 --gaps cross --method wiener --recipe quick",
    "sampling": "--crystals 1",
    "scatter": "--atoms 1000 --voxels 16 --repeats 1",
    "speed": "--case linear --repeats 1",
    "strained": "--dimensions 2 --classes 0-1 --crystals 1",
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
