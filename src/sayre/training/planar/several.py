"""Several trainings of 2D networks, at a time where that is asked for; finished ones are kept in a folder."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import wait
from functools import lru_cache
from pathlib import Path
from typing import TypeVar

import numpy as np
import torch
from safetensors.torch import load_file, save
from torch import Tensor, nn

from sayre.errors import InputError
from sayre.files.atomic import replacing
from sayre.filling.planar import scaled
from sayre.numerics.device import find_device
from sayre.numerics.progress import Advance
from sayre.simulation.planar import draw_patterns
from sayre.simulation.processes import workers
from sayre.training.planar.train import PlanarTraining, make_network, train

T = TypeVar("T")


def train_all(
    configs: Sequence[PlanarTraining],
    folder: Path,
    *,
    device: str = "auto",
    processes: int = 1,
    until: float | None = None,
    progress: Advance | None = None,
    meanwhile: Callable[[], T],
) -> T:
    """Train the networks that are not in a folder yet, in their order.

    Parameters
    ----------
    configs
        The trainings; all of one set of patterns.
    folder
        Where weights and checkpoints are kept.
    device
        `auto`, `cpu` or `cuda`.
    processes
        Trainings at a time; small networks do not fill a GPU.
    until
        Reading of `time.monotonic()` from which on training stops.
    progress
        Called with the fraction done.
    meanwhile
        Called after the trainings have begun, where they are done by other processes.

    Returns
    -------
    What `meanwhile` returns.
    """
    folder.mkdir(parents=True, exist_ok=True)
    missing = [config for config in configs if not _weights(folder, config).exists()]
    if not missing:
        return meanwhile()
    data = _patterns(folder, missing[0])
    done = 0

    def tell(fraction: float, note: str = "") -> None:
        if progress:
            progress((done + fraction) / len(missing))

    if min(processes, len(missing)) == 1:
        for config in missing:
            _train_one(config, folder, data, device, until, tell)
            done += 1
        return meanwhile()
    with workers(min(processes, len(missing))) as submit:
        waiting = {submit(_train_one, config, folder, data, device, until) for config in missing}
        result = meanwhile()
        while waiting:
            finished, waiting = wait(waiting, timeout=5)
            for future in finished:
                future.result()
            done = len(missing) - len(waiting)
            tell(0.0)
    return result


def load_trained(config: PlanarTraining, folder: Path, device: str = "auto") -> nn.Module | None:
    """Return a trained network, or None where it is not in the folder.

    Parameters
    ----------
    config
        Its training.
    folder
        Where it is kept.
    device
        `auto`, `cpu` or `cuda`.

    Raises
    ------
    InputError
        The file of its weights is damaged.
    """
    path = _weights(folder, config)
    if not path.exists():
        return None
    network = make_network(config)
    try:
        network.load_state_dict(load_file(path))
    except Exception as error:  # safetensors and torch raise many kinds
        raise InputError(f"{path}: cannot be read ({error}); delete it, and it is trained again") from None
    return network.to(find_device(device)).eval()


def _train_one(
    config: PlanarTraining,
    folder: Path,
    data: Path,
    device: str,
    until: float | None,
    progress: Advance | None = None,
) -> None:
    """Train a network and keep its weights."""
    network = train(
        config,
        _on_device(data, device),
        checkpoint=folder / f"{config.name}.ckpt",
        progress=progress,
        until=until,
    )
    if network is None:
        return
    state = {name: tensor.detach().cpu().contiguous() for name, tensor in network.state_dict().items()}
    with replacing(_weights(folder, config), force=True) as file:
        file.write(save(state, metadata={"config": config.model_dump_json()}))


@lru_cache(maxsize=1)
def _on_device(data: Path, device: str) -> Tensor:
    return torch.from_numpy(np.load(data)).to(find_device(device))


def _patterns(folder: Path, config: PlanarTraining) -> Path:
    """Draw the patterns of a training, unless they are there, and return their file."""
    like = PlanarTraining(patterns=config.patterns, data_seed=config.data_seed, population=config.population)
    path = folder / f"patterns-{like.name.rpartition('-')[2]}.npy"
    if not path.exists():
        drawn = draw_patterns(config.population, config.patterns, config.data_seed)
        with replacing(path, force=True) as file:
            np.save(file, scaled(drawn.counts))
    return path


def _weights(folder: Path, config: PlanarTraining) -> Path:
    return folder / f"{config.name}.safetensors"
