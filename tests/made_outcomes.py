"""Outcomes of runs made by hand: known arrays, and no phase retrieval."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from sayre.crystal.scan import Scan
from sayre.data import Crystal, FilledPattern, Grid, Manifest, Pattern
from sayre.data.grid import Meta
from sayre.numerics.fourier import to_detector
from sayre.retrieval.choice.modes import find_modes
from sayre.retrieval.engine.packed import Packed
from sayre.retrieval.engine.run import Run
from sayre.retrieval.phased import Phased
from sayre.retrieval.settings import Settings
from sayre.workflows.jobs.input_file import InputFile
from sayre.workflows.jobs.job import config_of
from sayre.workflows.outcome import RunOutcome
from sayre.workflows.reconstruction import Reconstruction, resolution_curves
from sayre.workflows.run import RunJob


def outcome(
    folder="out",
    *,
    ndim=3,
    gap=True,
    strained=True,
    starts=4,
    name="peak.npz",
    failed="",
    method="wiener",
    nuisances=None,
    warnings=(),
    notes=(),
    noise=0.05,
):
    """A bent ball of 13 voxels in 24 a side, from voxel 100 of its file; starts are it with noise."""
    shape = (24, 26, 28)[-ndim:]
    places = np.indices(shape) - np.array([n // 2 for n in shape]).reshape(-1, *[1] * ndim)
    support = (places**2).sum(0) < 6.5**2
    truth = (support * np.exp(0.02j * places[-1] ** 2) * 20).astype(np.complex64)
    expected = (np.abs(to_detector(truth)) ** 2 / truth.size).astype(np.float32)
    truth = (truth / np.sqrt(truth.size)).astype(np.complex64)
    rng = np.random.default_rng(0)
    counts = rng.poisson(expected).astype(np.float32)
    mask = np.zeros(shape, bool)
    if gap:
        mask[..., 16:19] = True
    measured = Pattern(
        intensity=np.where(mask, 0, counts).astype(np.float32),
        mask=mask,
        grid=Grid(step=(1.0,) * ndim),
        meta=Meta(source=name, origin=(100,) * ndim),
    )
    pattern = measured
    if gap:
        sigma = np.where(mask, 0.3, 0).astype(np.float32)
        filled = np.where(mask, 1.1 * expected, measured.intensity).astype(np.float32)
        pattern = FilledPattern(pattern=measured, intensity=filled, sigma=sigma, method=method)

    def start(index):
        turned = truth + noise * support * rng.normal(size=shape) * np.abs(truth).max()
        return Run(
            index=index,
            packed=Packed.of(turned.astype(np.complex64), support),
            residual=0.1 + 0.01 * index,
            likelihood=0.6,
            free_likelihood=0.7 + 0.01 * index,
            history=((10, 0.5), (20, 0.1 + 0.01 * index)),
            failed=failed if index == starts - 1 else "",
        )

    runs = tuple(start(i) for i in range(starts))
    selected = (1, 0) if starts > 1 else (0,)
    averaged = tuple(runs[i].object for i in selected)
    modes = find_modes(averaged)
    phased = Phased(
        object=truth,
        support=support,
        threshold=0.3,
        recipe="HIO*20 + SW, ER*20",
        modes=modes,
        runs=runs,
        selected=selected,
        averaged=averaged,
        residual=0.02,
        likelihood=0.5,
        free_likelihood=0.6,
        agreement=modes.agreement,
        expected=expected,
        nuisances=nuisances,
        unrefined=None if nuisances else "it was switched off",
        best=None,
        oversampling=(3.0,) * ndim,
        pattern=pattern,
    )
    known = {}
    if strained:
        known = {
            "voxel_size": (4.0,) * ndim,
            "g": 2.7,
            "displacement": np.where(support, 0.01 * places[-1], np.nan).astype(np.float32),
            "strain": np.where(support, 1e-4 * places[0], np.nan).astype(np.float32),
        }
    crystal = Crystal(object=truth, support=support, metrics={"cut_voxels": 0, "vortex_lines": 0}, **known)
    job = RunJob(input=InputFile(source=name), folder=Path(folder), settings=Settings(runs=starts, seed=3))
    manifest = Manifest(command="sayre run", config=config_of(job), seed=3, seconds=1.5, created="2026-01-01")
    return RunOutcome(
        folder=Path(folder),
        pattern=pattern,
        result=Reconstruction(phased=phased, crystal=crystal, scan=Scan()),
        curves=resolution_curves(phased, None, job.settings),
        manifest=manifest,
        warnings=tuple(warnings),
        notes=tuple(notes),
    )
