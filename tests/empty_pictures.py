"""Pictures of a run that show nothing: drawing them takes seconds, and few tests look at them."""

from __future__ import annotations

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


def empty(patch: pytest.MonkeyPatch) -> None:
    """Every picture of a run is an empty sheet from now on."""
    for name in DRAWN:
        patch.setattr(pictures, name, lambda *_, **__: Figure(figsize=(1, 1)))
