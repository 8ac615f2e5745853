"""Settings of a simulated peak: how the crystal scatters, and how a detector records it."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from sayre.data.option import Option, SettingError, check_settings
from sayre.errors import InputError

if TYPE_CHECKING:
    from sayre.simulation.detector import Readout
    from sayre.simulation.scattering.coherence import PointSpread

_Triple = tuple[int, int, int]
_Widths = tuple[float, float, float]

_scattering, _detector = partial(Option, panel="Scattering"), partial(Option, panel="Detector")


@dataclass(frozen=True, kw_only=True)
class ScatteringSettings:
    """The scattering: reflection, sampling, smooth strain and point spread."""

    hkl: Annotated[
        _Triple,
        _scattering(
            metavar="H K L",
            help="Miller indices of the reflection: 1 1 1, or 1,1,1.",
            whole=True,
            least=-100,
            most=100,
        ),
    ] = (1, 1, 1)
    forbidden: Annotated[
        bool, _scattering(help="Simulate the reflection even where the lattice forbids it.")
    ] = False
    form_factors: Annotated[
        bool,
        _scattering(
            help="Let the atoms scatter by their form factor; otherwise all scatter alike at every q."
        ),
    ] = False
    shape_px: Annotated[int, _scattering(metavar="VOXELS", help="Number of voxels along each axis.")] = 128
    oversampling: Annotated[
        float, _scattering(metavar="RATIO", help="Oversampling ratio; below 2 the intensity is undersampled.")
    ] = 3.0
    phase_range: Annotated[
        float,
        _scattering(
            metavar="RAD",
            help="Largest less smallest value in rad of a smooth random phase G·u, which adds strain.",
        ),
    ] = 0.0
    rotate: Annotated[
        str,
        _scattering(
            metavar="none|random",
            help="Orientation of the array axes: along the cubic axes of the crystal (none), or random.",
        ),
    ] = "none"
    blur: Annotated[
        float | None,
        _scattering(
            metavar="VOXELS",
            help="Standard deviation of a Gaussian point spread along each axis, in voxels.",
        ),
    ] = None
    coherence: Annotated[
        _Widths | None,
        _scattering(
            metavar="F F F",
            help="Full width at half maximum of the point spread along each axis, in voxels: 1 1 2, or "
            "1,1,2. It takes the place of --blur.",
        ),
    ] = None
    lorentzian: Annotated[
        float,
        _scattering(
            metavar="WEIGHT",
            help="Weight of the Lorentzian in the point spread of --coherence: with 0 it is a Gaussian, with "
            "1 a Lorentzian, and between them a pseudo-Voigt.",
        ),
    ] = 0.0
    rocking: Annotated[
        float,
        _scattering(
            metavar="FWHM",
            help="Full width at half maximum of the rocking curve along axis 0, in voxels.",
        ),
    ] = 0.0

    def __post_init__(self) -> None:
        check_settings(self)
        if self.rotate not in ("none", "random"):
            raise SettingError("rotate", f"{self.rotate!r} is not known; it must be none or random")
        if self.coherence is not None and self.blur is not None:
            raise InputError(
                "`blur=`, `coherence=`: both set the width of the point spread; give one of them"
            )
        if self.coherence is None and self.lorentzian:
            raise InputError(
                "`lorentzian=`: is the weight of the Lorentzian in a point spread whose widths are not "
                "given; give them by `coherence=`"
            )

    def spread(self) -> PointSpread:
        """Return the point spread.

        Raises
        ------
        InputError
            A width or the weight is out of range.
        """
        from sayre.simulation.scattering.coherence import FWHM, PointSpread

        if self.blur is not None and not 0 <= self.blur < math.inf:
            raise SettingError("blur", f"must be 0 or more voxels, not {self.blur}")
        widths = self.coherence or (FWHM * (self.blur or 0.0),) * 3
        return PointSpread(fwhm=widths, lorentzian=self.lorentzian, rocking=self.rocking)

    def check_memory(self) -> None:
        """Refuse, before a crystal is made, more voxels than the memory holds.

        Raises
        ------
        InputError
            The memory is too small.
        """
        from sayre.simulation.scattering.scatter import require_memory

        first, second, third = (self.shape_px + 2 * margin for margin in self.spread().margin)
        require_memory(0, (first, second, third))


@dataclass(frozen=True, kw_only=True)
class DetectorSettings:
    """The exposure and the detector."""

    max_counts: Annotated[
        float | None,
        _detector(metavar="COUNTS", help="Expected counts in the brightest voxel. The default is 1e6."),
    ] = None
    total_counts: Annotated[
        float | None,
        _detector(
            metavar="COUNTS", help="Expected counts in all voxels together; takes the place of --max-counts."
        ),
    ] = None
    background: Annotated[
        float,
        _detector(metavar="COUNTS", help="Expected counts that the background adds to every voxel."),
    ] = 0.0
    detector: Annotated[
        str | None,
        _detector(metavar="NAME", help="Mask the module gaps of this detector: maxipix, eiger2-4m, …"),
    ] = None
    corner: Annotated[
        tuple[int, int] | None,
        _detector(
            metavar="ROW COLUMN",
            help="First row and column of the frames on --detector and --flat: 100 200, or 100,200. By "
            "default they are drawn among those where a gap crosses the frames.",
        ),
    ] = None
    flat: Annotated[
        Path | None,
        _detector(
            metavar="FILE",
            help="White field of the detector: it multiplies the expected counts, and its bad pixels are "
            "masked.",
        ),
    ] = None
    saturation: Annotated[
        float | None,
        _detector(
            metavar="COUNTS",
            help="Largest number of counts that a voxel holds; voxels with more are clipped to it and "
            "masked.",
        ),
    ] = None

    def __post_init__(self) -> None:
        if self.corner is not None and self.detector is None and self.flat is None:
            raise InputError(
                "`corner=`: is the place of the frames on a detector or a flat field; add `detector=` "
                "or `flat=`"
            )

    def readout(self, frame: tuple[int, int], seed: int) -> Readout:
        """Return exposure and detector, with gaps and flat field at the same place.

        The place has random numbers of its own, so that a detector changes neither crystal nor photons.

        Parameters
        ----------
        frame
            Rows and columns of a frame.
        seed
            Seed of the place of the frames.

        Raises
        ------
        InputError
            The detector is not known, the white field is of another detector or cannot be read, the frames
            leave the detector, or the counts are out of range.
        """
        import numpy as np

        from sayre.detectors import detector
        from sayre.simulation.detector import Readout, gap_region, region, white_field

        generator = np.random.default_rng((seed, 1))
        known = None if self.detector is None else detector(self.detector)
        mask, response, where = None, None, None
        if known is not None:
            where = gap_region(known.name, frame, corner=self.corner, generator=generator)
            mask = known.mask()[where]
        if self.flat is not None:
            pixels, bad = white_field(self.flat)
            whole = (bad.shape[0], bad.shape[1])
            if known is not None and known.shape != whole:
                raise InputError(
                    f"`flat=`: {self.flat} has {whole[0]}×{whole[1]} pixels, but {known.name} has "
                    f"{known.shape[0]}×{known.shape[1]}; a white field of that detector would do"
                )
            where = where or region(f"`flat={self.flat}`", whole, frame, self.corner, generator)
            response, mask = pixels[where], bad[where] if mask is None else mask | bad[where]
        neither = self.max_counts is None and self.total_counts is None
        return Readout(
            max_counts=1e6 if neither else self.max_counts,
            total_counts=self.total_counts,
            background=self.background,
            saturation=self.saturation,
            flat=response,
            mask=mask,
            detector=None if known is None else known.name,
        )
