"""EIGER master files, whose frames are in files of their own.

Layout, by the DECTRIS file writer (and pyCXIM, `scan_reader/Desy/eiger_reader.py`): links
`/entry/data/data_000001`, … to the files of the frames; `/entry/instrument/detector` with `beam_center_x`,
`beam_center_y` (pixels), `x_pixel_size`, `y_pixel_size`, `detector_distance` (m) and `count_time`; in its
`detectorSpecific` `photon_energy` (eV), `nimages`, `ntrigger` and `pixel_mask`;
`/entry/instrument/beam/incident_wavelength` (Å). A master is written before the frames: the links of a scan
that was aborted lead to files that never existed.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import h5py
import numpy as np
from numpy.typing import NDArray
from scipy.constants import c, e, h

from sayre.crystal.stated import StatedGeometry
from sayre.errors import InputError, note, warn
from sayre.files.hdf5 import nexus
from sayre.files.hdf5.tree import named, opened
from sayre.files.patterns import hdf5
from sayre.files.patterns.contents import Contents
from sayre.files.patterns.region import Region, of_frame, squeezed, within
from sayre.scans.layouts import hdf5_parts as parts
from sayre.scans.layouts.units import with_value
from sayre.scans.protocol import Entry, Frames, RawScan

DETECTOR = "entry/instrument/detector"
Array = NDArray[Any]
_BLOCK = re.compile(r"data_(\d+)")


class Block(NamedTuple):
    """A file of frames: the number in the name of its link, the link's target, and how many frames it holds.

    `frames` is None where the target does not exist.
    """

    number: int
    target: str
    frames: int | None


class Eiger:
    """Reader of EIGER masters."""

    name = "EIGER"

    def detects(self, path: Path) -> bool:
        """Whether an HDF5 file has links to blocks of frames, and a detector."""
        with parts.looked_into(path) as file:
            return file is not None and bool(blocks_of(file)) and nexus.child(file, DETECTOR) is not None

    def entries(self, path: Path) -> list[Entry]:
        """Return the one scan of a master.

        Parameters
        ----------
        path
            An EIGER master.
        """
        return [Entry("1", path.stem.removesuffix("_master"), ("eiger",))]

    def open(self, path: Path, number: str, *, detector: str | None, frames: Path | None) -> RawScan:
        """Describe the scan; see `sayre.scans.protocol.Reader`.

        Parameters
        ----------
        path, number, detector, frames
            As the protocol has them.
        """
        with opened(path) as file:
            row, column = (parts.number(file, f"{DETECTOR}/beam_center_{axis}") for axis in "yx")
            beam = (row, column, "beam_center of the master") if row and column else None
            return RawScan(
                number=number,
                title=path.stem.removesuffix("_master"),
                layout=self.name,
                detector=parts.text(file, f"{DETECTOR}/description") or "eiger",
                dataset="/entry/data",
                files=files_of(path, file),
                geometry=stated_by(file),
                moved=None,
                beam=beam,
                read=reader(path),
                regions=True,
            )


READER = Eiger()


def blocks_of(file: h5py.File) -> list[Block]:
    """Return the blocks of frames in the order of their numbers, those too that do not exist."""
    group = nexus.child(file, "entry/data")
    found = []
    for name in group if isinstance(group, h5py.Group) else ():
        match = _BLOCK.fullmatch(name)
        if match is None:
            continue
        link, dataset = group.get(name, getlink=True), nexus.dataset_at(group, name)
        target = link.filename if isinstance(link, h5py.ExternalLink) else name
        frames = None if dataset is None else parts.frames_in(tuple(dataset.shape)) or int(dataset.ndim == 2)
        found.append(Block(int(match[1]), target, frames))
    return sorted(found)


def files_of(path: Path, file: h5py.File) -> list[Path]:
    """Return the master and the files of its frames.

    Parameters
    ----------
    path
        Of the master.
    file
        The master, open.
    """
    return [path, *dict.fromkeys(path.parent / block.target for block in blocks_of(file) if block.frames)]


def stated_by(file: h5py.File) -> StatedGeometry:
    """Return what a master states of energy, distance and pixels."""
    stated = StatedGeometry()
    place = f"{DETECTOR}/detectorSpecific/photon_energy"
    energy, unit = parts.number(file, place), parts.unit(file, place)
    stated = with_value(stated, "energy", energy, unit, "photon_energy of the master", usual="eV")
    place = "entry/instrument/beam/incident_wavelength"
    wavelength = parts.number(file, place)
    if wavelength:
        metres = wavelength * {"m": 1.0, "nm": 1e-9}.get(parts.unit(file, place), 1e-10)
        source = "incident_wavelength of the master"
        stated = with_value(stated, "energy", h * c / (metres * e), "eV", source, usual="eV")
    for key in ("detector_distance", "distance"):
        distance = parts.number(file, f"{DETECTOR}/{key}")
        unit = parts.unit(file, f"{DETECTOR}/{key}")
        stated = with_value(stated, "distance", distance, unit, f"{key} of the master", usual="m")
    row, column = (parts.number(file, f"{DETECTOR}/{axis}_pixel_size") for axis in "yx")
    if row and column:
        unit = parts.unit(file, f"{DETECTOR}/y_pixel_size")
        source = "pixel sizes of the master"
        stated = with_value(stated, "pixel_size", np.array([row, column]), unit, source, usual="m")
    return stated


def reader(path: Path, *, points: int | None = None) -> Callable[..., Frames]:
    """Return a function that reads the frames of a master or a region of them, as far as they exist.

    Parameters
    ----------
    path
        Of the master.
    points
        How many points the scan has, where it is known: a block of several frames a point is summed.
    """

    def read(region: Region | None = None) -> Frames:
        with opened(path) as file:
            found = blocks_of(file)
            present = [block for block in found if block.frames]
            if not present:
                raise InputError(
                    f"{path}: no file of its frames is there ({found[0].target}, …); put them beside it"
                )
            blocks = {
                name: named(path, file, name)
                for name in (f"entry/data/data_{block.number:06d}" for block in present)
            }
            numbers = _numbers(found, present)
            several = {block.frames for block in present}
            each = several.pop() or 1 if len(several) == 1 and len(present) == points else 1
            _tell(path, file, found, present)
            chosen = np.arange(len(numbers) // each)
            if region is not None:
                full = present[0].frames or 1
                within(region[:1], (sum(block.frames or full for block in found) // each,), str(path))
                of_point = chosen if each > 1 else numbers
                chosen = chosen[(of_point >= region[0].start) & (of_point < region[0].stop)]
                if not chosen.size:
                    raise InputError(f"{path}: none of the frames of `roi=` exists")
            part = slice(int(chosen[0]) * each, (int(chosen[-1]) + 1) * each)
            frame = squeezed(next(iter(blocks.values())).shape)[-2:]
            wanted = (part, *(of_frame(region) or (slice(0, frame[0]), slice(0, frame[1]))))
            counts, missing, whole = hdf5.read_blocks(path, blocks, wanted)
            if each > 1:
                counts, missing = _summed(path, counts, missing, each)
            mask = hdf5.mask_for(path, file, "entry/data/data_000001", (whole[0] // each, *frame), wanted)
            beside, remarks = hdf5.read_beside(path, file, "entry/data/data_000001")
            contents = Contents(
                counts=counts,
                stored=next(iter(blocks.values())).dtype,
                mask=hdf5.with_missing(mask, missing),
                known={},
                beside=beside,
                remarks=(*remarks, *hdf5.unmapped_said(missing)),
                cutoff=nexus.cutoff(file, "entry/data/data_000001") if each == 1 else None,
                region=of_frame(region),
                frame=(frame[0], frame[1]),
            )
        return Frames(contents, chosen if each > 1 else numbers[chosen])

    return read


def _numbers(found: list[Block], present: list[Block]) -> np.ndarray:
    """Number of every frame that exists: files that are missing before others held as many as the first."""
    full, start, numbers = present[0].frames or 1, 0, []
    for block in found:
        if block.frames:
            numbers.append(start + np.arange(block.frames))
        start += block.frames or full
    return np.concatenate(numbers)


def _summed(path: Path, counts: Array, missing: Array | None, several: int) -> tuple[Array, Array | None]:
    """Frames of one point summed, where there is a file of several for each point."""
    note(f"{path.name}: {several} frames of each point were summed")
    shape = (-1, several, *counts.shape[1:])
    lost: Array | None = None if missing is None else np.asarray(missing.reshape(shape).any(axis=1))
    return counts.reshape(shape).sum(axis=1), lost


def _tell(path: Path, file: h5py.File, found: list[Block], present: list[Block]) -> None:
    """Say which frames do not exist."""
    lost = [block for block in found if block not in present]
    count = sum(block.frames or 0 for block in present)
    place = f"{DETECTOR}/detectorSpecific"
    images, triggers = parts.number(file, f"{place}/nimages"), parts.number(file, f"{place}/ntrigger")
    meant = int(images * (triggers or 1)) if images else count
    if lost:
        warn(
            f"{path.name}: {len(lost)} of {len(found)} files of frames do not exist ({lost[0].target}"
            f"{', …' if len(lost) > 1 else ''}); the {count} frames of the others are read"
        )
    elif count < meant:
        warn(f"{path.name}: {count} of {meant} frames exist; those are read")
