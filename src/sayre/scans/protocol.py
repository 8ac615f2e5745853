"""What a reader of raw scans has, and what it hands back."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple, NoReturn, Protocol

import numpy as np
from numpy.typing import NDArray

from sayre.crystal.geometry import Axis
from sayre.crystal.stated import StatedGeometry
from sayre.errors import InputError
from sayre.files.patterns.contents import Contents

Values = NDArray[np.float64]


class Entry(NamedTuple):
    """A scan of a file: its number as `file::number` names it, its command, its detectors."""

    number: str
    title: str
    detectors: tuple[str, ...] = ()


class Frames(NamedTuple):
    """Counts of the frames that exist, and the point of the scan that each belongs to.

    `contents.counts` is 3D, frames first. Where `points` is None, the frames are all points in order.
    """

    contents: Contents
    points: NDArray[np.int64] | None = None


class Motor(NamedTuple):
    """What moved from frame to frame: its name, its positions, and the circle that it turns.

    `axis` is that of the circle in the laboratory, after the rotation of those that carry it; None where that
    is not known. A motor without an axis that is a circle of the sample all the same has `circle`. `unit` is
    of the positions.
    """

    name: str
    positions: Values
    axis: Axis | None
    unit: str = "°"
    circle: bool = False

    @property
    def turns(self) -> bool:
        """Whether it turns the sample."""
        return self.circle or self.axis is not None


class Stance(NamedTuple):
    """Where a circle of the sample stands: its axis at zero angles, its angle in degrees, its motor."""

    axis: Axis
    angle: float
    motor: str


@dataclass(frozen=True, kw_only=True)
class RawScan:
    """One scan of one detector, as the beamline wrote it.

    Attributes
    ----------
    number
        As `file::number` names it.
    title
        Command of the scan.
    layout
        Name of the reader.
    detector
        Which detector the frames are of.
    dataset
        Where the frames are: path inside a file, or a folder.
    files
        All files that are read.
    geometry
        What the files state of it, but for the rocking and the peak, which `moved` and `beam` give.
    moved
        What moved from frame to frame; None where the files do not tell.
    motors
        Positions of the other motors, by name.
    counters
        Monitors and exposures, a number a frame, by name.
    monitor
        Name of the counter of the incoming beam, if it is known.
    exposure
        Name of the counter of seconds, if it is known.
    step
        Step of the rocking that the command states.
    beam
        Row and column of the direct beam at zero angles of the arm, and the source of the two.
    sample
        Circles that carry the sample, outermost first.
    gaps
        Name of the detector in `sayre.detectors` whose gaps are masked in whole frames.
    remarks
        What a user should know.
    read
        Reads the frames.
    regions
        Whether `read` takes a region (points of the scan, rows, columns) and reads no more than that. Of a
        scan of other readers all is read, and then cut.
    """

    number: str
    title: str
    layout: str
    detector: str
    dataset: str
    files: Sequence[Path]
    geometry: StatedGeometry
    moved: Sequence[Motor] | None
    read: Callable[..., Frames]
    motors: Mapping[str, float] = field(default_factory=dict)
    counters: Mapping[str, Values] = field(default_factory=dict)
    monitor: str | None = None
    exposure: str | None = None
    step: float | None = None
    beam: tuple[float, float, str] | None = None
    sample: Sequence[Stance] = ()
    gaps: str | None = None
    remarks: Sequence[str] = ()
    regions: bool = False


class Reader(Protocol):
    """Reads the scans of one layout of files.

    A beamline ships its own as an entry point of the group `sayre.scans` that names an object with these
    attributes.
    """

    name: str

    def detects(self, path: Path) -> bool:
        """Whether a file is of this layout; quickly, and False for what cannot be opened."""
        ...

    def entries(self, path: Path) -> list[Entry]:
        """List the scans with frames that the file holds, and those without."""
        ...

    def open(self, path: Path, number: str, *, detector: str | None, frames: Path | None) -> RawScan:
        """Describe one scan; the frames are read later, by its `read`.

        Parameters
        ----------
        path
            The file.
        number
            Of the scan, one of `entries`.
        detector
            Which detector, where there are several.
        frames
            Folder of the frames, where they are not where the beamline puts them.

        Raises
        ------
        InputError
            Several detectors and none named; frames that are missing.
        """
        ...


def lacking(error: InputError) -> NoReturn:
    """Refuse to read frames that were not found when the scan was opened."""
    raise error


def facts(**stated: tuple[Any, str] | None) -> StatedGeometry:
    """Make a geometry of values with their sources; None is not known.

    Parameters
    ----------
    stated
        `(value, source)` by key.
    """
    known = {key: pair for key, pair in stated.items() if pair is not None}
    return StatedGeometry(
        values={key: value for key, (value, _) in known.items()},
        sources={key: source for key, (_, source) in known.items()},
    )
