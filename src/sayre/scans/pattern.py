"""Raw scans, as readers describe them, to patterns."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from sayre.crystal.stated import StatedGeometry
from sayre.data import Pattern
from sayre.data.grid import ScanRecord
from sayre.detectors import detector
from sayre.errors import InputError, note, understood, warn
from sayre.files.corrections import Given
from sayre.files.digests import are_large, digest_of
from sayre.files.formats import split_path
from sayre.files.masks import Masks
from sayre.files.patterns.contents import Contents
from sayre.files.patterns.region import Region, of_frame
from sayre.files.reading import pattern_of_contents
from sayre.scans.beam import attenuated, with_beam, without_attenuators
from sayre.scans.grid import cut_turned, on_grid, read_part
from sayre.scans.normalised import normalised
from sayre.scans.peak import place_of_peak
from sayre.scans.protocol import Motor, RawScan, Stance, facts
from sayre.scans.rocking import Rocking, rocking, rocking_motor, unturned

_MANY = 16


def pattern_of(
    raw: RawScan,
    path: str | Path,
    *,
    mask: Masks = None,
    flat: Given = "auto",
    dark: Given = "auto",
    normalise: str | None = None,
    region: Region | None = None,
    readout: float | None = None,
) -> Pattern:
    """Read the frames of a scan, put them on the even grid of angles, and correct them.

    Parameters
    ----------
    raw
        As a reader describes it.
    path
        What the user calls it.
    mask, flat, dark, normalise, readout
        As `load` takes them.
    region
        Part of the counts that is read: places on the even grid of angles, rows, columns.
    """
    raw = without_attenuators(raw)
    name = f"{split_path(path)[0].name}::{raw.number}"
    what = f"{name} ({raw.title})" if raw.title else name
    motor = None if raw.moved is None else rocking_motor(raw.moved, what)
    turned = None if motor is None else rocking(motor, raw.step, what)
    for remark in (*raw.remarks, *(turned.remarks if turned else ())):
        warn(f"{name}: {remark}")
    with understood(path):
        read = read_part(raw, turned, region, what)
    if read.contents.counts.ndim != 3:
        raise InputError(
            f"{what}: its counts must be frames, rows and columns, found shape {read.contents.counts.shape}"
        )
    read = read._replace(contents=_without_gaps(read.contents, raw.gaps, name))
    points = np.arange(len(read.contents.counts)) if read.points is None else read.points
    if turned is None:
        turned = unturned(points)
    frames = turned.size
    if region is not None:
        turned = cut_turned(turned, region)
    contents = on_grid(read.contents, points, turned, what)
    for remark in attenuated(raw, turned) if normalise is None else ():
        warn(f"{name}: {remark}")
    digests = _digests(raw.files, whole=region is None)
    digest = hashlib.sha256("".join(digests.values()).encode()).hexdigest()
    geometry = raw.geometry if motor is None else raw.geometry.over(_rocked(motor, turned))
    geometry = geometry.over(_stance(raw.sample, motor))
    if contents.frame is not None or region is None:
        shape = (frames, *(contents.frame or contents.counts.shape[1:]))
        geometry = geometry.over(facts(shape=(shape, "frames on the grid of angles, rows and columns")))
    pattern = pattern_of_contents(
        path, contents, digest, mask=mask, flat=flat, dark=dark, region=region, readout=readout
    )
    pattern = with_beam(pattern, raw, turned)
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
    note(f"{name}: gaps of the detector ({gaps}) masked")
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
