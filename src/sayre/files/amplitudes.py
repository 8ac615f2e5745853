"""Amplitudes where counts are wanted: cohere keeps the square roots of its counts."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np

from sayre.errors import InputError, warn
from sayre.files.formats import split_path
from sayre.files.patterns.contents import Contents

FEWEST, LARGEST, NEAR = 50, 1e4, 0.01
"""How many values tell, up to which counts their roots are exact enough, how near a square is to a count."""
FOLDERS = ("phasing_data",)
"""Where cohere keeps the data that it phases."""


def as_counts(path: str | Path, contents: Contents, amplitudes: bool) -> Contents:
    """Return the contents as counts: the squares of values that were said to be amplitudes.

    Parameters
    ----------
    path
        Of the file.
    contents
        What was found in it.
    amplitudes
        Whether the values are square roots of counts.

    Raises
    ------
    InputError
        Values that look like square roots of counts, and were not said to be.

    Warns
    -----
    SayreWarning
        Values were squared.
    """
    if amplitudes:
        warn(f"{Path(split_path(path)[0]).name}: values are squared, since they are said to be amplitudes")
        squares = np.square(contents.counts, dtype=np.float64)
        squares = np.rint(squares) if _roots(contents) else squares
        return replace(contents, counts=squares.astype(np.float32), stored=np.dtype("f4"))
    why = _roots(contents) or _of_cohere(path, contents)
    if why is not None:
        raise InputError(
            f"{path}: {why}, so they are amplitudes rather than counts; `amplitudes=True` squares them"
        )
    return contents


def _roots(contents: Contents) -> str | None:
    """Why the values must be square roots of whole numbers."""
    if contents.stored.kind != "f":
        return None
    values = np.asarray(contents.counts, np.float64).ravel()
    values = values[np.isfinite(values) & (values > 0) & (values**2 < LARGEST)]
    fractional = np.abs(values - np.rint(values)) > NEAR
    squares = values[fractional] ** 2
    if squares.size < FEWEST or np.mean(np.abs(squares - np.rint(squares)) < NEAR) < 0.999:
        return None
    return "values are square roots of whole numbers"


def _of_cohere(path: str | Path, contents: Contents) -> str | None:
    """Why the values must be those that cohere phases, which after binning are no roots of whole numbers."""
    file = Path(split_path(path)[0])
    if file.parent.name in FOLDERS and file.stem == "data" and contents.stored.kind == "f":
        return "the file is one that cohere phases"
    return None
