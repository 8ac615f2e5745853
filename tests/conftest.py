from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch
from coverage import Coverage
from hypothesis import HealthCheck, Phase, settings

import docs_files
import empty_pictures
import noise

if "PYTEST_XDIST_WORKER" in os.environ:
    torch.set_num_threads(1)  # one process a core: threads of several processes would wait for each other
    os.environ.setdefault("OMP_NUM_THREADS", "1")  # of the commands that tests start

_BESIDE = Path(__file__).parents[2] / "shared" / "data"
if _BESIDE.is_dir():
    os.environ.setdefault("SAYRE_DATA_DIR", str(_BESIDE))

# How long an example takes depends on the machine, and proves nothing.
settings.register_profile("sayre", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("sayre")
# For mutation testing: the same examples every time, and a failure is not made smaller.
settings.register_profile(
    "mutants", phases=(Phase.explicit, Phase.generate), max_examples=30, derandomize=True, database=None
)


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("sayre")
    group.addoption("--noise", type=float, default=0.0, help="relative noise on the counts that are phased")
    group.addoption("--noise-seed", type=int, default=0, help="seed of this noise")


def pytest_configure(config: pytest.Config) -> None:
    noise.level, noise.seed = config.getoption("--noise"), config.getoption("--noise-seed")
    if noise.level:
        config.addinivalue_line("filterwarnings", "ignore:.*values are not integers")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Files with slow tests first: of several processes none is left with one of them at the end."""
    slow = {item.path for item in items if item.get_closest_marker("slow") is not None}
    items.sort(key=lambda item: item.path not in slow)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item) -> Iterator[object]:
    """Slow tests are not traced before Python 3.12, where it takes half as long again."""
    spared = sys.version_info < (3, 12) and item.get_closest_marker("slow") is not None
    coverage = Coverage.current() if spared else None
    if coverage is None:
        return (yield)
    coverage.stop()
    try:
        return (yield)
    finally:
        coverage.start()


def pytest_runtest_setup(item: pytest.Item) -> None:
    if item.get_closest_marker("gpu") is not None and not torch.cuda.is_available():
        pytest.skip("this machine has no NVIDIA GPU that PyTorch can use")


@pytest.fixture(scope="session")
def data_dir() -> Path:
    """Folder of the measured data, or skip."""
    folder = os.environ.get("SAYRE_DATA_DIR")
    if not folder:
        pytest.skip("SAYRE_DATA_DIR is not set: the measured data are not part of the repository")
    return Path(folder)


@pytest.fixture(scope="session")
def measured(data_dir: Path):
    """Load a file of the measured data by its first letter, or skip."""

    def load(letter: str):
        found = sorted(data_dir.glob(f"{letter}_*.npz"))
        if not found:
            pytest.skip(f"SAYRE_DATA_DIR has no file {letter}_*.npz")
        return np.load(found[0])

    return load


@pytest.fixture
def without_pictures(monkeypatch: pytest.MonkeyPatch) -> None:
    """The pictures of a run are empty sheets in this test."""
    empty_pictures.empty(monkeypatch)


@pytest.fixture
def refined_soon(monkeypatch: pytest.MonkeyPatch) -> None:
    """Refinements end after a few evaluations in this test."""
    docs_files.hasten(monkeypatch, recipes=False)
