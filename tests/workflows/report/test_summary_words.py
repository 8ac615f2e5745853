"""What the curves of resolution tell, in a sentence."""

import numpy as np
import pytest

from sayre.crystal.resolution import ShellCurve
from sayre.workflows.report.summary import _periods


@pytest.mark.parametrize(
    ("names", "said"),
    [
        (["PRTF"], "PRTF stays above its threshold to where"),
        (["unseen counts"], "Unseen counts stay above their threshold to where"),
        (["PRTF", "FSC"], "PRTF, FSC stay above their thresholds to where"),
    ],
)
def test_curves_that_end_with_the_detector_are_told_in_good_english(names, said):
    q, half = np.linspace(0, np.pi, 21), np.full(21, 0.5)
    curve = ShellCurve(q=q, value=np.ones(21), threshold=half, voxels=np.ones(21, int), unit="voxels")
    assert _periods(dict.fromkeys(names, curve)) == f"{said} whole shells end, a period of 2 voxels."
