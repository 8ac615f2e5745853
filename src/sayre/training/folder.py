"""The folder of a training run: what it holds already is neither overwritten nor mixed with another run."""

from __future__ import annotations

import json
import warnings
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import torch

from sayre.errors import InputError, SayreWarning
from sayre.training.config import Training

CONFIG, CHECKPOINT, CURVES, WEIGHTS = "config.json", "last.ckpt", "metrics.csv", "weights.safetensors"
_FILES = (CONFIG, CHECKPOINT, CURVES, WEIGHTS)
_HOW = ("workers", "threads", "devices")
"""Settings that decide how fast a run is, not what it learns."""


def check_folder(config: Training, folder: Path, *, resume: Path | None = None, force: bool = False) -> None:
    """Refuse, before any work, a folder whose run would be lost, and a checkpoint that cannot be resumed.

    Parameters
    ----------
    config
        Of the run that is to be written to `folder`.
    folder
        Need not exist. A run that stopped before its first checkpoint is not a run to lose.
    resume
        Checkpoint that the run continues from; where it lies in `folder`, what else is there is its own.
    force
        Let another run in `folder` be replaced, see `clear`.

    Raises
    ------
    InputError
        `folder` is a file or holds a run; `resume` is no checkpoint of a training run.

    Warns
    -----
    SayreWarning
        The run of `resume` began with other settings.
    """
    if folder.exists() and not folder.is_dir():
        raise InputError(f"{folder}: is not a folder; choose another")
    if resume is not None:
        read_checkpoint(resume)
        _warn_of_changes(config, resume)
    if force or (resume is not None and resume.parent.resolve() == folder.resolve()):
        return
    held = [name for name in _FILES if (folder / name).exists()]
    same = CONFIG in held and _stored(folder / CONFIG) == _dumped(config)
    if not held or (held == [CONFIG] and same):
        return
    other = "" if same else ", of another configuration"
    if WEIGHTS in held:
        raise InputError(
            f"{folder}: holds a finished run{other}; choose another folder, or --force to replace it"
        )
    if CHECKPOINT in held and same:
        raise InputError(
            f"{folder}: holds an unfinished run; --resume {folder / CHECKPOINT} continues it, "
            "--force replaces it"
        )
    raise InputError(
        f"{folder}: holds {', '.join(held)} of another run; choose another folder, or --force to replace it"
    )


def clear(folder: Path, *, resume: Path | None = None) -> None:
    """Remove the run in `folder`, unless `resume` is its checkpoint."""
    if resume is None or resume.parent.resolve() != folder.resolve():
        for name in _FILES:
            (folder / name).unlink(missing_ok=True)


def read_checkpoint(path: Path) -> Mapping[str, Any]:
    """A checkpoint of training.

    Raises
    ------
    InputError
        No file, or not a checkpoint.
    """
    if not path.is_file():
        raise InputError(f"{path}: no such checkpoint; the folder of the run has {CHECKPOINT}")
    try:
        found = torch.load(path, map_location="cpu", weights_only=True, mmap=True)
    except Exception:  # torch raises many kinds
        found = None
    if not isinstance(found, dict) or not {"state_dict", "global_step"} <= set(found):
        raise InputError(f"{path}: is not a checkpoint of training; {CHECKPOINT} of a run's folder would do")
    return found


def check_network(network: torch.nn.Module, resume: Path) -> None:
    """Refuse a checkpoint of a network of other tensors.

    Parameters
    ----------
    network
        What is to be trained, as Lightning saves it.
    resume
        The checkpoint.

    Raises
    ------
    InputError
        Names or shapes of tensors differ.
    """
    ours, theirs = (
        {name: tuple(tensor.shape) for name, tensor in state.items()}
        for state in (network.state_dict(), read_checkpoint(resume)["state_dict"])
    )
    if ours != theirs:
        raise InputError(
            f"{resume}: is of another network than the configuration describes; resume with that of "
            f"{resume.parent / CONFIG}"
        )


def _warn_of_changes(config: Training, resume: Path) -> None:
    before = _stored(resume.parent / CONFIG)
    if before is None:
        return
    old, new = dict(_flat(before)), dict(_flat(_dumped(config)))
    changed = [
        f"{name} {old.get(name)} is now {new.get(name)}"
        for name in sorted(old.keys() | new.keys())
        if old.get(name) != new.get(name) and name not in _HOW
    ]
    if changed:
        warnings.warn(
            f"{resume}: the run began with other settings: {', '.join(changed)}", SayreWarning, stacklevel=4
        )


def _flat(values: Any, name: str = "") -> Iterator[tuple[str, Any]]:
    if isinstance(values, dict):
        for key, value in values.items():
            yield from _flat(value, f"{name}.{key}" if name else key)
    else:
        yield name, values


def _stored(path: Path) -> Any:
    try:
        return json.loads(path.read_text())
    except (OSError, ValueError):
        return None


def _dumped(config: Training) -> Any:
    return json.loads(config.model_dump_json())
