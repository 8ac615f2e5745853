"""What is in an HDF5 file: its datasets, the links that lead nowhere, and which datasets are counts."""

from __future__ import annotations

import contextlib
import difflib
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import h5py
import hdf5plugin  # noqa: F401  (registers the filters of detector files)

from sayre.errors import InputError, warn
from sayre.files.hdf5 import nexus
from sayre.files.patterns.companions import kind_of
from sayre.files.patterns.contents import may_be_counts
from sayre.files.patterns.region import squeezed
from sayre.files.safety.heaps import require_heaps
from sayre.files.safety.within import looked_into

Datasets = dict[str, h5py.Dataset]
Member = tuple[str, h5py.Group]

_BLOCK = re.compile(r"data_\d+")
_SENSORS = "scan_data"
"""Group in which SOLEIL has every sensor of a scan by a number."""
_MATRIX = 4
"""Numbers a side of the largest square that is taken for a matrix; frames have less by one at least."""


@contextlib.contextmanager
def opened(path: Path) -> Iterator[h5py.File]:
    """Open for reading, without a lock (beamline folders are often read-only)."""
    require_heaps(path)
    try:
        file = h5py.File(path, "r", locking=False)
    except OSError as error:
        raise InputError(f"{path}: not an HDF5 file, or cut short ({one_line(error)})") from error
    with file, looked_into(path):
        yield file


def walk(file: h5py.File) -> tuple[Datasets, list[str]]:
    """Every dataset once, by its own path rather than a soft link's, and the paths of broken links."""
    datasets: Datasets = {}
    broken: list[str] = []
    seen: set[Any] = {file["/"]}
    own, links = _members("", file["/"])
    while own or links:
        place, parent = (own or links).pop(0)
        try:
            item = parent[last(place)]
        except (KeyError, OSError):
            broken.append(place)
            continue
        if item in seen:
            continue
        seen.add(item)
        if isinstance(item, h5py.Group):
            inner, inner_links = _members(place, item)
            own, links = own + inner, links + inner_links
        elif isinstance(item, h5py.Dataset):
            datasets[place] = item
    return datasets, broken


def _members(place: str, group: h5py.Group) -> tuple[list[Member], list[Member]]:
    """What is in the group at `place`: what it holds itself, and its soft and external links."""
    own, links = list[Member](), list[Member]()
    for name in group:
        hard = isinstance(group.get(name, getlink=True), h5py.HardLink)
        (own if hard else links).append((f"{place}/{name}", group))
    return own, links


def named(path: Path, file: h5py.File, inside: str) -> h5py.Dataset:
    """The dataset at a path inside the file; for an NXdata group, its signal.

    Parameters
    ----------
    path
        Name of the file, for messages.
    file
        The file, open.
    inside
        Path of a dataset, or of an NXdata group.
    """
    try:
        item = file[inside]
    except (KeyError, OSError, ValueError) as error:
        datasets, broken = walk(file)
        if "/" + inside.strip("/") in broken:
            raise InputError(
                f"{path}::{inside}: a link whose target is missing; copy the linked file too"
            ) from error
        close = difflib.get_close_matches("/" + inside.strip("/"), datasets, n=3, cutoff=0.4)
        close = close or list(datasets)[:6]
        raise InputError(f"{path}: no dataset {inside}; there is {', '.join(close) or 'none'}") from error
    if isinstance(item, h5py.Group):
        signal = nexus.signal(item)
        if signal is None:
            raise InputError(
                f"{path}::{inside}: a group of {', '.join(list(item)[:6]) or 'nothing'}; name a dataset"
            )
        return signal
    if not isinstance(item, h5py.Dataset):
        raise InputError(f"{path}::{inside}: a named datatype; name a dataset")
    return item


