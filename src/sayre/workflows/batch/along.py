"""What changes along the scans of a batch, as its picture shows it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from sayre.workflows.batch.row import Row

SHIFT = "shift of the peak (voxels)"
LEAST = {"strain, rms (%)": 0.01, "Δd/d (%)": 0.01, SHIFT: 1.0}
"""Least ranges of axes: changes of strain below 1e-4, and shifts of a part of a voxel, are small ones."""
LEAST_SIZE = 0.1
"""That of the size, over the middle of the sizes."""


def curves(rows: Sequence[Row]) -> dict[str, dict[str, list[float | None]]]:
    """Return what changes along scans: strain, size, spacing of the planes, and the place of the peak.

    Spacing and place are relative to the first scan in which they are known. A spacing that is the same to
    the last bit is that of one geometry for all, and is left out.

    Parameters
    ----------
    rows
        Of the scans, in order.
    """

    def of(name: str) -> list[float | None]:
        return [getattr(row, name) for row in rows]

    spacing, strain = of("spacing_angstrom"), of("strain_rms")
    first = next((value for value in spacing if value is not None), None)
    changes = [None if v is None or not first else 100 * (v / first - 1) for v in spacing]
    if not any(changes):
        changes = [None] * len(rows)
    return {
        "strain, rms (%)": {"": [None if value is None else 100 * value for value in strain]},
        "size (nm)": {"": of("size_nm")},
        "Δd/d (%)": {"": changes},
        SHIFT: {axis: _from_first(of(f"peak_{axis}")) for axis in ("frame", "row", "column")},
    }


def least_ranges(drawn: Mapping[str, Mapping[str, Sequence[float | None]]]) -> dict[str, float]:
    """Return the least range of each axis of the picture, so that a tiny change is not drawn as a large one.

    Parameters
    ----------
    drawn
        As `curves` gives them.
    """
    sizes = [value for value in drawn["size (nm)"][""] if value is not None]
    return {**LEAST, "size (nm)": LEAST_SIZE * (min(sizes) + max(sizes)) / 2 if sizes else 0.0}


def label(row: Row) -> str:
    """Return the name of a scan in the picture."""
    return f"{row.scan} (failed)" if row.failed else row.scan


def _from_first(values: Sequence[float | None]) -> list[float | None]:
    first = next((value for value in values if value is not None), None)
    return [None if value is None or first is None else value - first for value in values]
