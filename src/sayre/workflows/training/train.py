"""`sayre train`: trains networks for filling and for phase retrieval, each from one configuration file."""

from __future__ import annotations

import os
import shlex
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

from sayre.data.option import Option
from sayre.workflows.jobs.access import Within, reads_within
from sayre.workflows.jobs.progress import Bar, notebook_bar

_RANKS = ("RANK", "LOCAL_RANK", "NODE_RANK", "SLURM_PROCID")
"""Variables that tell a process of a training on several devices its number."""

Config = Annotated[
    Path,
    Option(
        help="Configuration of the training, a TOML file; the folder examples/ has some.",
        metavar="CONFIG",
        argument=True,
    ),
]
Resume = Annotated[
    Path | None,
    Option(
        help="Continue the run of this checkpoint, which is last.ckpt in the folder of the run.",
        metavar="CKPT",
    ),
]
Force = Annotated[bool, Option(help="Replace another run in the folder.")]
_OUT = Option(
    help="Write the checkpoint, the curves and the weights to this folder.",
    flags=("-o", "--out"),
    metavar="DIR",
)


@dataclass(frozen=True, kw_only=True)
class TrainInpaintJob:
    """Train a gap-filling network on simulated patterns, and on measured ones if there are any."""

    config: Config
    folder: Annotated[Path, _OUT] = Path("runs/inpaint")
    resume: Resume = None
    within: Within = None
    force: Force = False

    @property
    def resuming(self) -> str:
        """What is kept when the training is stopped, and how to resume it."""
        return _resuming("inpaint", self.config, self.folder)

    @reads_within
    def run(self, bar: Bar = notebook_bar) -> TrainOutcome:
        """Train, and write the checkpoint, the curves and the weights.

        Raises
        ------
        InputError
            The configuration cannot be used, the folder holds another run or another command writes to it,
            or the checkpoint does not exist.
        """
        from sayre.workflows.training.train_inpaint import InpaintRun, train_inpaint

        settings = InpaintRun.from_toml(self.config)
        with _held(self.folder), bar("training") as advance:
            trained = train_inpaint(
                settings, self.folder, resume=self.resume, force=self.force, progress=advance
            )
        return TrainOutcome(folder=self.folder, weights=trained.weights, use="sayre inpaint … --weights")


@dataclass(frozen=True, kw_only=True)
class TrainPhaseJob:
    """Train a network that phase retrieval starts from, on simulated strained crystals.

    The key `network` of the configuration selects which network: "shape" or "published".
    """

    config: Config
    folder: Annotated[Path, _OUT] = Path("runs/phase")
    resume: Resume = None
    force: Force = False

    @property
    def resuming(self) -> str:
        """What is kept when the training is stopped, and how to resume it."""
        return _resuming("phase", self.config, self.folder)

    def run(self, bar: Bar = notebook_bar) -> TrainOutcome:
        """Train, and write the checkpoint, the curves and the weights.

        Raises
        ------
        InputError
            The configuration cannot be used, the folder holds another run or another command writes to it,
            or the checkpoint does not exist.
        """
        from sayre.workflows.training.train_phase import AnyPhaseRun, train_phase

        settings = AnyPhaseRun.from_toml(self.config).root
        with _held(self.folder), bar("training") as advance:
            weights = train_phase(
                settings, self.folder, resume=self.resume, force=self.force, progress=advance
            )
        return TrainOutcome(folder=self.folder, weights=weights, use="sayre phase … --init network --weights")


@dataclass(frozen=True, kw_only=True)
class TrainOutcome:
    """What a training made: the weights, and the command that uses them."""

    folder: Path
    weights: Path
    use: str

    @property
    def numbers(self) -> dict[str, Any]:
        """Paths of the weights and of the curves."""
        return {"weights": str(self.weights), "curves": str(self.folder / "metrics.csv")}

    @property
    def sentence(self) -> str:
        """The weights, how to use them, and where the curves are."""
        return (
            f"{self.weights}: the weights are trained; use them by `{self.use}`. The curves are in "
            f"{self.folder}/metrics.csv."
        )


def _held(folder: Path) -> AbstractContextManager[None]:
    """Hold the folder of a training; of several processes on as many devices, the first does."""
    from sayre.files.lock import folder_held

    first = all(os.environ.get(name, "0") == "0" for name in _RANKS)
    return folder_held(folder) if first else nullcontext()


def _resuming(kind: str, config: Path, out: Path) -> str:
    """Return what is kept of a training, and the command that resumes it."""
    checkpoint = out / "last.ckpt"
    if not checkpoint.exists():
        return "no epoch is finished, so nothing is kept; the same command begins anew"
    command = ["sayre", "train", kind, str(config), "-o", str(out), "--resume", str(checkpoint)]
    return f"{checkpoint} keeps the finished epochs; resume the training by `{shlex.join(command)}`"
