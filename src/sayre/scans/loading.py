"""Raw scans to patterns."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

import sayre.files as files
from sayre.crystal.stated import StatedGeometry
from sayre.data import FilledPattern, Pattern
from sayre.data.grid import ScanRecord
from sayre.detectors import detector
from sayre.detectors.hygiene import sound
from sayre.errors import InputError, understood, warn
from sayre.files.corrections import Given
from sayre.files.digests import are_large, digest_of
from sayre.files.formats import split_path
from sayre.files.masks import Masks
from sayre.files.patterns.contents import Contents
from sayre.files.patterns.region import Region, of_frame, parsed
from sayre.files.reading import pattern_of_contents
from sayre.files.safety.apart import tried_apart
from sayre.scans.grid import cut_turned, on_grid, read_part
from sayre.scans.normalised import normalised
from sayre.scans.peak import place_of_peak
from sayre.scans.protocol import Motor, RawScan, Stance
from sayre.scans.registry import chosen, reader_of
from sayre.scans.rocking import Rocking, rocking, rocking_motor, unturned

Array = NDArray[Any]

_NUMBER = re.compile(r"(?P<scan>[^/]*\d[^/]*)(?:/(?P<detector>[^/]+))?")
"""What may follow `::` for a scan: its number, and after a slash the name of a detector."""
_MANY = 16


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
) -> Pattern:
    """Read a pattern from any file, a raw scan of a beamline among them.

    Parameters
    ----------
    path
        As `sayre.files.load` takes it; or a raw scan by its number, `scan.h5::2`, with the detector where
        there are several, `scan.h5::2/eiger`. A file with one scan needs no number.
    mask, flat, dark
        As `sayre.files.load` takes them.
    frames
        Folder of the frames of a scan, where they are not where the beamline puts them.
    normalise
        Counter that the counts of every frame are divided by, relative to its mean: its name, or `monitor` or
        `exposure` for the one that the reader knows. None divides by nothing.
    amplitudes, axes
        As `sayre.files.load` takes them; raw scans hold counts, frames first.
    roi
        As `sayre.files.load` takes it: of a raw scan places on the even grid of angles, rows, columns.

    Returns
    -------
    Pattern
        As `sayre.files.load` gives it. `meta.geometry` is what the files state of the geometry, and
        `meta.scan` which scan, dataset and files were read.

    Raises
    ------
    InputError
        As `sayre.files.load`; no such scan, several scans or detectors and none named, a scan of the energy,
        uneven angles, frames that are missing.

    Warns
    -----
    SayreWarning
        As `sayre.files.load`; angles that are missing or repeated, frames that do not exist, what was
        normalised; what `sayre.detectors.hygiene.sound` masks: hot pixels, cosmic rays, frames without a
        count between bright ones, voxels at a detector's cut-off.
    """
    raw = opened(path, frames=frames)
    if raw is None:
        if frames is not None or normalise is not None:
            option = "`frames=`" if frames is not None else "`normalise=`"
            raise InputError(f"{path}: is no raw scan, so {option} is of no use; leave it out")
        return sound(
            files.load(path, mask=mask, flat=flat, dark=dark, amplitudes=amplitudes, roi=roi, axes=axes)
        )
    if amplitudes:
        raise InputError(f"{path}: a raw scan holds counts, no amplitudes; leave out `amplitudes=True`")
    if axes is not None:
        raise InputError(f"{path}: the frames of a raw scan are first; leave out `axes=`")
    region = parsed(roi, path)
    return sound(pattern_of(raw, path, mask=mask, flat=flat, dark=dark, normalise=normalise, region=region))


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
) -> Pattern | FilledPattern:
    """Read a pattern as `load` does, with what an earlier run filled, as `sayre.files.load_filled`.

    Parameters
    ----------
    path, mask, flat, dark, frames, normalise, amplitudes, roi, axes
        As `load` takes them.
    """
    if opened(path, frames=frames) is None and frames is None and normalise is None:
        found = files.load_filled(
            path, mask=mask, flat=flat, dark=dark, amplitudes=amplitudes, roi=roi, axes=axes
        )
        return found if isinstance(found, FilledPattern) else sound(found)
    return load(
        path,
        mask=mask,
        flat=flat,
        dark=dark,
        frames=frames,
        normalise=normalise,
        amplitudes=amplitudes,
        roi=roi,
        axes=axes,
    )


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


def pattern_of(
    raw: RawScan,
    path: str | Path,
    *,
    mask: Masks = None,
    flat: Given = "auto",
    dark: Given = "auto",
    normalise: str | None = None,
    region: Region | None = None,
) -> Pattern:
    """Read the frames of a scan, put them on the even grid of angles, and correct them.

    Parameters
    ----------
    raw
        As a reader describes it.
    path
        What the user calls it.
    mask, flat, dark, normalise
        As `load` takes them.
    region
        Part of the counts that is read: places on the even grid of angles, rows, columns.
    """
    name = f"{split_path(path)[0].name}::{raw.number}"
    what = f"{name} ({raw.title})" if raw.title else name
    motor = None if raw.moved is None else rocking_motor(raw.moved, what)
    turned = None if motor is None else rocking(motor, raw.step, what)
    for remark in (*raw.remarks, *(turned.remarks if turned else ())):
        warn(f"{name}: {remark}")
    with understood(path):
        read = read_part(raw, turned, region, what)
    read = read._replace(contents=_without_gaps(read.contents, raw.gaps, name))
    points = np.arange(len(read.contents.counts)) if read.points is None else read.points
    if turned is None:
        turned = unturned(points)
    if region is not None:
        turned = cut_turned(turned, region)
    contents = on_grid(read.contents, points, turned, what)
    digests = _digests(raw.files, whole=region is None)
    digest = hashlib.sha256("".join(digests.values()).encode()).hexdigest()
    geometry = raw.geometry if motor is None else raw.geometry.over(_rocked(motor, turned))
    geometry = geometry.over(_stance(raw.sample, motor))
    pattern = pattern_of_contents(path, contents, digest, mask=mask, flat=flat, dark=dark, region=region)
    pattern = pattern if normalise is None else normalised(pattern, raw, turned, normalise)
    if raw.beam is not None:
        geometry = geometry.over(place_of_peak(pattern, raw.beam, of_frame(region)))
    values = geometry.values
    meta = replace(
        pattern.meta,
        source=name,
        energy=values.get("energy", pattern.meta.energy),
        distance=values.get("distance", pattern.meta.distance),
        pixel_size=values.get("pixel_size", pattern.meta.pixel_size),
        detector=pattern.meta.detector or raw.detector,
        geometry=geometry.toml(),
        scan=ScanRecord(scan=raw.number, dataset=raw.dataset, layout=raw.layout, files=digests),
    )
    return replace(pattern, meta=meta)


def _rocked(motor: Motor, turned: Rocking) -> StatedGeometry:
    known = {} if motor.axis is None else {"rocking_axis": motor.axis}
    return StatedGeometry(
        values={**known, "rocking_step": turned.step},
        sources={"rocking_axis": f"circle {motor.name}", "rocking_step": turned.source},
    )


def _stance(sample: Sequence[Stance], motor: Motor | None) -> StatedGeometry:
    """Circles of the sample in the middle of the scan."""
    if not sample:
        return StatedGeometry()
    middle = None if motor is None else float(motor.positions[0] + motor.positions[-1]) / 2
    circles = tuple(
        (axis, round(middle, 6) if middle is not None and motor is not None and name == motor.name else angle)
        for axis, angle, name in sample
    )
    source = f"motors {', '.join(one.motor for one in sample)}; in the middle of the scan"
    return StatedGeometry(values={"sample": circles}, sources={"sample": source})


def _without_gaps(contents: Contents, gaps: str | None, name: str) -> Contents:
    """Contents with the gaps of a known detector masked, where the frames are whole."""
    if gaps is None:
        return contents
    known, shape = detector(gaps), contents.frame or contents.counts.shape[-2:]
    if shape != known.shape:
        warn(f"{name}: frames of {shape} are a part of the detector, whose gaps are not masked; `mask=`")
        return contents
    mask = known.mask() if contents.region is None else known.mask()[contents.region]
    if not mask.any():
        return contents
    if contents.mask is not None:
        own = np.asarray(contents.mask) != 0
        if not (mask & ~own).any():
            return contents
        mask = mask | own
    warn(f"{name}: gaps of the detector ({gaps}) masked")
    return replace(contents, mask=mask)


def _digests(parts: Sequence[Path], *, whole: bool) -> dict[str, str]:
    """SHA-256 of files by name; one of all files of a folder, where they are many."""
    there = [part for part in parts if part.is_file()]
    whole = whole and not are_large(there)
    folders: dict[Path, list[Path]] = {}
    for part in there:
        folders.setdefault(part.parent, []).append(part)
    digests: dict[str, str] = {}
    for folder, inside in folders.items():
        if len(inside) <= _MANY:
            digests |= {part.name: digest_of(part, whole=whole) for part in inside}
        else:
            text = "".join(digest_of(part, whole=whole) for part in inside)
            digests[f"{folder.name}: {len(inside)} files"] = hashlib.sha256(text.encode()).hexdigest()
    return digests
