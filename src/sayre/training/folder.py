"""The folder of a training run, where no other run is overwritten or mixed in."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import torch

from sayre.errors import InputError, warn
from sayre.training.config import Training

CONFIG, CHECKPOINT, CURVES, WEIGHTS = "config.json", "last.ckpt", "metrics.csv", "weights.safetensors"
_FILES = (CONFIG, CHECKPOINT, CURVES, WEIGHTS)
_MARK = {"batch", "steps", "seed", "precision"}
"""Settings by which a configuration of a training is known."""
_SPEED = ("workers", "threads", "devices")
"""Settings that change how fast a run is, but not its result."""


def check_folder(config: Training, folder: Path, *, resume: Path | None = None, force: bool = False) -> None:
    """Refuse, before any work, a folder that holds another run, and a checkpoint that cannot be resumed.

    Parameters
    ----------
    config
        Configuration of the run that is to be written to `folder`.
    folder
        Folder of the run, which need not exist. A run in it that was stopped before its first checkpoint is
        replaced.
    resume
        Checkpoint that the run continues from; if it is in `folder`, the run there is the one that continues.
    force
        Whether another run in `folder` is replaced, see `clear`.

    Raises
    ------
    InputError
        `folder` is a file or holds another run, or with `force` files that no run
        wrote; `resume` is no checkpoint of a training run.

    Warns
    -----
    SayreWarning
        The run of `resume` began with other settings.
    """
    if folder.exists() and not folder.is_dir():
        raise InputError(f"{folder}: is not a folder; choose another path")
    if resume is not None:
        read_checkpoint(resume)
        _warn_of_changes(config, resume)
    held = [name for name in _FILES if (folder / name).exists()]
    if resume is not None and resume.parent.resolve() == folder.resolve():
        return
    if force:
        _require_own(folder, held)
        return
    same = CONFIG in held and _stored(folder / CONFIG) == _dumped(config)
    if not held or (same and not {CHECKPOINT, WEIGHTS} & set(held)):
        return
    other = "" if same else " of another configuration"
    if WEIGHTS in held:
        raise InputError(
            f"{folder}: holds a finished run{other}; choose another folder, or replace the run with "
            "`force=True`"
        )
    if CHECKPOINT in held and same:
        raise InputError(
            f"{folder}: holds an unfinished run; continue it with `resume={folder / CHECKPOINT}`, or "
            "replace it with `force=True`"
        )
    raise InputError(
        f"{folder}: holds {', '.join(held)} of another run; choose another folder, or replace that run with "
        "`force=True`"
    )


def _require_own(folder: Path, held: list[str]) -> None:
    """Refuse to replace files that have the names of a run's, but are none."""
    stored = _stored(folder / CONFIG)
    if held and not (isinstance(stored, dict) and set(stored) >= _MARK):
        raise InputError(
            f"{folder}: holds {', '.join(held)} of no training of Sayre; move them, or choose another folder"
        )


def clear(folder: Path, *, resume: Path | None = None) -> None:
    """Remove the run in a folder, unless it is the one that is resumed.

    Parameters
    ----------
    folder
        Folder of the run.
    resume
        Checkpoint of the run that is resumed.
    """
    if resume is None or resume.parent.resolve() != folder.resolve():
        for name in reversed(_FILES):  # the configuration last, by which the others are known
            (folder / name).unlink(missing_ok=True)


def read_checkpoint(path: Path) -> Mapping[str, Any]:
    """Read a checkpoint of a training run.

    Raises
    ------
    InputError
        The file does not exist, or is no checkpoint.
    """
    if not path.is_file():
        raise InputError(f"{path}: there is no such checkpoint; {CHECKPOINT} in the folder of a run would do")
    try:
        stored = torch.load(path, map_location="cpu", weights_only=True, mmap=True)
    except Exception:  # torch raises many kinds
        stored = None
    if not isinstance(stored, dict) or not {"state_dict", "global_step"} <= set(stored):
        raise InputError(
            f"{path}: is not a checkpoint of training; {CHECKPOINT} in the folder of a run would do"
        )
    return stored


def check_network(network: torch.nn.Module, resume: Path) -> None:
    """Refuse a checkpoint of another network.

    Parameters
    ----------
    network
        The module that is to be trained.
    resume
        The checkpoint.

    Raises
    ------
    InputError
        Names or shapes of the tensors differ.
    """
    wanted, stored = (
        {name: tuple(tensor.shape) for name, tensor in state.items()}
        for state in (network.state_dict(), read_checkpoint(resume)["state_dict"])
    )
    if wanted != stored:
        raise InputError(
            f"{resume}: is a checkpoint of another network than the configuration describes; resume it with "
            f"the configuration of {resume.parent / CONFIG}"
        )


def _warn_of_changes(config: Training, resume: Path) -> None:
    """Warn of settings that are not those of the run that is resumed."""
    before = _stored(resume.parent / CONFIG)
    if before is None:
        return
    old, new = dict(_flat(before)), dict(_flat(_dumped(config)))
    changed = [
        f"{name} {old.get(name)} is now {new.get(name)}"
        for name in sorted(old.keys() | new.keys())
        if old.get(name) != new.get(name) and name not in _SPEED
    ]
    if changed:
        warn(
            f"{resume}: the run began with other settings ({', '.join(changed)}); those of "
            f"{resume.parent / CONFIG} continue it unchanged"
        )


def _flat(values: Any, name: str = "") -> Iterator[tuple[str, Any]]:
    """Yield the values of nested tables by their dotted names."""
    if isinstance(values, dict):
        for key, value in values.items():
            yield from _flat(value, f"{name}.{key}" if name else key)
    else:
        yield name, values


def _stored(path: Path) -> Any:
    """Read a configuration; None where there is none."""
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None


def _dumped(config: Training) -> Any:
    """Return a configuration as it is read back from its file."""
    return json.loads(config.model_dump_json())
