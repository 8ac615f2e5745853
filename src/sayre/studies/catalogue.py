"""Every study by name, in the order of the thesis."""

from __future__ import annotations

import importlib
from collections.abc import Mapping

from sayre.data.hints import did_you_mean
from sayre.errors import InputError
from sayre.studies.study import Make, Study

_ALL = (
    Study(
        "gap-3d",
        "Figures 4.1, 4.2",
        "phase retrieval with a gap left as zeros, masked, and filled",
        "sayre.studies.spatial.gap:make",
    ),
    Study(
        "merge-3d",
        "Section 4.2",
        "a gap closed by a second scan with the detector moved, and by filling",
        "sayre.studies.spatial.merge:make",
    ),
    Study(
        "simulation-2d",
        "Figure 4.3",
        "the five steps of simulating a 2D pattern",
        "sayre.studies.planar.simulation:make",
    ),
    Study(
        "networks-2d",
        "Table 4.1, Figure 4.5",
        "three networks that fill gaps of 2D patterns",
        "sayre.studies.planar.networks:make",
    ),
    Study(
        "losses-2d",
        "Figure 4.4",
        "the U-Net trained with different losses",
        "sayre.studies.planar.losses:make",
    ),
    Study(
        "position-2d",
        "Figure 4.6",
        "accuracy against the place of the gap",
        "sayre.studies.planar.position:make",
    ),
    Study(
        "oversampling-2d",
        "Figure 4.7",
        "accuracy against the oversampling ratio",
        "sayre.studies.planar.oversampling:make",
    ),
    Study(
        "patch-network-3d",
        "Table 1 of the article",
        "the published 3D network, trained as far as time allows",
        "sayre.studies.patches.study:make",
    ),
    Study(
        "particle-3d",
        "Figure 4.8",
        "a gold particle on a substrate, and how far relaxation moves its atoms",
        "sayre.studies.windows.particle:make",
    ),
    Study(
        "architecture-3d",
        "Figure 4.10",
        "the published 3D network and Sayre's own, drawn from the networks themselves",
        "sayre.studies.windows.architecture:make",
    ),
    Study(
        "windows-3d",
        "Figures 4.9, 4.11, 4.12",
        "windows of 32³ with gaps, simulated and measured, filled one by one",
        "sayre.studies.windows.study:make",
    ),
    Study(
        "denoise-3d",
        "Section 4.6",
        "the denoising effect: counts predicted from their neighbours, by intensity",
        "sayre.studies.spatial.denoising:make",
    ),
    Study(
        "stride-3d",
        "Figures 4.13, 4.14",
        "time and error of a network against the stride of its windows",
        "sayre.studies.spatial.stride:make",
    ),
    Study(
        "methods-3d",
        "Figure 4.15",
        "a gap filled by interpolation, statistics and networks",
        "sayre.studies.spatial.methods:make",
    ),
    Study(
        "intensity-3d",
        "Figure 4.16",
        "accuracy against the counts around the gap",
        "sayre.studies.spatial.intensity:make",
    ),
    Study(
        "oversampling-3d",
        "Figure 4.17",
        "accuracy against the oversampling ratio",
        "sayre.studies.spatial.oversampling:make",
    ),
    Study(
        "strain-3d",
        "Figures 4.18 to 4.22",
        "the strain that a gap feigns, empty and filled",
        "sayre.studies.spatial.strain:make",
    ),
    Study(
        "fine-tune-3d",
        "Figure 4.23",
        "the filling network trained further on the pattern that it fills",
        "sayre.studies.spatial.fine_tuning:make",
    ),
    Study(
        "retrieval-3d",
        "beyond Figure 4.22",
        "the strain after phase retrieval, with the gap as zeros, free and filled",
        "sayre.studies.spatial.retrieval:make",
    ),
    Study(
        "high-resolution-3d",
        "Section 4.8.1",
        "large patterns with a gap at high q: resolution, time and memory",
        "sayre.studies.spatial.high_resolution:make",
    ),
    Study(
        "phase-classes-2d",
        "Sections 5.2, 5.6, 5.8",
        "2D crystals phased with a network and without, by class of strain",
        "sayre.studies.phasing.classes:make_2d",
    ),
    Study(
        "phase-classes-3d",
        "Sections 5.2, 5.7, 5.8",
        "3D crystals phased with a network and without, by class of strain",
        "sayre.studies.phasing.classes:make_3d",
    ),
    Study(
        "phase-measured",
        "Section 5.9",
        "measured patterns phased with a network and without",
        "sayre.studies.phasing.measured:make",
    ),
    Study(
        "phase-autodiff",
        "Section 5.10",
        "phase retrieval by automatic differentiation, beside iterations",
        "sayre.studies.phasing.autodiff:make",
    ),
)

STUDIES: Mapping[str, Study] = {study.name: study for study in _ALL}


def find(name: str) -> Study:
    """Return a study by name.

    Raises
    ------
    InputError
        No study has that name; the message suggests the nearest.
    """
    if name not in STUDIES:
        hint = did_you_mean(name, STUDIES) or f"; known are {', '.join(STUDIES)} and all"
        raise InputError(f"{name}: is no study{hint}")
    return STUDIES[name]


def function_of(study: Study) -> Make:
    """Import the function that makes a study."""
    module, _, name = study.make.partition(":")
    made: Make = getattr(importlib.import_module(module), name)
    return made
