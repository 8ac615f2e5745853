"""What tests of runs share."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from matplotlib.figure import Figure

from sayre.workflows.report import pictures

DRAWN = (
    "convergence_figure",
    "counts_figure",
    "crystal_figure",
    "explained_figure",
    "filling_figure",
    "profiles_figure",
    "resolution_figure",
)


def _empty(patch: pytest.MonkeyPatch) -> None:
    """Make the pictures of a run empty sheets: drawing them takes seconds, and other tests look at them."""
    for name in DRAWN:
        patch.setattr(pictures, name, lambda *_, **__: Figure(figsize=(1, 1)))


@pytest.fixture
def without_pictures(monkeypatch: pytest.MonkeyPatch) -> None:
    """In this test."""
    _empty(monkeypatch)


@pytest.fixture(scope="module")
def never_pictures() -> Iterator[None]:
    """In all tests of the file, from the fixture that asks for it on."""
    with pytest.MonkeyPatch.context() as patch:
        _empty(patch)
        yield
