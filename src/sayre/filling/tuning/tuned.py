"""What fine-tuning found: the network to fill with, its errors before and after, and its file."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from sayre.filling.network.predictor import Predictor, located
from sayre.networks import registry

SURE = 2.0
"""Standard errors by which the held-back error must fall for new weights to be used."""
_RECORD = "::record "
_NUMBERS = (
    "improved",
    "before",
    "after",
    "uncertainty",
    "voxels",
    "trained_on",
    "gain",
    "widened",
    "best",
    "steps",
    "checks",
    "seconds",
)


@dataclass(frozen=True, kw_only=True)
class Tuned:
    """A network that was fine-tuned, or the one given where that did not help.

    Attributes
    ----------
    predictor
        The network to fill with.
    improved
        Whether it is a new one.
    before, after
        Held-back error of the weights given, and of the best that were found: the mean squared difference of
        `log(1 + counts)` from what the network expects of it, photon noise included.
    uncertainty
        Standard error of the difference of the two.
    voxels, trained_on
        Voxels that were held back and judged by, and that were hidden to train on.
    gain
        Counts of one photon, as the filling takes them.
    widened
        Factor on the error that the network states: as many held-back voxels are within it as before.
    best, steps
        Step at which the best weights were found, and steps in all.
    checks
        Held-back error before the training, and at each check.
    seconds
        Time of it all.
    """

    predictor: Predictor
    improved: bool
    before: float
    after: float
    uncertainty: float
    voxels: int
    trained_on: int
    gain: float
    widened: float
    best: int
    steps: int
    checks: tuple[float, ...] = ()
    seconds: float = 0.0

    @property
    def record(self) -> dict[str, Any]:
        """The numbers by name, as a manifest and a file of weights hold them."""
        return {**{name: getattr(self, name) for name in _NUMBERS}, "checks": list(self.checks)}

    @property
    def sentence(self) -> str:
        """What was found, for people."""
        if not self.improved and self.best == 0:
            return (
                f"fine-tuning: held-back error {self.before:.4f}, which {self.steps} steps did not lower, "
                f"{self.seconds:.0f} s; the weights given are used"
            )
        used = (
            f"the weights of step {self.best} are used"
            if self.improved
            else "no more than chance: the weights given are used"
        )
        return (
            f"fine-tuning: held-back error {self.before:.4f} before, {self.after:.4f} after "
            f"(standard error of the difference {self.uncertainty:.4f}), {self.steps} steps, "
            f"{self.seconds:.0f} s; {used}"
        )

    @property
    def arrays(self) -> dict[str, NDArray[Any]]:
        """What `restored` takes: the numbers, and the weights where they are new."""
        found = {_RECORD + name: np.array(value) for name, value in self.record.items()}
        if self.improved:
            tensors = self.predictor.network.state_dict()
            found |= {name: tensor.cpu().numpy() for name, tensor in tensors.items()}
        return found

    def save(self, path: Path, weights: str | Path | None = None) -> str:
        """Write the weights as a file that `weights=` takes, and return its SHA-256.

        Parameters
        ----------
        path
            File to write, `.safetensors`.
        weights
            Those that the training began with, as `FillingSettings` names them.
        """
        _, config = registry.read(located(weights)[0])
        config |= {"sigma_scale": self.predictor.sigma_scale, "fine_tuning": self.record}
        return registry.write(path, self.predictor.network.state_dict(), config)


def restored(arrays: Mapping[str, NDArray[Any]], given: Predictor) -> Tuned:
    """Return a finished fine-tuning from the arrays that were kept of it.

    Parameters
    ----------
    arrays
        As `Tuned.arrays` gives them.
    given
        The network that the training began with.
    """
    record = {name: arrays[_RECORD + name].tolist() for name in _NUMBERS}
    record["checks"] = tuple(record["checks"])
    predictor = given
    if record["improved"]:
        network = copy.deepcopy(given.network)
        tensors = {name: torch.from_numpy(a) for name, a in arrays.items() if not name.startswith(_RECORD)}
        network.load_state_dict(tensors)
        predictor = with_network(given, network, record["widened"])
    return Tuned(predictor=predictor, **record)


def with_network(given: Predictor, network: nn.Module, widened: float) -> Predictor:
    """Return a predictor with a fine-tuned network in place of its own.

    Parameters
    ----------
    given
        How windows are shown to it.
    network
        Of the same kind.
    widened
        Factor on its stated error.
    """
    return replace(
        given,
        network=network,
        sigma_scale=widened * given.sigma_scale,
        sha256="",
        name=f"{given.name}, fine-tuned",
    )
