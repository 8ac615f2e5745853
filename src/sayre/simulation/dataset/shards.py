"""HDF5 shards of a data set, which are complete if they exist."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import h5py
import numpy as np
from numpy.typing import NDArray

from sayre.data.json_text import to_json
from sayre.errors import InputError, understood
from sayre.files.atomic import replacing
from sayre.files.hdf5.tree import opened
from sayre.files.patterns import hdf5
from sayre.files.safety.apart import tried_apart
from sayre.files.safety.sound import require_sound
from sayre.simulation.dataset.config import DatasetConfig
from sayre.simulation.dataset.patterns import SPLITS, Facts, draw_particle, patterns

PATTERN = "shard-*.h5"
_COMPRESSION = {"compression": "gzip", "compression_opts": 1, "shuffle": True}
_CHUNK = 32


@dataclass(frozen=True, kw_only=True)
class Record:
    """One pattern of a data set.

    Attributes
    ----------
    counts
        Photon counts, float32; 0 where masked.
    mask
        Voxels that are not measured, bool.
    signal
        Expected counts without background, float32.
    amplitude
        Scattered amplitude, complex64; `abs(amplitude)**2` are the expected counts before blur. None where it
        is not stored.
    facts
        What the pattern was made with: particle, reflection, sampling, dose, …
    """

    counts: NDArray[np.float32]
    mask: NDArray[np.bool_]
    signal: NDArray[np.float32]
    amplitude: NDArray[np.complex64] | None
    facts: Facts = field(repr=False)

    @property
    def expectation(self) -> NDArray[np.float32]:
        """Expected counts, background included, float32."""
        return self.signal + np.float32(self.facts["background"])


def shard_path(folder: Path, number: int) -> Path:
    """Return the path of a shard.

    Parameters
    ----------
    folder
        Folder of the data set.
    number
        Number of the shard.
    """
    return folder / f"shard-{number:05d}.h5"


def clear_leftovers(path: Path) -> None:
    """Remove the unfinished files of a shard that a killed run left."""
    for leftover in path.parent.glob(f".{path.name}.*.tmp"):
        leftover.unlink(missing_ok=True)


def is_shard(path: Path) -> bool:
    """Whether a file is a shard of a data set of Sayre."""
    try:
        with _opened(path):
            return True
    except InputError:
        return False


def is_whole(path: Path, count: int) -> bool:
    """Whether a shard can be read and holds a number of patterns.

    Parameters
    ----------
    path
        File of the shard, which is there.
    count
        Patterns that it must hold.
    """
    try:
        with _opened(path) as file:
            return len(file["facts"].asstr()[:]) == count == len(file["counts"])
    except InputError:
        return False


def shard_size(config: DatasetConfig, number: int) -> int:
    """Return how many patterns a shard of a data set holds.

    Parameters
    ----------
    config
        The data set.
    number
        Number of the shard.
    """
    return min(config.shard_size, config.count - number * config.shard_size)


def write_shard(config: DatasetConfig, folder: Path, number: int) -> int:
    """Make and write a shard, whose content its number and the configuration decide.

    Parameters
    ----------
    config
        The data set.
    folder
        Its folder.
    number
        Number of the shard.

    Returns
    -------
    The number of the shard.

    Raises
    ------
    InputError
        As `draw_particle`.
    """
    path = shard_path(folder, number)
    clear_leftovers(path)
    content = hdf5.image(lambda h5: _fill(h5, config, number))
    with replacing(path, force=True) as file:
        file.write(content)
    return number


def _fill(h5: h5py.File, config: DatasetConfig, number: int) -> None:
    """Write the arrays of a shard, the expectation as its square root if it is float16, and `facts`."""
    first = number * config.shard_size
    size = shard_size(config, number)
    shape, chunks = (size, *config.shape), (1, min(_CHUNK, config.shape[0]), *config.shape[1:])
    kinds: dict[str, Any] = {
        "counts": np.float32,
        "mask": np.bool_,
        "expectation": np.dtype(config.precision),
    }
    if config.amplitude:
        kinds["amplitude"] = np.complex64
    arrays = {
        name: h5.create_dataset(name, shape, kind, chunks=chunks, track_times=False, **_COMPRESSION)
        for name, kind in kinds.items()
    }
    root = config.precision == "float16"
    arrays["expectation"].attrs["stored"] = "square root" if root else "itself"
    texts, skipped, row = [], [], 0
    for index in range(
        first // config.patterns_per_particle, -(-(first + size) // config.patterns_per_particle)
    ):
        drawn = draw_particle(config, index)
        skipped += drawn.skipped
        for made, facts in patterns(config, index, drawn):
            signal = np.maximum(made.expectation - np.float32(facts["background"]), 0)
            arrays["counts"][row] = made.pattern.intensity
            arrays["mask"][row] = made.pattern.mask
            arrays["expectation"][row] = np.sqrt(signal) if root else signal
            if config.amplitude:
                arrays["amplitude"][row] = made.amplitude
            texts.append(to_json(facts, sort_keys=True))
            row += 1
    h5.create_dataset("facts", data=texts, dtype=h5py.string_dtype(), track_times=False)
    h5.attrs["skipped"] = to_json(skipped)


def shard_paths(folder: Path) -> list[Path]:
    """List the shards of a data set, in order.

    Raises
    ------
    InputError
        The folder holds none.
    """
    paths = sorted(folder.glob(PATTERN))
    if not paths:
        raise InputError(
            f"{folder}: holds no shards of a data set (shard-00000.h5, …); a folder that `sayre simulate "
            "dataset` made would do"
        )
    return paths


@tried_apart
def facts_of(path: Path) -> list[Facts]:
    """Read what the patterns of a shard were made with."""
    with _opened(path) as file:
        return [json.loads(text) for text in file["facts"].asstr()[:]]


def skipped_of(path: Path) -> list[Facts]:
    """Read the draws of particles that failed, with the reason."""
    with _opened(path) as file:
        skipped: list[Facts] = json.loads(file.attrs["skipped"])
        return skipped


def _record(file: h5py.File, row: int) -> Record:
    return Record(
        counts=file["counts"][row],
        mask=file["mask"][row],
        signal=_signal(file, row),
        amplitude=file["amplitude"][row] if "amplitude" in file else None,
        facts=json.loads(file["facts"].asstr()[row]),
    )


def _signal(file: h5py.File, row: int) -> NDArray[np.float32]:
    """Read the expected counts of a pattern, without background."""
    stored = file["expectation"]
    values: NDArray[np.float32] = stored[row].astype(np.float32)
    return values**2 if stored.attrs["stored"] == "square root" else values


def read(folder: str | Path, *, split: str | None = None) -> Iterator[Record]:
    """Read the patterns of a data set one after the other.

    Parameters
    ----------
    folder
        Folder of the data set.
    split
        Only the patterns of this split: "train", "validation" or "test".

    Raises
    ------
    InputError
        The folder holds no data set, the split is not known, or a file cannot be read.
    """
    paths = shard_paths(Path(folder))
    _known_split(split)
    return _read(paths, split)


def _read(paths: list[Path], split: str | None) -> Iterator[Record]:
    for path in paths:
        wanted = [row for row, f in enumerate(facts_of(path)) if split in (None, f["split"])]
        with _opened(path) as file:
            for row in wanted:
                yield _record(file, row)


def dataset_source(
    folder: str | Path, *, split: str = "train"
) -> Callable[[np.random.Generator], NDArray[np.float32]]:
    """Return a function that draws noise-free patterns of a data set, to train on.

    Splits are by particle: no particle is in two of them.

    Parameters
    ----------
    folder
        Folder of the data set.
    split
        Split to draw from: "train", "validation" or "test".

    Returns
    -------
    A function from a generator to a pattern, float32, without background and with a peak of 1.

    Raises
    ------
    InputError
        The folder holds no data set, the split is not known, or there is no pattern in it.
    """
    _known_split(split)
    places = [
        (path, row)
        for path in shard_paths(Path(folder))
        for row, facts in enumerate(facts_of(path))
        if facts["split"] == split
    ]
    if not places:
        raise InputError(f"{folder}: no pattern is in the split {split!r}; more particles would do")

    def source(generator: np.random.Generator) -> NDArray[np.float32]:
        path, row = places[int(generator.integers(len(places)))]
        with _opened(path) as file:
            signal = _signal(file, row)
        return np.asarray(signal / signal.max())

    return source


def _known_split(split: str | None) -> None:
    if split not in (None, *SPLITS):
        raise InputError(f"split: {split!r} is not known; it must be one of {', '.join(SPLITS)}")


@contextlib.contextmanager
def _opened(path: Path) -> Iterator[h5py.File]:
    """Open a shard and check that it is one."""
    with understood(path), opened(path) as file:
        missing = [name for name in ("counts", "mask", "expectation", "facts") if name not in file]
        if missing:
            raise InputError(
                f"{path}: is not a shard of a data set, because {missing[0]} is missing; remove it and run "
                "`sayre simulate dataset` again"
            )
        for name in ("counts", "mask", "expectation", "amplitude"):
            if name in file:
                _require_stack(path, file[name])
        require_sound(file["facts"], path)
        yield file


def _require_stack(path: Path, dataset: Any) -> None:
    """Refuse what is no stack of numbers that can be read."""
    if not isinstance(dataset, h5py.Dataset) or dataset.ndim < 3 or dataset.dtype.kind not in "bifuc":
        raise InputError(f"{path}: {dataset.name} holds no patterns; remove the file, and it is made again")
    require_sound(dataset, path, values=dataset.size // max(len(dataset), 1))
