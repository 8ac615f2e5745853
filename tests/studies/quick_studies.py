"""A study in its quick form, as its tests make it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from sayre.studies.catalogue import STUDIES, function_of
from sayre.studies.study import StudyResult, StudySettings


def quick(folder: Path, name: str, **more: Any) -> StudyResult:
    """Make a study; it must tell its progress to the end, and a summary."""
    told: list[float] = []
    settings = StudySettings(folder=folder, quick=True, device="cpu", **more)
    result = function_of(STUDIES[name])(settings, lambda fraction, note="": told.append(fraction))
    assert told[-1] == pytest.approx(1)
    assert result.summary
    return result
