"""What is done to an object before its displacement and strain are taken."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from sayre.data.option import Option, SettingError, check_settings
from sayre.files.crystals.reading import CONVENTIONS

_FILE = "What is known of the object"
_PANEL = "Analysis"


@dataclass(frozen=True, kw_only=True)
class AnalysisSettings:
    """What is known of an object beside its file, and how it is analysed.

    Attributes
    ----------
    convention
        Of the Fourier transform and the axes of the object.
    shape
        Of the counts that were phased, where the object was cropped and its file does not state it.
    isosurface
        Relative to the largest amplitude; None lets the histogram choose.
    keep_support
        Whether the support of the file is taken rather than an isosurface.
    apodise
        Window in reciprocal space.
    delta, beta
        Of the refractive index 1 − δ + iβ.
    oblique
        Whether the object stays on the voxels of the detector.
    surface
        Layers of voxels that count as surface.
    shortest
        Extent of a dislocation line in voxels.
    least_correlation
        With the first object, of further ones that are averaged.
    """

    convention: Annotated[
        str,
        Option(
            help="Fourier transform and axes of the object: sayre (also PyNX, cdiutils), conjugate, cohere "
            "(conjugate, axes in reverse). auto knows cohere by the names of its files.",
            choices=CONVENTIONS,
            metavar="|".join(CONVENTIONS),
            panel=_FILE,
        ),
    ] = "auto"
    shape: Annotated[
        tuple[int, int, int] | None,
        Option(
            help="Voxels of the counts that were phased, where the object was cropped afterwards.",
            metavar="N N N",
            least=2,
            whole=True,
            panel=_FILE,
        ),
    ] = None
    isosurface: Annotated[
        float | None,
        Option(
            help="Amplitude of the surface relative to the largest; by default half of the bulk's, by the "
            "histogram.",
            above=0,
            below=1,
            metavar="FRACTION",
            panel=_PANEL,
        ),
    ] = None
    keep_support: Annotated[
        bool, Option(help="Take the support of the file, not an isosurface.", panel=_PANEL)
    ] = False
    apodise: Annotated[
        str,
        Option(
            help="Window in reciprocal space against ripples.",
            choices=("none", "blackman"),
            metavar="none|blackman",
            panel=_PANEL,
        ),
    ] = "none"
    delta: Annotated[
        float | None,
        Option(
            help="Correct refraction: δ of the refractive index 1 − δ + iβ of the crystal.",
            above=0,
            below=1e-2,
            metavar="δ",
            panel=_PANEL,
        ),
    ] = None
    beta: Annotated[
        float | None,
        Option(help="Correct absorption: β of that index.", above=0, below=1e-2, metavar="β", panel=_PANEL),
    ] = None
    oblique: Annotated[
        bool, Option(help="Stay on the voxels of the detector, without interpolation.", panel=_PANEL)
    ] = False
    surface: Annotated[
        int,
        Option(help="Layers of voxels that count as surface.", least=1, whole=True, panel=_PANEL),
    ] = 1
    shortest: Annotated[
        float,
        Option(
            help="Extent of the shortest line that is a dislocation and not noise, voxels.",
            least=2,
            panel=_PANEL,
        ),
    ] = 5.0
    least_correlation: Annotated[
        float,
        Option(
            help="Correlation with the first object below which a further one is left out of the average.",
            least=0,
            most=1,
            panel=_PANEL,
        ),
    ] = 0.7

    def __post_init__(self) -> None:
        check_settings(self)
        if self.keep_support and self.isosurface is not None:
            raise SettingError("isosurface", "the support of the file is kept; leave one of them out")
