from __future__ import annotations

import os
import sys
from pathlib import Path

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).parents[1]))  # for `import strategies`


@pytest.fixture(scope="session")
def measured():
    """Load a file of the measured data by its first letter, or skip."""
    folder = os.environ.get("SAYRE_DATA_DIR")
    if not folder:
        pytest.skip("SAYRE_DATA_DIR is not set")

    def load(letter: str):
        found = sorted(Path(folder).glob(f"{letter}_*.npz"))
        if not found:
            pytest.skip(f"no {letter}_*.npz in SAYRE_DATA_DIR")
        return np.load(found[0])

    return load
