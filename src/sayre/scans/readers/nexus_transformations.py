"""Any NeXus file whose detector and sample state their NXtransformations, those of Diamond I16 among them.

Layout, by the NeXus definitions NXdetector, NXdetector_module and NXtransformations (and cdiutils,
`io/i16.py`, for I16): pixel (i, j) of a detector is at `slow_pixel_direction` × i + `fast_pixel_direction` ×
j, which depend on `module_offset` and that on the arm; `sample/depends_on` leads to the circles of the
sample. Frames are `data` of the detector, or TIFF files that `image_data` names. I16 writes the incident
energy in keV without a unit.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import h5py
import numpy as np
from scipy.constants import c, e, h
from scipy.spatial.transform import Rotation

from sayre.crystal.stated import StatedGeometry
from sayre.errors import InputError
from sayre.files.hdf5 import nexus
from sayre.files.hdf5.tree import opened
from sayre.files.patterns import tiff
from sayre.files.patterns.contents import Contents
from sayre.files.safety import sound
from sayre.files.safety.within import require_frames, require_within
from sayre.scans.layouts import hdf5_parts as parts
from sayre.scans.layouts import transformations as chains
from sayre.scans.layouts.circles import named
from sayre.scans.layouts.spec import step_of
from sayre.scans.layouts.transformations import Vector
from sayre.scans.layouts.units import UNITS, with_value
from sayre.scans.protocol import Entry, Frames, Motor, RawScan, Stance, Values, facts

STILL = 1e-3
"""Degrees by which the arm may move while the sample is rocked, and the axis of the sample may wander."""
_ENERGIES = (
    "sample/beam/incident_energy",
    "instrument/beam/incident_energy",
    "instrument/monochromator/energy",
)
_WAVELENGTHS = ("sample/beam/incident_wavelength", "instrument/beam/incident_wavelength")


class Screen(NamedTuple):
    """A flat detector: its first pixel, and what a row and a column more add, m, in the laboratory."""

    origin: Vector
    row: Vector
    column: Vector


class Transformations:
    """Reader of NeXus files with NXtransformations."""

    name = "NeXus"

    def detects(self, path: Path) -> bool:
        """Whether an entry of an HDF5 file has a detector that depends on transformations."""
        with parts.looked_into(path) as file:
            return file is not None and any(_detectors(file, entry) for entry in _entries(file))

    def entries(self, path: Path) -> list[Entry]:
        """List the entries of a file.

        Parameters
        ----------
        path
            A NeXus file.
        """
        with opened(path) as file:
            found = [name for name in _entries(file) if _detectors(file, name)]
            return [
                Entry(str(number), parts.text(file, f"{name}/scan_command"), tuple(_detectors(file, name)))
                for number, name in enumerate(found, 1)
            ]

    def open(self, path: Path, number: str, *, detector: str | None, frames: Path | None) -> RawScan:
        """Describe an entry; see `sayre.scans.protocol.Reader`.

        Parameters
        ----------
        path, number, detector, frames
            As the protocol has them.
        """
        what = f"{path}::{number}"
        with opened(path) as file:
            entry = [name for name in _entries(file) if _detectors(file, name)][int(number) - 1]
            name = parts.only_detector(list(_detectors(file, entry)), detector, what)
            group = f"/{entry}/instrument/{name}"
            files, read, count = _frames(path, file, group, frames, what)
            screen = _screen(file, group, count, what)
            title = parts.text(file, f"{entry}/scan_command") or parts.text(file, f"{entry}/title")
            moved, motors = _sample(file, entry, count, what)
            middle = chains.turned(chains.chain_of(file, f"/{entry}/sample", what), count // 2).as_rotvec()
            turn = float(np.degrees(np.linalg.norm(middle)))
            stance = [Stance(named(middle), turn, "of the sample, as one turn")] if turn else []
            stated, beam = _placed(screen)
            return RawScan(
                number=number,
                title=title,
                layout=f"{self.name}, {parts.text(file, f'{entry}/instrument/name') or entry}",
                detector=name,
                dataset=group,
                files=files,
                geometry=_energy(file, entry, stated),
                moved=moved,
                motors=motors,
                counters=_counters(file, entry, count),
                monitor=None,
                step=step_of(title),
                sample=stance,
                beam=beam,
                read=read,
            )


READER = Transformations()


def _entries(file: h5py.File) -> list[str]:
    return [name for name in file if isinstance(nexus.child(file, f"{name}/instrument"), h5py.Group)]


def _detectors(file: h5py.File, entry: str) -> dict[str, None]:
    """Detectors that state a module or what they depend on, and frames."""
    found = dict[str, None]()
    for name in nexus.members(file, f"{entry}/instrument"):
        group = nexus.child(file, f"{entry}/instrument/{name}")
        if not isinstance(group, h5py.Group) or nexus.text(group.attrs.get("NX_class", "")) != "NXdetector":
            continue
        placed = _module(group) is not None and (parts.text(group, "depends_on") or _module(group))
        if placed and {"data", "image_data"} & set(group):  # broken links too
            found[name] = None
    return found


def _module(group: h5py.Group) -> str | None:
    """Name of the group that states the directions of the pixels."""
    for name in group:
        if nexus.dataset_at(group, f"{name}/fast_pixel_direction") is not None:
            return str(name)
    return None


def _frames(
    path: Path, file: h5py.File, group: str, folder: Path | None, what: str
) -> tuple[list[Path], Callable[[], Frames], int]:
    """Files of the frames, what reads them, and how many there are."""
    dataset = nexus.dataset_at(file, f"{group}/data")
    count = 0 if dataset is None else parts.frames_in(tuple(dataset.shape))
    if count:
        return (
            parts.linked_files(path, file, f"{group}/data"),
            parts.frames_reader(path, f"{group}/data"),
            count,
        )
    names = nexus.dataset_at(file, f"{group}/image_data")
    if names is not None and names.size:
        texts = [nexus.text(value) for value in np.ravel(sound.value(names))]
        files = [
            (folder or path.parent) / text if folder is None else folder / Path(text).name for text in texts
        ]
        for file in dict.fromkeys(file.parent for file in files if folder is None):
            require_within(path, file, f"{group}/image_data")
        require_frames(files)
        return [path, *files], lambda: _images(files, what), len(files)
    lost = parts.lost_links(nexus.child(file, group)).get("data")
    if lost is not None:
        raise InputError(f"{what}: the frames are in {lost}, which is missing; put it there")
    raise InputError(f"{what}: {group} holds no stack of frames")


def _images(files: list[Path], what: str) -> Frames:
    present = [(number, file) for number, file in enumerate(files) if file.is_file()]
    if not present:
        raise InputError(f"{what}: none of its {len(files)} frames is there ({files[0]}, …); `frames=`")
    counts = np.stack([tiff.read(file).counts for _, file in present])
    points = np.array([number for number, _ in present], np.int64)
    return Frames(Contents(counts=counts, stored=counts.dtype), points)


def _screen(file: h5py.File, group: str, count: int, what: str) -> Screen:
    """Where the pixels of a detector are; the arm must stand still."""
    module = _module(nexus.child(file, group))
    directions, origin, still = [], np.zeros(3), None
    for key in ("slow_pixel_direction", "fast_pixel_direction"):
        place = f"{group}/{module}/{key}"
        dataset, size = file[place], parts.number(file, place)
        vector = np.asarray(dataset.attrs.get("vector", ()), np.float64).ravel()
        factor = UNITS.get(parts.unit(file, place).lower() or "m")
        if size is None or vector.shape != (3,) or factor is None:
            raise InputError(f"{what}: {place} states no size and direction of a pixel")
        steps = chains.chain_of(file, place, what)
        still = [chains.turned(steps, frame) for frame in (0, count - 1)]
        directions.append(still[0].apply(vector / np.linalg.norm(vector) * size * factor))
        origin = chains.moved(steps, np.zeros(3))
        if np.degrees((still[1] * still[0].inv()).magnitude()) > STILL:
            raise InputError(f"{what}: the detector moved while the sample was rocked; it must stand still")
    return Screen(origin, directions[0], directions[1])


def _placed(screen: Screen) -> tuple[StatedGeometry, tuple[float, float, str]]:
    """Arm, distance and pixels of a screen, and the pixel that is nearest to the crystal."""
    sizes = np.array([np.linalg.norm(screen.row), np.linalg.norm(screen.column)])
    column = screen.column / sizes[1]
    row = screen.row - (screen.row @ column) * column  # directions are stated to a few digits
    row /= np.linalg.norm(row)
    normal = np.cross(column, row)
    distance = float(normal @ screen.origin)
    if distance < 0:
        normal, distance = -normal, -distance
    foot = distance * normal - screen.origin
    axis = np.cross([0.0, 0.0, 1.0], normal)
    angle = float(np.degrees(np.arctan2(np.linalg.norm(axis), normal[2])))
    axis = axis / np.linalg.norm(axis) if np.linalg.norm(axis) > 1e-12 else np.array([1.0, 0.0, 0.0])
    back = Rotation.from_rotvec(np.radians(angle) * axis).inv()
    source = "NXtransformations of the detector"
    stated = facts(
        detector=(((named(axis), angle),), source),
        row=(named(back.apply(row)), source),
        column=(named(back.apply(column)), source),
        distance=(distance, source),
    )
    stated = with_value(stated, "pixel_size", sizes, "m", "pixel directions of the detector", usual="m")
    return stated, (
        float(foot @ row / sizes[0]),
        float(foot @ column / sizes[1]),
        "pixel nearest to the crystal",
    )


def _sample(
    file: h5py.File, entry: str, count: int, what: str
) -> tuple[list[Motor] | None, dict[str, float]]:
    """How the sample was turned: about one axis, whatever circles moved; None where nothing tells."""
    steps = [step for step in chains.chain_of(file, f"/{entry}/sample", what) if step.rotation]
    motors = {step.place.rpartition("/")[2]: float(step.values[0]) for step in steps}
    energy = _scanned_energy(file, entry, count)
    if energy is not None:
        return [Motor("energy", energy, None, "keV")], motors
    if not steps:
        return None, motors
    turning = [step for step in steps if step.values.size > 1 and np.ptp(step.values) > 1e-6]
    if any(step.values.size not in (1, count) for step in steps):
        raise InputError(f"{what}: {steps[0].place} has {steps[0].values.size} angles for {count} frames")
    if not turning:
        return [], motors
    first = chains.turned(steps, 0)
    turns = [(chains.turned(steps, frame) * first.inv()).as_rotvec() for frame in range(count)]
    vectors = np.degrees(np.stack(turns))
    axis = vectors[np.argmax(np.linalg.norm(vectors, axis=1))]
    axis = axis / np.linalg.norm(axis)
    angles = vectors @ axis
    if np.abs(vectors - angles[:, None] * axis).max() > max(STILL, 0.02 * float(np.ptp(angles)) / count):
        names = ", ".join(step.place.rpartition("/")[2] for step in turning)
        raise InputError(f"{what}: {names} moved such that the sample turned about no one axis")
    start = float(turning[0].values[0])
    if float(np.sum(axis * chains.turned(steps[steps.index(turning[0]) + 1 :]).apply(turning[0].vector))) < 0:
        axis, angles = -axis, -angles
    name = " and ".join(step.place.rpartition("/")[2] for step in turning)
    return [Motor(name, angles + (start if len(turning) == 1 else 0.0), named(axis))], motors


def _scanned_energy(file: h5py.File, entry: str, count: int) -> Values | None:
    for place in _ENERGIES:
        values = parts.numbers(file, f"{entry}/{place}")
        if values is not None and values.size == count > 1 and np.ptp(values) > 1e-4 * values.max():
            return values
    return None


def _energy(file: h5py.File, entry: str, stated: StatedGeometry) -> StatedGeometry:
    for place in _ENERGIES:
        values = parts.numbers(file, f"{entry}/{place}")
        value = None if values is None else float(values.mean())
        unit = parts.unit(file, f"{entry}/{place}")
        usual = "keV" if value is not None and value < 1000 else "eV"
        stated = with_value(stated, "energy", value, unit, place.rpartition("/")[2], usual=usual)
    for place in _WAVELENGTHS:
        value = parts.number(file, f"{entry}/{place}")
        factor = UNITS.get((parts.unit(file, f"{entry}/{place}") or "angstrom").lower())
        if value and factor:
            energy = h * c / (value * factor * e)
            stated = with_value(stated, "energy", energy, "eV", place.rpartition("/")[2], usual="eV")
    return stated


def _counters(file: h5py.File, entry: str, count: int) -> dict[str, Values]:
    found: dict[str, Any] = {}
    for place in ("measurement", "data"):
        group = nexus.child(file, f"{entry}/{place}")
        for name in group if isinstance(group, h5py.Group) else ():
            values = parts.numbers(group, name)
            if values is not None and values.size == count > 1:
                found.setdefault(name, values)
    return found
