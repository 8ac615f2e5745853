"""`sayre train`: weights for filling and for phase retrieval, each from one configuration file."""

from __future__ import annotations

import shlex
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

from sayre.data.option import Option
from sayre.workflows.progress import Bar, no_bar

Config = Annotated[Path, Option(help="TOML file; examples/ has some.", metavar="CONFIG", argument=True)]
Resume = Annotated[
    Path | None, Option(help="Checkpoint to continue from: last.ckpt in a run's folder.", metavar="CKPT")
]
Force = Annotated[bool, Option(help="Replace another run in the folder.")]
_OUT = Option(help="Folder of checkpoint, curves and weights.", flags=("-o", "--out"), metavar="DIR")


@dataclass(frozen=True, kw_only=True)
class TrainInpaintJob:
    """Train a gap-filling network on simulated (and measured) patterns."""

    config: Config
    folder: Annotated[Path, _OUT] = Path("runs/inpaint")
    resume: Resume = None
    force: Force = False

    @property
    def resuming(self) -> str:
        return _resuming("inpaint", self.config, self.folder)

    def run(self, bar: Bar = no_bar) -> TrainOutcome:
        """Train, and write checkpoint, curves and weights.

        Raises
        ------
        InputError
            A configuration that cannot be used, another run in the folder, no such checkpoint.
        """
        from sayre.workflows.train_inpaint import InpaintRun, train_inpaint

        settings = InpaintRun.from_toml(self.config)
        with bar("training") as report:
            result = train_inpaint(settings, self.folder, resume=self.resume, force=self.force, report=report)
        return TrainOutcome(folder=self.folder, weights=result.weights, use="sayre inpaint … --weights")


@dataclass(frozen=True, kw_only=True)
class TrainPhaseJob:
    """Train a network that gives phase retrieval its start, on simulated strained crystals.

    The key `network` of the configuration states which: "shape" or "published".
    """

    config: Config
    folder: Annotated[Path, _OUT] = Path("runs/phase")
    resume: Resume = None
    force: Force = False

    @property
    def resuming(self) -> str:
        return _resuming("phase", self.config, self.folder)

    def run(self, bar: Bar = no_bar) -> TrainOutcome:
        """Train, and write checkpoint, curves and weights.

        Raises
        ------
        InputError
            A configuration that cannot be used, another run in the folder, no such checkpoint.
        """
        from sayre.workflows.train_phase import AnyPhaseRun, train_phase

        settings = AnyPhaseRun.from_toml(self.config).root
        with bar("training") as report:
            weights = train_phase(settings, self.folder, resume=self.resume, force=self.force, report=report)
        return TrainOutcome(folder=self.folder, weights=weights, use="sayre phase … --init network --weights")


@dataclass(frozen=True, kw_only=True)
class TrainOutcome:
    """The weights, and the option that takes them."""

    folder: Path
    weights: Path
    use: str

    @property
    def numbers(self) -> dict[str, Any]:
        return {"weights": str(self.weights), "curves": str(self.folder / "metrics.csv")}

    @property
    def sentence(self) -> str:
        return f"{self.weights}: use it by `{self.use}`; curves in {self.folder}/metrics.csv"


def _resuming(kind: str, config: Path, out: Path) -> str:
    checkpoint = out / "last.ckpt"
    if not checkpoint.exists():
        return "no epoch was finished and nothing is kept, the same command begins anew"
    command = ["sayre", "train", kind, str(config), "-o", str(out), "--resume", str(checkpoint)]
    return f"{checkpoint} keeps what was trained, resume it by `{shlex.join(command)}`"
