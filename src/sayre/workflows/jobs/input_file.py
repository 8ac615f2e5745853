"""The counts that a job works on."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from sayre.data import AnyPattern, Pattern
from sayre.data.option import Option, SettingError, check_settings
from sayre.detectors.geometry import NAMES
from sayre.detectors.hygiene.checks import REPEATED
from sayre.workflows.jobs.access import Within

ENDINGS = ".npz .npy .cxi .h5 .nxs .tif .mat"


def voxels(text: str) -> int | tuple[int, ...]:
    """The numbers of a text such as 64 or 48,96,96.

    Raises
    ------
    SettingError
        A text of another form.
    """
    try:
        numbers = tuple(int(part) for part in text.split(","))
    except ValueError:
        numbers = ()
    if len(numbers) not in (1, 2, 3):
        raise SettingError("crop", f"must be one number, or one for each axis as 48,96,96, found {text}")
    return numbers[0] if len(numbers) == 1 else numbers


Source = Annotated[
    str,
    Option(
        help=f"Counts: {ENDINGS}, or file.h5::/path/to/dataset, file.npz::name; a scan of a beamline by its "
        "number, scan.h5::2, scan.spec::54.",
        metavar="INPUT",
        argument=True,
    ),
]
Frames = Annotated[
    str | None,
    Option(help="Folder of the frames of a scan, where they are not beside its file.", metavar="FOLDER"),
]

Crop = Annotated[
    int | tuple[int, int] | tuple[int, int, int] | None,
    Option(
        help="Take this many voxels a side around the peak, for all axes or each: 64, or 48,96,96.",
        least=8,
        whole=True,
        metavar="VOXELS",
        parse=voxels,
    ),
]
Flat = Annotated[
    str,
    Option(
        help="White field: counts are divided by the response of their pixels. auto takes one that is in the "
        "file of the counts.",
        metavar="auto|none|FILE",
    ),
]
Dark = Annotated[
    str,
    Option(
        help="Counts without beam: hot pixels are masked. auto takes those in the file of the counts.",
        metavar="auto|none|FILE",
    ),
]


@dataclass(frozen=True, kw_only=True)
class Reading:
    """How counts are read, and which voxels and part of them are taken.

    Attributes
    ----------
    mask
        Files of masks that are added to the file's own.
    flat, dark
        White and dark field, as `sayre.load` takes them.
    detector, corner
        Name of a detector whose module gaps are masked, and the place of the frames on it.
    crop
        Voxels a side of the box around the peak that is taken, one number or one for each axis.
    roi, axes
        Part of the counts that is read, and the order of their axes, as `sayre.load` takes them.
    frames, normalise, leave, repeated, readout
        As `sayre.load` takes them.
    within
        The only folder to which files may lead by links in them.
    amplitudes
        Whether the values are square roots of counts.
    """

    mask: Annotated[
        tuple[str, ...] | None,
        Option(
            help="File of a mask, non-zero where nothing was measured; added to the file's own. May be given "
            "several times; file.npz::name and file.h5::/path name one of several.",
            metavar="FILE",
        ),
    ] = None
    flat: Flat = "auto"
    dark: Dark = "auto"
    detector: Annotated[
        str | None,
        Option(help=f"Mask the module gaps of this detector: {NAMES}.", metavar="NAME"),
    ] = None
    corner: Annotated[
        tuple[int, int] | None,
        Option(
            help="First row and column of the frames on --detector, where they are a region of interest: "
            "100 200, or 100,200.",
            least=0,
            whole=True,
            metavar="ROW COLUMN",
        ),
    ] = None
    crop: Crop = None
    roi: Annotated[
        str | None,
        Option(
            help="Read this part of the counts and no more, a range for each axis: 10:50,:,100:356.",
            metavar="RANGES",
        ),
    ] = None
    axes: Annotated[
        str | None,
        Option(
            help="Order of the axes in the file, f frames, r rows, c columns: rcf where frames are last.",
            metavar="frc|rcf|…",
        ),
    ] = None
    frames: Frames = None
    normalise: Annotated[
        str | None,
        Option(
            help="Divide the counts of each frame of a scan by this counter, relative to its mean; "
            "`sayre info FILE --counters` lists them. steps: multiply frames, of any file, "
            "that are of another scale as their counts tell.",
            metavar="monitor|exposure|NAME|steps",
        ),
    ] = None
    leave: Annotated[
        tuple[str, ...] | None,
        Option(
            help="Leave as it is what would be masked: hot pixels, events such as cosmic rays, empty planes "
            "between bright ones, saturated voxels, or all. May be given several times.",
            metavar="hot|events|empty|saturated|all",
        ),
    ] = None
    repeated: Annotated[
        str,
        Option(
            help="What to do with a frame that holds the very counts of an earlier one: refuse it, mask it, "
            "drop it, so that those after it move up, or keep it.",
            choices=REPEATED,
            metavar="|".join(REPEATED),
        ),
    ] = "refuse"
    readout: Annotated[
        float | None,
        Option(
            help="Standard deviation of dark voxels in counts, where a background was subtracted or "
            "reading out makes noise; 0 masks negative counts. By default found where many are negative.",
            least=0,
            metavar="COUNTS",
        ),
    ] = None
    within: Within = None
    amplitudes: Annotated[
        bool, Option(help="The values are square roots of counts, as cohere keeps them: square them.")
    ] = False

    def __post_init__(self) -> None:
        check_settings(self)
        if self.corner is not None and self.detector is None:
            raise SettingError("corner", "is the place of the frames on a detector; add `detector=`")


@dataclass(frozen=True, kw_only=True)
class InputFile(Reading):
    """Which counts to read, and how.

    Attributes
    ----------
    source
        File of the counts, as `sayre.load` takes it.
    """

    source: Source

    @property
    def files(self) -> tuple[str, ...]:
        """Names of all files that are read, the counts first."""
        fields = (name for name in (self.flat, self.dark) if name not in ("auto", "none"))
        return (self.source, *(self.mask or ()), *fields)

    def load(self, *, keep_filling: bool = True) -> AnyPattern:
        """Read the counts, mask the detector's gaps, and take the part around the peak.

        Parameters
        ----------
        keep_filling
            Whether counts that an earlier command filled are taken as filled.

        Raises
        ------
        InputError
            As `sayre.load`, an unknown detector or one of another shape, no peak.
        """
        from sayre.detectors import detector_mask
        from sayre.files.safety.within import only_within
        from sayre.retrieval.prepare import around_peak
        from sayre.scans import load_filled, region_around_peak

        with only_within(self.within):
            part = None
            if self.crop is not None and self.roi is None and self.axes is None:
                part = region_around_peak(
                    self.source, self.crop, frames=self.frames, flat=self.flat, dark=self.dark
                )
            pattern = load_filled(
                self.source,
                mask=self.mask,
                flat=self.flat,
                dark=self.dark,
                frames=self.frames,
                normalise=self.normalise,
                amplitudes=self.amplitudes,
                roi=self.roi if part is None else part,
                axes=self.axes,
                leave=self.leave or (),
                repeated=self.repeated,
                readout=self.readout,
            )
        if not keep_filling:
            pattern = pattern.measured
        if self.detector is not None:
            corner = self.corner
            if part is not None:  # of which the frames are a region
                top, left = corner or (0, 0)
                corner = (top + part[1].start, left + part[2].start)
            gaps = detector_mask(self.detector, pattern.shape, corner=corner)
            pattern = pattern.measured.with_mask(gaps)
        return pattern if self.crop is None else around_peak(pattern, self.crop)

    def load_measured(self) -> Pattern:
        """Read the counts as measured: what an earlier command filled counts as masked."""
        return self.load(keep_filling=False).measured

    def hashes(self, pattern: AnyPattern) -> dict[str, str]:
        """Names of the files that were read, with their SHA-256."""
        from sayre.data.manifest import hashes

        scan = pattern.meta.scan
        read = {pattern.meta.source or self.source: pattern.meta.sha256 or ""} if scan is None else scan.files
        return hashes(*self.files[1:], beside=read)
