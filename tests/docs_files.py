"""The small files that the examples of the documentation name."""

from __future__ import annotations

import contextlib
import shutil
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import docs_pages
import sayre
from sayre.files import load_filled
from sayre.networks.registry import FOLDER
from sayre.retrieval.choice import refined
from sayre.retrieval.engine import recipe
from sayre.retrieval.measurement import model
from sayre.retrieval.measurement.refine import Refined, refine
from sayre.retrieval.settings import Settings
from sayre.workflows.batch.row import FAILED, Row
from sayre.workflows.batch.table import csv_text
from sayre.workflows.fill import FillJob
from sayre.workflows.jobs.input_file import InputFile

FRAMES, SIDE, CENTRE = 40, 48, 246
"""The peak has 48 pixels a side, around pixel (246, 246) of a MAXIPIX, whose gap begins at 256."""
GOLD = 4.0782
CHEAP, STARTS, FEW = "(HIO*10 + SW)**5, ER*10, WIDE, ER*5", 3, 6
"""A recipe that takes a part of a second a start, most starts, and most evaluations of a refinement."""


def hasten(patch: pytest.MonkeyPatch, *, recipes: bool = True) -> None:
    """End every refinement soon; take the short recipe for every one that has a name, and few starts."""

    def soon(*given: Any, evaluations: int, **named: Any) -> Refined:
        return refine(*given, evaluations=min(evaluations, FEW), **named)

    check = Settings.__post_init__

    def few(settings: Settings) -> None:
        check(settings)
        object.__setattr__(settings, "runs", min(settings.runs, STARTS))

    if recipes:
        patch.setattr(Settings, "__post_init__", few)
        for preset in recipe.PRESETS:
            patch.setitem(recipe.PRESETS, preset, CHEAP)
    for module in (model, refined):
        patch.setattr(module, "refine", soon)


def make(folder: Path) -> None:
    """Write a scan of a gold crystal, its geometry, and what is made of it on the way to the crystal."""
    generator = np.random.default_rng(3)
    peak = sayre.simulate(
        "winterbottom",
        element="Au",
        atoms=20_000,
        shape_px=(FRAMES, SIDE, SIDE),
        phase_range=1.0,
        threads=1,
        generator=generator,
    ).pattern.intensity
    corner = CENTRE - SIDE // 2
    part = (slice(None), slice(corner, corner + SIDE), slice(corner, corner + SIDE))
    counts = np.zeros((FRAMES, 516, 516), np.uint32)
    counts[part] = peak
    known = {"energy": 9000.0, "distance": 0.5, "pixel_size": (55e-6, 55e-6)}
    np.savez_compressed(folder / "scan.npz", data=counts, **known)

    geometry = next(b for b in docs_pages.blocks(docs_pages.ROOT / "docs/physics.md") if b.language == "toml")
    (folder / "scan.toml").write_text(geometry.text)
    mask = sayre.detector_mask("maxipix", (516, 516))[part[1:]]
    np.save(folder / "mask.npy", mask)
    np.save(folder / "whitefield.npy", generator.poisson(1e4, (516, 516)).astype(np.uint32))

    pattern = sayre.Pattern.from_counts(peak, mask, meta=sayre.Meta(hkl=(1, 1, 1), **known))
    sayre.save(folder / "peak.npz", pattern)
    with contextlib.chdir(folder):  # so that the manifest names the file and not its folder
        source, settings = InputFile(source="peak.npz"), sayre.FillingSettings(method="wiener")
        FillJob(input=source, output=Path("filled.npz"), filling=settings).run()
    filled = load_filled(folder / "filled.npz")
    scan = sayre.Scan(geometry=sayre.load_geometry(folder / "scan.toml"), lattice_constant=GOLD)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", sayre.SayreWarning)
        found = sayre.reconstruct(filled, sayre.Settings(runs=4, recipe=CHEAP), scan)
    for name in ("crystal.npz", "result/object.npz"):
        (folder / name).parent.mkdir(exist_ok=True)
        sayre.save(folder / name, found)
    (folder / "series").mkdir()
    rows = [Row(scan="a", source="a.npz", strain_rms=1e-3), Row(scan="b", source="b.npz", status=FAILED)]
    (folder / "series" / "scans.csv").write_text(csv_text(rows))
    sayre.save(folder / "pynx.cxi", found.phased)
    trained = folder / "runs" / "small" / "weights.safetensors"
    trained.parent.mkdir(parents=True)
    shutil.copy(FOLDER / "slab-4.safetensors", trained)
