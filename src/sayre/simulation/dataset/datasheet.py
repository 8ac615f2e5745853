"""The datasheet of a data set: what its shards hold, in numbers."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import numpy as np

from sayre.simulation.dataset.patterns import Facts
from sayre.simulation.dataset.shards import facts_of, shard_paths, skipped_of

BINS = 20
"""Bins of a histogram."""

_KINDS: dict[str, Callable[[Facts], Iterable[str]]] = {
    "split": lambda f: [f["split"]],
    "shape": lambda f: [str(f["made"].get("shape", "read from a file"))],
    "element": lambda f: [f["element"]],
    "defects": lambda f: sorted(set(f["made"].get("defects", ()))) or ["none"],
    "relaxed": lambda f: [_relaxation(f)],
    "oversampling": lambda f: ["raised for a whole peak" if f.get("oversampling_raised") else "as drawn"],
    "reflection": lambda f: [" ".join(map(str, f["hkl"]))],
    "detector": lambda f: [f["detector"] or "no gaps"],
    "white field": lambda f: [f["white_field"] or "none"],
}

_QUANTITIES: dict[str, tuple[str, bool, Callable[[Facts], Iterable[float | None]]]] = {
    "atoms": ("", True, lambda f: [f["atoms"]]),
    "oversampling": ("ratio, all axes", True, lambda f: f["oversampling"]),
    "max_counts": ("counts", True, lambda f: [f["max_counts"]]),
    "total_counts": ("counts", True, lambda f: [f["total_counts"]]),
    "background": ("counts a voxel", True, lambda f: [f["background"] or None]),
    "masked": ("share of voxels", False, lambda f: [f["masked"]]),
    "point_spread": ("full width, voxels, all axes", False, lambda f: f["fwhm"] if any(f["fwhm"]) else []),
    "rocking_curve": ("full width, voxels", False, lambda f: [f["rocking"] or None]),
    "saturation": ("counts", True, lambda f: [f["saturation"]]),
    "displacement": ("range, Å", False, lambda f: [f["made"].get("displacement")]),
    "bond_strain_mean": ("%", False, lambda f: [100 * f["bond_strain"]["mean"]]),
    "bond_strain_rms": ("%", False, lambda f: [100 * f["bond_strain"]["rms"]]),
    "bond_strain_lowest": ("%, 1st percentile", False, lambda f: [100 * f["bond_strain"]["low"]]),
    "bond_strain_highest": ("%, 99th percentile", False, lambda f: [100 * f["bond_strain"]["high"]]),
}


def _relaxation(facts: Facts) -> str:
    """Return how the particle was relaxed, in words."""
    relaxed = facts["made"].get("relaxed")
    if not relaxed:
        return "no"
    return "on a substrate" if relaxed.get("substrate") else "free"


def summary(folder: str | Path, *, config: dict[str, Any] | None = None, seed: int | None = None) -> Facts:
    """Count the patterns and particles of each kind, and compute the distribution of each quantity.

    Parameters
    ----------
    folder
        Folder of the data set.
    config
        Configuration of the data set, for the record.
    seed
        Seed of the data set, for the record.

    Returns
    -------
    Plain numbers and texts: `patterns` and `particles` of each kind; minimum, median, maximum and histogram
    of each quantity, with bins of equal ratio where it is logarithmic.

    Raises
    ------
    InputError
        `folder` holds no data set.
    """
    paths = shard_paths(Path(folder))
    facts = [f for path in paths for f in facts_of(path)]
    skipped = [f for path in paths for f in skipped_of(path)]
    sheet: Facts = {
        "patterns": len(facts),
        "particles": len({f["particle"] for f in facts}),
        "shards": len(paths),
        "bytes": sum(path.stat().st_size for path in paths),
        "seed": seed,
        "skipped": skipped,
        "kinds": {},
        "quantities": {},
        "config": config,
    }
    for name, kinds in _KINDS.items():
        patterns = Counter(kind for f in facts for kind in kinds(f))
        particles = Counter(kind for kind, _ in {(kind, f["particle"]) for f in facts for kind in kinds(f)})
        sheet["kinds"][name] = {
            kind: {"patterns": count, "particles": particles[kind]}
            for kind, count in sorted(patterns.items())
        }
    for name, (unit, logarithmic, values) in _QUANTITIES.items():
        given = np.array([v for f in facts for v in values(f) if v is not None], float)
        if given.size and given.any():
            sheet["quantities"][name] = {"unit": unit, **_distribution(given, logarithmic)}
    return sheet


def _distribution(values: np.ndarray[Any, np.dtype[np.float64]], logarithmic: bool) -> Facts:
    """Compute minimum, median, maximum and histogram of the values of a quantity."""
    low, high = float(values.min()), float(values.max())
    logarithmic = logarithmic and low > 0
    if low == high:
        edges = np.array([low, high])
    else:
        edges = np.geomspace(low, high, BINS + 1) if logarithmic else np.linspace(low, high, BINS + 1)
        edges[0], edges[-1] = low, high
    counts = np.histogram(values, edges)[0] if low < high else np.array([values.size])
    return {
        "minimum": low,
        "median": float(np.median(values)),
        "maximum": high,
        "logarithmic": logarithmic,
        "edges": edges.tolist(),
        "counts": counts.tolist(),
    }


def markdown(sheet: Facts, *, title: str, picture: str | None = None) -> str:
    """Write a datasheet as a page of Markdown.

    Parameters
    ----------
    sheet
        From `summary`.
    title
        Title of the page.
    picture
        File name of the picture of the histograms.
    """
    lines = [
        f"# {title}",
        "",
        f"{sheet['patterns']} patterns of {sheet['particles']} particles in {sheet['shards']} shards, "
        f"{sheet['bytes'] / 1e6:.1f} MB; seed {sheet['seed']}. Splits are by particle.",
        "",
    ]
    if picture:
        lines += [f"![Histograms]({picture})", ""]
    lines += ["| | | patterns | particles |", "|---|---|---|---|"]
    for name, kinds in sheet["kinds"].items():
        for place, (kind, n) in enumerate(kinds.items()):
            lines.append(f"| {'' if place else name} | {kind} | {n['patterns']} | {n['particles']} |")
    lines += ["", "| quantity | unit | minimum | median | maximum |", "|---|---|---|---|---|"]
    for name, q in sheet["quantities"].items():
        numbers = " | ".join(f"{q[key]:.4g}" for key in ("minimum", "median", "maximum"))
        lines.append(f"| {name.replace('_', ' ')} | {q['unit']} | {numbers} |")
    raised = sheet["kinds"]["oversampling"].get("raised for a whole peak")
    if raised:
        lines += [
            "",
            f"The oversampling of {raised['patterns']} patterns was raised above what was drawn, so that "
            "their arrays end before the neighbouring Bragg peaks (`whole_peak`).",
        ]
    lines += ["", f"Draws skipped: {len(sheet['skipped'])}", ""]
    lines += [f"- particle {s['particle']}, draw {s['attempt']}: {s['reason']}" for s in sheet["skipped"]]
    return "\n".join(lines).rstrip() + "\n"
