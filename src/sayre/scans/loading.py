"""Files and raw scans to patterns: what `sayre.load` does."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection
from pathlib import Path

import sayre.files as files
from sayre.data import AnyPattern, FilledPattern, Pattern
from sayre.detectors.hygiene.checks import checked
from sayre.errors import InputError, understood
from sayre.files.corrections import Given
from sayre.files.formats import split_path
from sayre.files.masks import Masks
from sayre.files.patterns.region import Region, parsed
from sayre.files.safety.apart import tried_apart
from sayre.scans.pattern import pattern_of
from sayre.scans.protocol import RawScan
from sayre.scans.registry import chosen, reader_of

_NUMBER = re.compile(r"(?P<scan>[^/]*\d[^/]*)(?:/(?P<detector>[^/]+))?")
"""What may follow `::` for a scan: its number, and after a slash the name of a detector."""
STEPS = "steps"
"""What `normalise` is where the counts tell the scales of the frames."""


@tried_apart
def load(
    path: str | Path,
    *,
    mask: Masks = None,
    flat: Given = "auto",
    dark: Given = "auto",
    frames: str | Path | None = None,
    normalise: str | None = None,
    amplitudes: bool = False,
    roi: str | Region | None = None,
    axes: str | None = None,
    leave: str | Collection[str] = (),
    repeated: str = "refuse",
    readout: float | None = None,
) -> Pattern:
    """Read a pattern from any file, a raw scan of a beamline among them.

    Parameters
    ----------
    path
        As `sayre.files.load` takes it; or a raw scan by its number, `scan.h5::2`, with the detector where
        there are several, `scan.h5::2/eiger`. A file with one scan needs no number.
    mask, flat, dark, readout
        As `sayre.files.load` takes them.
    frames
        Folder of the frames of a scan, where they are not where the beamline puts them.
    normalise
        Counter that the counts of every frame are divided by, relative to its mean: its name, or `monitor` or
        `exposure` for the one that the reader knows. `steps` multiplies frames, of any file, that are of
        another scale as their counts tell. None does nothing.
    amplitudes, axes
        As `sayre.files.load` takes them; raw scans hold counts, frames first.
    roi
        As `sayre.files.load` takes it: of a raw scan places on the even grid of angles, rows, columns.
    leave
        What is left as it is of what would be masked: "hot" pixels, "events" such as cosmic rays, planes that
        are "empty" between bright ones, "saturated" voxels, or "all".
    repeated
        What is done with a frame that holds the very counts of an earlier one: "refuse", "mask", "drop" or
        "keep" it.

    Returns
    -------
    Pattern
        As `sayre.files.load` gives it. `meta.geometry` is what the files state of the geometry, and
        `meta.scan` which scan, dataset and files were read.

    Raises
    ------
    InputError
        As `sayre.files.load`; no such scan, several scans or detectors and none named, a scan of the energy,
        uneven angles, frames that are missing, or that hold the counts of another.

    Warns
    -----
    SayreWarning
        As `sayre.files.load`; angles that are missing or repeated, frames that do not exist, what was
        normalised; what `sayre.detectors.hygiene` masks: hot pixels, cosmic rays, frames without a count
        between bright ones, voxels at a detector's cut-off; a step of the scale from frame to frame.
    """
    pattern = _read(
        path,
        files.load,
        mask=mask,
        flat=flat,
        dark=dark,
        frames=frames,
        normalise=normalise,
        amplitudes=amplitudes,
        roi=roi,
        axes=axes,
        leave=leave,
        repeated=repeated,
        readout=readout,
    )
    return pattern.measured


@tried_apart
def load_filled(
    path: str | Path,
    *,
    mask: Masks = None,
    flat: Given = "auto",
    dark: Given = "auto",
    frames: str | Path | None = None,
    normalise: str | None = None,
    amplitudes: bool = False,
    roi: str | Region | None = None,
    axes: str | None = None,
    leave: str | Collection[str] = (),
    repeated: str = "refuse",
    readout: float | None = None,
) -> Pattern | FilledPattern:
    """Read a pattern as `load` does, with what an earlier run filled, as `sayre.files.load_filled`.

    Parameters
    ----------
    path, mask, flat, dark, frames, normalise, amplitudes, roi, axes, leave, repeated, readout
        As `load` takes them.
    """
    return _read(
        path,
        files.load_filled,
        mask=mask,
        flat=flat,
        dark=dark,
        frames=frames,
        normalise=normalise,
        amplitudes=amplitudes,
        roi=roi,
        axes=axes,
        leave=leave,
        repeated=repeated,
        readout=readout,
    )


def _read(
    path: str | Path,
    load_file: Callable[..., AnyPattern],
    *,
    mask: Masks,
    flat: Given,
    dark: Given,
    frames: str | Path | None,
    normalise: str | None,
    amplitudes: bool,
    roi: str | Region | None,
    axes: str | None,
    leave: str | Collection[str],
    repeated: str,
    readout: float | None,
) -> AnyPattern:
    """The counts of a raw scan, or of another file as `load_file` reads them, checked."""
    raw, even = opened(path, frames=frames), normalise == STEPS
    if raw is None:
        if frames is not None or not (normalise is None or even):
            option = "`frames=`" if frames is not None else "`normalise=`"
            raise InputError(f"{path}: is no raw scan, so {option} is of no use; leave it out")
        found = load_file(
            path,
            mask=mask,
            flat=flat,
            dark=dark,
            amplitudes=amplitudes,
            roi=roi,
            axes=axes,
            readout=readout,
        )
        if isinstance(found, FilledPattern):
            return found
        first = _first(parsed(roi, path), found)
        return checked(found, leave=leave, repeated=repeated, even=even, first=first)
    if amplitudes:
        raise InputError(f"{path}: a raw scan holds counts, no amplitudes; leave out `amplitudes=True`")
    if axes is not None:
        raise InputError(f"{path}: the frames of a raw scan are first; leave out `axes=`")
    counter, region = None if even else normalise, parsed(roi, path)
    pattern = pattern_of(
        raw, path, mask=mask, flat=flat, dark=dark, normalise=counter, region=region, readout=readout
    )
    first = _first(region, pattern)
    placed = raw.moved is not None
    return checked(pattern, leave=leave, repeated=repeated, even=even, placed=placed, first=first)


def _first(region: Region | None, pattern: Pattern) -> tuple[int, ...]:
    """Place of the first voxel of a region in the file, where it counts from there."""
    starts = tuple(part.start or 0 for part in region or ())
    return starts if len(starts) == len(pattern.shape) and min(starts) >= 0 else ()


@tried_apart
def opened(path: str | Path, *, frames: str | Path | None = None) -> RawScan | None:
    """Describe the raw scan that a path names; None where it names none.

    Parameters
    ----------
    path, frames
        As `load` takes them.

    Raises
    ------
    InputError
        A number of a scan, but no reader knows the file; as `load`.
    """
    file, inside = split_path(path)
    named = None if inside is None else _NUMBER.fullmatch(inside)
    if (inside is not None and named is None) or file.suffix.lower() in (".npz", ".mat"):
        return None
    with understood(file):
        reader = reader_of(file)
    if reader is None:
        if named is not None and file.is_file():
            raise InputError(
                f"{file}: no reader knows this layout, so there is no scan {inside}; name the dataset, as "
                f"{file.name}::/path/to/dataset"
            )
        return None
    detector = named["detector"] if named else None
    with understood(path):
        entry = chosen(file, reader.entries(file), named["scan"] if named else None)
        return reader.open(
            file, entry.number, detector=detector, frames=None if frames is None else Path(frames)
        )