def find_counts(path: Path, file: h5py.File) -> Datasets:
    """The dataset of the counts by its path, or the several that hold the frames of one scan.

    Three axes go before two, whatever the file's default plot is; matrices are no counts.

    Parameters
    ----------
    path
        Name of the file, for messages.
    file
        The file, open.
    """
    datasets, broken = walk(file)
    shown = nexus.default(file)
    numeric = {p: d for p, d in datasets.items() if d.shape and d.dtype.kind in "uifc" and may_be_counts(p)}
    for ndim in (3, 2):
        found = {
            place: dataset
            for place, dataset in numeric.items()
            if len(squeezed(dataset.shape)) == ndim and (dataset == shown or not _matrix(dataset.shape))
        }
        if len(found) > 1:
            found = {p: d for p, d in found.items() if kind_of(p) is None}
        frames = _blocks(path, found, datasets, broken)
        if ndim == 2 and found and broken:
            raise InputError(
                f"{path}: {broken[0]} is a link whose target is missing, and nothing that is there has three "
                f"axes; copy the linked files too, or name one as {path.name}::{next(iter(found))}"
            )
        chosen = frames or (found if len(found) == 1 else _default(file, found))
        if chosen:
            lost = [place for place in broken if may_be_counts(place)]
            if lost and not frames:
                read = next(iter(chosen))
                warn(f"{path.name}: {read} is read; the target of the link {lost[0]} is missing")
            return chosen
        if found:
            raise ambiguous(path, found, "the counts")
    if broken:
        raise InputError(f"{path}: {broken[0]} is a link whose target is missing; copy the linked files too")
    shapes = ", ".join(f"{p} {d.shape}" for p, d in list(datasets.items())[:6]) or "no datasets"
    raise InputError(f"{path}: no 2D or 3D numbers, found {shapes}")


def _matrix(shape: tuple[int, ...]) -> bool:
    """Whether an array is one of matrices or of lists of numbers rather than of frames."""
    sides = squeezed(shape)[-2:]
    return min(sides) < _MATRIX - 1 or (sides[0] == sides[1] and sides[0] <= _MATRIX)


def _default(file: h5py.File, found: Datasets) -> Datasets:
    """The one of several that the default plot of the file shows, or that is marked as the signal."""
    default = nexus.default(file)
    if default is not None:
        shown = {place: dataset for place, dataset in found.items() if dataset == default}
        if shown:
            return shown
    marked = {place: dataset for place, dataset in found.items() if _marked(dataset)}
    return marked if len(marked) == 1 else {}


def _marked(dataset: h5py.Dataset) -> bool:
    """Whether a dataset has the attribute `signal=1`, as NeXus marked the counts before 2014."""
    value = dataset.attrs.get("signal", "")
    return (nexus.text(value) or str(value)) == "1"


def _blocks(path: Path, found: Datasets, datasets: Datasets, broken: list[str]) -> Datasets:
    """`found` in order if they are the blocks of one scan, all of them readable.

    They are in one group and numbered 1, 2, 3, … (or from 0). Other numbers are those of several detectors,
    as SOLEIL has them, and so are those of a group that has other sensors by such names.
    """
    if not found or not all(_BLOCK.fullmatch(last(place)) for place in found):
        return {}
    lost = [place for place in broken if _BLOCK.fullmatch(last(place))]
    numbers = sorted(int(last(place).partition("_")[2]) for place in (*found, *lost))
    groups = {place.rpartition("/")[0] for place in (*found, *lost)}
    alike = {p for p in datasets if _BLOCK.fullmatch(last(p)) and p.rpartition("/")[0] in groups}
    if len(groups) > 1 or numbers[0] > 1 or numbers != list(range(numbers[0], numbers[0] + len(numbers))):
        return {}
    if alike - set(found) or last(next(iter(groups))) == _SENSORS:
        return {}
    if lost:
        raise InputError(f"{path}: {lost[0]} is a link whose target is missing; copy the data files too")
    return dict(sorted(found.items(), key=lambda item: int(last(item[0]).partition("_")[2])))


def ambiguous(path: Path, found: Datasets, what: str) -> InputError:
    """The error of several datasets that could be meant, with their names.

    Parameters
    ----------
    path
        Of the file.
    found
        The candidates.
    what
        What is looked for.
    """
    shown = ", ".join(f"{p} {'×'.join(map(str, d.shape))}" for p, d in list(found.items())[:6])
    more = ", …" if len(found) > 6 else ""
    return InputError(
        f"{path}: {len(found)} datasets could be {what}: {shown}{more}; "
        f"name one as {path.name}::/path/to/dataset"
    )


def last(place: str) -> str:
    """Name at the end of a path."""
    return place.rsplit("/", 1)[-1]


def one_line(error: Exception) -> str:
    """Text of an error without line breaks."""
    return " ".join(str(error).split())
